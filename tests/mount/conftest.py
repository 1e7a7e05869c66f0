# SPDX-License-Identifier: Apache-2.0
"""Fixtures for mounts by mount(8)."""

import os
from pathlib import Path

import pytest

from support.mount_points import MountPoint, copy_programs, folder_of, installed_helper
from support.processes import program, run


@pytest.fixture
def helper():
    """The build's helper, where mount(8) looks for it."""
    with installed_helper(Path(program("mount.glance"))):
        yield


@pytest.fixture
def point(helper, tmp_path, daemon_limit):
    """A directory to mount on."""
    point = MountPoint(tmp_path / "point", daemon_limit)
    yield point
    point.clean_up()


@pytest.fixture
def filesystems(tmp_path):
    """Where the test's own filesystems are mounted."""
    path = tmp_path.with_name(tmp_path.name + "-filesystems")
    path.mkdir()
    return path


@pytest.fixture
def fstab(tmp_path, catalog_dir, point):
    """An fstab with one line for the catalog."""
    path = tmp_path / "fstab"
    line = f"{os.fspath(catalog_dir)} {os.fspath(point)} glance create,noauto,x-test,_netdev 0 0\n"
    path.write_text(line, encoding="utf-8")
    return path


class Nobody:
    """An ordinary user with a folder, an installation of the programs and an empty catalog."""

    def __init__(self, folder, limit):
        self.folder = folder
        self.helper, self.glancefs = copy_programs(folder)
        self.catalog = folder / "catalog"
        self.point = MountPoint(folder / "point", limit)
        run("chown", "nobody", self.point)

    def run(self, *command, **options):
        return run("runuser", "-u", "nobody", "--", *command, **options)

    def mount(self, options="create", **how):
        return self.run(self.helper, self.catalog, self.point, "-o", options, **how)

    def unmount(self):
        self.run("fusermount3", "-u", self.point)


@pytest.fixture
def nobody(daemon_limit):
    with folder_of("nobody") as folder:
        user = Nobody(folder, daemon_limit)
        yield user
        user.point.clean_up()

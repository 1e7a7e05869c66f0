# SPDX-License-Identifier: Apache-2.0
"""cmake --install: what a package would hold."""

import os
from pathlib import Path

import pytest

from support.processes import BUILD, environment, program, run

PAGES = [
    "glance-api-bridge.8",
    "glance-catalog.8",
    "glancefs.8",
    "glancefs.conf.5",
    "mount.fuse.glance.8",
    "mount.glance.8",
    "umount.fuse.glance.8",
]


@pytest.fixture
def root(tmp_path):
    """The root of a system in which glancefs is installed."""
    for name in ("glancefs", "glance-catalog", "glance-api-bridge", "mount.glance"):
        program(name)  # fails where it is not built
    variables = environment() | {"DESTDIR": os.fspath(tmp_path / "root")}
    run("cmake", "--install", BUILD, "--prefix", "/usr", env=variables)
    return tmp_path / "root"


def test_the_programs_are_where_mount_8_looks_for_them(root):
    for name in ("glancefs", "glance-api-bridge", "glance-catalog"):
        assert "glance" in run(root / "usr/bin" / name, "--version").stdout
    helper = root / "usr/sbin/mount.glance"
    assert "glance" in run(helper, "--version").stdout
    for name in ("mount.fuse.glance", "umount.fuse.glance"):
        link = root / "usr/sbin" / name
        assert link.is_symlink()
        assert link.resolve() == helper


def test_the_documents_are_installed(root):
    pages = sorted(path.name for path in (root / "usr/share/man").rglob("*.*"))
    assert pages == PAGES
    documents = root / "usr/share/doc/glancefs"
    assert {"guide.md", "exit-codes.md", "differences.md"} <= set(os.listdir(documents))


def test_the_installed_helper_finds_the_installed_daemon(root, tmp_path):
    """Both lie beside each other, wherever the prefix is."""
    directory = tmp_path / "mnt"
    directory.mkdir()
    helper = root / "usr/sbin/mount.glance"
    run(helper, tmp_path / "catalog", directory, "-o", "create")
    try:
        assert Path("/proc/mounts").read_text().count(f" {directory} fuse.glance ") == 1
    finally:
        run(root / "usr/sbin/umount.fuse.glance", directory)

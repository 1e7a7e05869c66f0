# SPDX-License-Identifier: Apache-2.0
"""A catalog that a program of ours has made: who may read it."""

import os
import stat
from contextlib import contextmanager

import pytest

from support.processes import glance_catalog


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder):
    """The modes of the database and of the folders above it, by relative path."""
    paths = [folder, folder / "catalog", *(folder / "catalog").glob("glance.sqlite*")]
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode))[2:] for path in paths
    }


def assert_for_owner_and_group(folder):
    found = modes(folder)
    assert {"catalog", "catalog/glance.sqlite"} <= set(found)
    for path, mode in found.items():
        assert mode == ("750" if (folder / path).is_dir() else "640"), (path, found)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def mask(request):
    with umask(request.param):
        yield


def test_the_tool_makes_it_for_owner_and_group(tmp_path, mask):
    glance_catalog("--spec", tmp_path / "new" / "catalog", "db-sync")
    assert_for_owner_and_group(tmp_path / "new")


def test_a_bridge_makes_it_for_owner_and_group(tmp_path, bridges, mask):
    rest = bridges.start(tmp_path / "new" / "catalog").rest
    rest.create_raw("image", b"data")
    found = modes(tmp_path / "new")
    assert {"catalog/glance.sqlite-wal", "catalog/glance.sqlite-shm"} <= set(found)
    assert_for_owner_and_group(tmp_path / "new")


def test_a_mount_makes_it_for_owner_and_group(tmp_path, mounts, mask):
    mount = mounts.start(tmp_path / "new" / "catalog")
    (mount.path / "image").write_bytes(b"data")
    assert_for_owner_and_group(tmp_path / "new")


def test_what_is_there_keeps_its_modes(tmp_path):
    folder = tmp_path / "catalog"
    glance_catalog("--spec", folder, "db-sync")
    folder.chmod(0o711)
    (folder / "glance.sqlite").chmod(0o664)
    glance_catalog("--spec", folder, "db-sync")
    assert modes(tmp_path)["catalog"] == "711"
    assert modes(tmp_path)["catalog/glance.sqlite"] == "664"

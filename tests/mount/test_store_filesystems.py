# SPDX-License-Identifier: Apache-2.0
"""Filesystems that a store may lie on, and those that are refused by name."""

import socket
import subprocess
from contextlib import contextmanager

import pytest

from support.expectations import assert_published
from support.filesystems import btrfs, ext4, loop_device, mounted, tmpfs
from support.images import random_file
from support.mounts import MountSet
from support.processes import program, run, wait_until

SIZE = 3_000_001


@contextmanager
def on_tmpfs(folder):
    with tmpfs(folder / "tmpfs", 32) as point:
        yield point


@contextmanager
def on_ext4(folder):
    with ext4(folder, 32) as point:
        yield point


@contextmanager
def on_btrfs(folder):
    with btrfs(folder) as point:
        yield point


@contextmanager
def on_overlay(folder):
    """On tmpfs, since what the test lies on may be an overlay itself."""
    with tmpfs(folder / "layers", 32) as layers:
        for name in ("lower", "upper", "work"):
            (layers / name).mkdir()
        options = f"lowerdir={layers}/lower,upperdir={layers}/upper,workdir={layers}/work"
        with mounted("overlay", folder / "overlay", "-t", "overlay", "-o", options) as point:
            yield point


@contextmanager
def on_bindfs(folder):
    """It knows no RENAME_NOREPLACE and no unnamed files, as NFS and CephFS do not."""
    real, bound = folder / "real", folder / "bound"
    real.mkdir()
    bound.mkdir()
    run("bindfs", real, bound)
    try:
        yield bound
    finally:
        run("umount", bound)


@contextmanager
def on_sshfs(folder):
    """Without a network: sshfs talks to an SFTP server over a socket."""
    real, point = folder / "served", folder / "sshfs"
    real.mkdir()
    point.mkdir()
    here, there = socket.socketpair()
    with here, there:
        server = subprocess.Popen(["/usr/lib/openssh/sftp-server"], stdin=there, stdout=there)
        client = subprocess.Popen(
            ["sshfs", "-f", "-o", "passive,allow_other", f"x:{real}", point],
            stdin=here,
            stdout=here,
        )
    try:
        wait_until(point.is_mount, 10, "sshfs")
        yield point
    finally:
        run("umount", point, check=False)
        client.terminate()
        client.wait()
        server.terminate()
        server.wait()


ABLE = [on_tmpfs, on_ext4, on_btrfs, on_overlay, on_bindfs, on_sshfs]


@pytest.mark.parametrize("filesystem", ABLE, ids=lambda each: each.__name__)
def test_a_store_may_lie_on(filesystem, filesystems, catalog_dir, daemon_limit, tmp_path):
    source = random_file(tmp_path / "source.img", SIZE)
    with filesystem(filesystems) as point:
        catalog_dir.store = point / "images"
        with MountSet(tmp_path, daemon_limit) as mounts:
            mount = mounts.start(catalog_dir.config())
            run("cp", source, mount / "image.img")
            assert_published(mount, catalog_dir, "image.img", source)
            run("cp", source, mount / "second.img")
            run("mv", mount / "second.img", mount / "image.img")
            run("cmp", source, mount / "image.img")
            run("rm", mount / "image.img")
        assert [each.name for each in catalog_dir.store.iterdir() if each.is_file()] == [
            ".glancefs-store"
        ]


def test_a_filesystem_that_cannot_hold_a_store_is_refused_by_name(filesystems, tmp_path):
    image, point = filesystems / "exfat.img", filesystems / "exfat"
    run("truncate", "-s", "32M", image)
    run("mkfs.exfat", image)
    point.mkdir()
    with loop_device(image) as device:
        run("mount.exfat-fuse", device, point)
        try:
            (tmp_path / "mnt").mkdir()
            command = [program("glancefs"), point / "catalog", tmp_path / "mnt", "-o", "create"]
            result = run(*command, check=False)
        finally:
            run("umount", point)
    assert result.returncode != 0
    assert "cannot hold a store: it knows no hard links; allowed: " in result.stderr
    assert str(point) in result.stderr

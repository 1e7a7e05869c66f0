# SPDX-License-Identifier: Apache-2.0
"""Small filesystems for stores that run full, or that nobody may write to."""

import os
from contextlib import contextmanager

from support.processes import run


@contextmanager
def mounted(source, point, *options):
    point.mkdir(exist_ok=True)
    run("mount", *options, source, point)
    try:
        yield point
    finally:
        run("umount", point)


@contextmanager
def loop_device(*arguments):
    device = run("losetup", "--show", "-f", *arguments).stdout.strip()
    try:
        yield device
    finally:
        run("losetup", "-d", device)


@contextmanager
def tmpfs(point, megabytes):
    with mounted("tmpfs", point, "-t", "tmpfs", "-o", f"size={megabytes}m") as folder:
        yield folder


@contextmanager
def ext4(folder, megabytes):
    """That much of the filesystem that most stores lie on."""
    image = folder / "ext4.img"
    run("truncate", "-s", f"{megabytes}M", image)
    run("mkfs.ext4", "-q", "-m", "0", image)
    with loop_device(image) as device, mounted(device, folder / "ext4") as point:
        yield point


@contextmanager
def btrfs(folder):
    """256 MiB of a filesystem whose files can share blocks."""
    image = folder / "btrfs.img"
    run("truncate", "-s", "256M", image)
    run("mkfs.btrfs", "-q", image)
    with loop_device(image) as device, mounted(device, folder / "btrfs") as point:
        yield point


@contextmanager
def quota(folder, megabytes):
    """A directory that may hold so much, on a filesystem with room for more."""
    with btrfs(folder) as point:
        limited = point / "limited"
        run("btrfs", "quota", "enable", point)
        run("btrfs", "subvolume", "create", limited)
        run("btrfs", "qgroup", "limit", f"{megabytes}M", limited)
        yield limited


def used_bytes(folder):
    """Of the whole filesystem."""
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def quota_used_bytes(limited):
    """What counts for the quota; btrfs counts when it commits."""
    shown = run("btrfs", "qgroup", "show", "--sync", "--raw", "-f", limited).stdout
    return int(shown.splitlines()[-1].split()[1])

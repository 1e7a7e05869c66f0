# SPDX-License-Identifier: Apache-2.0
"""What the mount shows of an image in each status, and lets be done with it."""

import fcntl
import mmap
import os
import struct

import pytest

from support.expectations import fails_with, wait_until_active
from support.processes import wait_until


@pytest.fixture
def image(mount):
    (mount / "image").write_bytes(b"data")
    wait_until_active(mount, "image")
    return mount / "image"


GONE = ("killed", "deleted", "pending_delete")


def put_into(catalog_dir, mount, status, size=4):
    """As another program on the same database may do it."""
    catalog_dir.execute("UPDATE images SET status = ?, size = ?", status, size)
    if status in GONE:
        wait_until(lambda: mount.names() == [], 1, "the empty directory")
    else:
        wait_until(lambda: mount.xattr("image", "status") == status, 1, status)


@pytest.mark.parametrize("status", ["saving", "uploading", "importing"])
def test_what_others_fill_grows_and_is_busy(mount, catalog_dir, image, status):
    for size in (1000, 2000):
        put_into(catalog_dir, mount, status, size)
        wait_until(lambda: os.stat(image).st_size == size, 1, "the size")
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        with fails_with("EBUSY"):
            os.open(image, flags)
    assert mount.names() == ["image"]


@pytest.mark.parametrize("status", GONE)
def test_what_is_as_good_as_deleted_is_not_there(mount, catalog_dir, image, status):
    put_into(catalog_dir, mount, status)
    for flags in (os.O_RDONLY, os.O_WRONLY):
        with fails_with("ENOENT"):
            os.open(image, flags)
    assert os.listdir(mount / ".by-id") == []


def test_a_queued_image_is_empty_and_waits_for_its_writer(mount, catalog_dir, image):
    catalog_dir.execute("UPDATE image_locations SET deleted = 1, status = 'deleted'")
    put_into(catalog_dir, mount, "queued", None)
    assert os.stat(image).st_size == 0
    with fails_with("EBUSY"):
        os.open(image, os.O_RDONLY)


def test_a_deactivated_image_has_its_size_and_is_closed_to_all(mount, catalog_dir, image):
    put_into(catalog_dir, mount, "deactivated")
    assert os.stat(image).st_size == 4
    for flags in (os.O_RDONLY, os.O_WRONLY):
        with fails_with("EACCES"):
            os.open(image, flags)


# ── while it is written ──────────────────────────────────────────────────────────────────────


def test_fsync_makes_durable_and_does_not_publish(mount, catalog_dir):
    descriptor = os.open(mount / "image", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"data")
    os.fsync(descriptor)
    assert catalog_dir.statuses() == {"image": "saving"}
    assert catalog_dir.spooled_bytes() == 4
    os.write(descriptor, b" and more")
    os.close(descriptor)
    wait_until_active(mount, "image")
    assert (mount / "image").read_bytes() == b"data and more"


def test_an_unfinished_file_cannot_be_mapped_shared(mount):
    descriptor = os.open(mount / "image", os.O_CREAT | os.O_RDWR)
    os.write(descriptor, b"x" * mmap.PAGESIZE)
    with fails_with("ENODEV"):
        mmap.mmap(descriptor, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    os.close(descriptor)


def test_the_writer_of_a_removed_file_is_told(mount):
    descriptor = os.open(mount / "image", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"data")
    os.unlink(mount / "image")
    with fails_with("ESTALE"):
        os.close(descriptor)


# ── locks ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lock", [fcntl.flock, fcntl.lockf], ids=["flock", "posix"])
def test_locks_are_kept_between_processes(mount, image, lock):
    with open(image, "rb") as ours, open(image, "rb") as theirs:
        lock(ours, fcntl.LOCK_SH | fcntl.LOCK_NB)
        child = os.fork()
        if child == 0:
            try:
                lock(theirs, fcntl.LOCK_SH | fcntl.LOCK_NB)
                # Two share it; alone it is nobody's. POSIX locks to write need a writer.
                if lock is fcntl.flock:
                    lock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os._exit(0)
            except BlockingIOError:
                os._exit(3)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == (3 if lock is fcntl.flock else 0)


def fcntl_lock(kind):
    """A struct flock of the whole file."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)


def test_open_file_description_locks_of_one_process_exclude_each_other(mount):
    path = mount / "image"
    first = os.open(path, os.O_CREAT | os.O_RDWR)
    second = os.open(path, os.O_RDWR)
    wanted = fcntl_lock(fcntl.F_WRLCK)
    fcntl.fcntl(first, fcntl.F_OFD_SETLK, wanted)
    with pytest.raises(OSError):
        fcntl.fcntl(second, fcntl.F_OFD_SETLK, wanted)
    fcntl.fcntl(first, fcntl.F_OFD_SETLK, fcntl_lock(fcntl.F_UNLCK))
    fcntl.fcntl(second, fcntl.F_OFD_SETLK, wanted)
    os.close(first)
    os.close(second)

# SPDX-License-Identifier: Apache-2.0
"""What the mount shows of an image in each status, and lets be done with it."""

import fcntl
import mmap
import os
import struct
from contextlib import closing

import pytest

from support.configs import ConfiguredCatalog
from support.expectations import fails_with, wait_until_active
from support.processes import wait_until


@pytest.fixture
def image(mount):
    (mount / "image").write_bytes(b"data")
    wait_until_active(mount, "image")
    return mount / "image"


def put_into(catalog_dir, status, size=4):
    """What nothing of ours does, but another program on the same database may."""
    catalog_dir.execute("UPDATE images SET status = ?, size = ?", status, size)


def assert_busy(image):
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        with fails_with("EBUSY"):
            os.open(image, flags)


STEP = 1 << 20
PIECE = 512 << 10  # what the bridge may hold before it goes on with it


def assert_grows(mount, write, held=0):
    """What `write(bytes)` adds to the image shows within a second, but for the `held` bytes that
    are still on their way, and nobody else may open it."""
    for size in (STEP, 2 * STEP, 3 * STEP):
        write(b"x" * STEP)
        wait_until(lambda: os.stat(mount / "image").st_size >= size - held, 1, f"{size} bytes")
        assert os.stat(mount / "image").st_size <= size
        assert_busy(mount / "image")
    assert mount.names() == ["image"]


@pytest.mark.parametrize("door, status", [("file", "saving"), ("stage", "uploading")])
def test_what_others_fill_grows_and_is_busy(mounts, bridges, tmp_path, door, status):
    config = ConfiguredCatalog(tmp_path / "catalog")
    mount, rest = mounts.start(config), bridges.start(config).rest
    image_id = rest.create(name="image", disk_format="raw", container_format="bare")["id"]
    wait_until(lambda: mount.names() == ["image"], 1, "the image")
    with closing(rest.begin_put(f"/v2/images/{image_id}/{door}", 4 * STEP, b"")) as upload:
        assert_grows(mount, upload.send, PIECE)
        # As with Glance: nobody knows the size before all is there.
        image = rest.image(image_id)
        assert (image["status"], image["size"]) == (status, None)
        assert "size" not in mount.xattrs("image")
        upload.send(b"x" * STEP)
        assert upload.getresponse().status == 204
    wait_until(lambda: os.stat(mount / "image").st_size == 4 * STEP, 1, "all of it")
    assert config.rows("SELECT * FROM glancefs_progress") == []


def test_what_another_mount_writes_grows_and_is_busy(mounts, mount, catalog_dir):
    writers = mounts.start(catalog_dir)
    descriptor = os.open(writers / "image", os.O_CREAT | os.O_WRONLY)
    wait_until(lambda: mount.names() == ["image"], 1, "the image")
    assert_grows(mount, lambda data: os.write(descriptor, data))
    os.close(descriptor)
    assert (mount / "image").read_bytes() == b"x" * 3 * STEP


def test_the_size_of_what_never_came_whole_is_forgotten(mount, catalog_dir, rest):
    image_id = rest.create(name="image", disk_format="raw", container_format="bare")["id"]
    with closing(rest.begin_put(f"/v2/images/{image_id}/file", 4 * STEP, b"x" * STEP)):
        wait_until(lambda: catalog_dir.rows("SELECT * FROM glancefs_progress"), 1, "the progress")
    wait_until(lambda: mount.xattr("image", "status") == "queued", 5, "the end of the upload")
    assert os.stat(mount / "image").st_size == 0
    assert catalog_dir.rows("SELECT * FROM glancefs_progress") == []


def test_no_upload_waits_to_tell_how_far_it_is(mount, catalog_dir, rest):
    """Somebody else keeps the database locked; when he is gone, it is told."""
    image_id = rest.create(name="image", disk_format="raw", container_format="bare")["id"]
    with closing(rest.begin_put(f"/v2/images/{image_id}/file", 4 * STEP, b"")) as upload:
        wait_until(lambda: catalog_dir.statuses() == {"image": "saving"}, 5, "the upload")
        with catalog_dir.write() as database:
            database.execute("BEGIN IMMEDIATE")
            for size in (STEP, 2 * STEP):
                upload.send(b"x" * STEP)
                arrived = lambda: catalog_dir.spooled_bytes() >= size - PIECE
                wait_until(arrived, 5, f"{size} bytes")
        wait_until(lambda: os.stat(mount / "image").st_size > STEP, 2, "the size")


# Nothing of ours imports yet; another program on the same database may.
def test_what_another_program_imports_is_busy(mount, catalog_dir, image):
    put_into(catalog_dir, "importing", 1000)
    wait_until(lambda: os.stat(image).st_size == 1000, 1, "the size")
    assert_busy(image)


@pytest.mark.parametrize("status", ["killed", "deleted", "pending_delete"])
def test_what_is_as_good_as_deleted_is_not_there(mount, catalog_dir, rest, image, status):
    if status == "deleted":
        rest.delete(mount.xattr("image", "id"))
    else:
        put_into(catalog_dir, status)
    wait_until(lambda: mount.names() == [], 1, "the empty directory")
    for flags in (os.O_RDONLY, os.O_WRONLY):
        with fails_with("ENOENT"):
            os.open(image, flags)
    assert os.listdir(mount / ".by-id") == []


def test_a_queued_image_is_empty_and_waits_for_its_writer(mount, rest):
    rest.create(name="image", disk_format="raw", container_format="bare")
    wait_until(lambda: mount.names() == ["image"], 1, "the image")
    assert (mount.xattr("image", "status"), os.stat(mount / "image").st_size) == ("queued", 0)
    with fails_with("EBUSY"):
        os.open(mount / "image", os.O_RDONLY)
    (mount / "image").write_bytes(b"data")
    assert mount.xattr("image", "status") == "active"


def test_a_deactivated_image_has_its_size_and_is_closed_to_all(mount, rest, image):
    action = f"/v2/images/{mount.xattr('image', 'id')}/actions/deactivate"
    rest.request("POST", action, expect=204)
    wait_until(lambda: mount.xattr("image", "status") == "deactivated", 1, "deactivated")
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

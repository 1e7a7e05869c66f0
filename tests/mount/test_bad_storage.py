# SPDX-License-Identifier: Apache-2.0
"""Store and database fail underneath: one clear error, nothing half published, others go on."""

import errno
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest

from support.catalogs import CatalogDir
from support.expectations import assert_published, fails_with
from support.filesystems import ext4, quota, quota_used_bytes, tmpfs, used_bytes
from support.images import random_file
from support.mounts import Mount, MountSet, mounted_paths
from support.processes import SLOW, Daemon, environment, program, run, wait_until

MEGABYTE = 1 << 20
ROOM = 16 * MEGABYTE


# ── no room ──────────────────────────────────────────────────────────────────────────────────


# Each yields the errno, and a function that tells how much of the 16 MiB is in use.


@contextmanager
def store_on(filesystem, catalog_dir):
    with filesystem as small:
        catalog_dir.store = small / "images"
        yield "ENOSPC", lambda: used_bytes(small)


@contextmanager
def catalog_on(filesystem, catalog_dir):
    with filesystem as small:
        catalog_dir.__init__(small / "catalog")
        yield "ENOSPC", lambda: used_bytes(small)


def full_disk(folder, catalog_dir):
    return store_on(tmpfs(folder / "small", 16), catalog_dir)


def full_disk_with_the_database(folder, catalog_dir):
    return catalog_on(tmpfs(folder / "small", 16), catalog_dir)


def full_ext4(folder, catalog_dir):
    return store_on(ext4(folder, 20), catalog_dir)


def full_ext4_with_the_database(folder, catalog_dir):
    return catalog_on(ext4(folder, 20), catalog_dir)


@contextmanager
def exhausted_quota(folder, catalog_dir):
    with quota(folder, 16) as limited:
        catalog_dir.store = limited / "images"
        yield "EDQUOT", lambda: quota_used_bytes(limited)


# These two go by the database, which has forgotten a file before it is gone.


@contextmanager
def size_cap(folder, catalog_dir):
    yield "EFBIG", lambda: 0


@contextmanager
def project_quota(folder, catalog_dir):
    yield "EDQUOT", lambda: 0


LIMITS = [
    full_disk,
    full_disk_with_the_database,
    full_ext4,
    full_ext4_with_the_database,
    exhausted_quota,
    size_cap,
    project_quota,
]
SETTINGS = {size_cap: {"image_size_cap": ROOM}, project_quota: {"user_storage_quota": ROOM}}


@dataclass
class Limited:
    """A mount whose images cannot have 16 MiB, and the errno that says so."""

    mount: Mount
    error: str
    catalog_dir: CatalogDir
    used: Callable[[], int]

    def wait_for_room(self, size=ROOM // 2):
        """A file that is gone takes its room until whoever wrote it has closed it."""
        wait_until(lambda: self.used() <= ROOM - size, 5, f"room for {size} bytes")

    def assert_settled(self, statuses):
        """What is left: these images with their data, no spool, and room."""
        catalog_dir = self.catalog_dir
        wait_until(lambda: catalog_dir.statuses() == statuses, 5, f"the images {statuses}")
        wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
        assert len(catalog_dir.data_files()) == list(statuses.values()).count("active")
        self.wait_for_room()


@pytest.fixture(params=LIMITS, ids=[limit.__name__ for limit in LIMITS])
def limited(request, tmp_path, filesystems, catalog_dir):
    with request.param(filesystems, catalog_dir) as (error, used):
        with MountSet(tmp_path, 60) as mounts:
            settings = SETTINGS.get(request.param, {})
            mount = mounts.start(catalog_dir.config(**settings))
            yield Limited(mount, error, catalog_dir, used)


@pytest.fixture
def too_big(tmp_path):
    return random_file(tmp_path / "too-big.img", 24 * MEGABYTE)


def assert_still_works(mount, catalog_dir, source):
    run("cp", source, mount / "next.img")
    assert_published(mount, catalog_dir, "next.img", source)


MESSAGES = {
    "ENOSPC": "No space left on device",
    "EDQUOT": "Disk quota exceeded",
    "EFBIG": "File too large",
}


@pytest.mark.parametrize("tool", ["cp", "cp --sparse=always", "dd", "rsync"])
def test_what_does_not_fit_fails_and_leaves_nothing(
    limited, catalog_dir, too_big, small_source, tool
):
    mount, error = limited.mount, limited.error
    commands = {"dd": ("dd", f"if={too_big}", f"of={mount.path}/too-big.img", "bs=1M")}
    command = commands.get(tool, (*tool.split(), too_big, mount / "too-big.img"))
    result = run(*command, check=False)
    assert result.returncode == (11 if tool == "rsync" else 1)
    assert MESSAGES[error] in result.stderr
    limited.assert_settled({})
    assert_still_works(mount, catalog_dir, small_source)


def test_a_failed_write_is_not_forgotten(limited, catalog_dir, tmp_path, small_source):
    """Even where room is made meanwhile: a gap that nobody notices would be worse."""
    mount, error = limited.mount, limited.error
    other = random_file(tmp_path / "other.img", 6 * MEGABYTE)
    run("cp", other, mount)
    descriptor = os.open(mount / "image", os.O_CREAT | os.O_WRONLY)
    with fails_with(error):
        for _ in range(24):
            os.write(descriptor, other.read_bytes()[:MEGABYTE])
    os.unlink(mount / "other.img")
    wait_until(lambda: catalog_dir.data_files() == [], 5, "the end of the other")
    limited.wait_for_room(5 * MEGABYTE)
    for call in (
        lambda: os.write(descriptor, b"more"),
        lambda: os.fsync(descriptor),
        lambda: os.ftruncate(descriptor, 10),
        lambda: os.close(descriptor),
    ):
        with fails_with(error):
            call()
    limited.assert_settled({})
    assert_still_works(mount, catalog_dir, small_source)


def test_opening_a_file_again_whose_write_failed_fails_too(limited, catalog_dir, too_big):
    mount, error = limited.mount, limited.error
    data = too_big.read_bytes()
    descriptor = os.open(mount / "image", os.O_CREAT | os.O_WRONLY)
    with fails_with(error):
        for start in range(0, len(data), MEGABYTE):
            os.write(descriptor, data[start : start + MEGABYTE])
    with fails_with(error):
        os.open(mount / "image", os.O_WRONLY | os.O_TRUNC)
    with fails_with(error):
        os.close(descriptor)
    limited.assert_settled({})


def test_what_waits_for_data_stays_when_they_do_not_fit(limited, catalog_dir, too_big, small_source):
    mount = limited.mount
    run("touch", mount / "image")
    assert run("cp", too_big, mount / "image", check=False).returncode == 1
    limited.assert_settled({"image": "queued"})
    run("cp", small_source, mount / "image")
    assert_published(mount, catalog_dir, "image", small_source)


def test_an_editor_hears_that_its_data_do_not_fit(limited, catalog_dir, too_big):
    mount, error = limited.mount, limited.error
    convert = ("qemu-img", "convert", "-f", "raw", "-O", "qcow2", too_big, mount / "disk")
    result = run(*convert, check=False)
    assert result.returncode == 1
    assert MESSAGES[error] in result.stderr
    limited.assert_settled({})


def test_fallocate_says_at_once_that_there_is_no_room(limited, catalog_dir, small_source):
    mount, error = limited.mount, limited.error
    descriptor = os.open(mount / "image", os.O_CREAT | os.O_WRONLY)
    with fails_with(error):
        os.posix_fallocate(descriptor, 0, 24 * MEGABYTE)
    # Asking has cost nothing: what fits is still welcome.
    os.write(descriptor, small_source.read_bytes())
    os.close(descriptor)
    assert_published(mount, catalog_dir, "image", small_source)


def test_uploads_beside_one_that_does_not_fit_succeed(limited, catalog_dir, too_big, small_source):
    mount = limited.mount
    descriptor = os.open(mount / "patient.img", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, small_source.read_bytes()[:1000])
    assert run("cp", too_big, mount / "too-big.img", check=False).returncode == 1
    wait_until(lambda: len(catalog_dir.spools()) == 1, 5, "the end of what does not fit")
    limited.wait_for_room()
    os.write(descriptor, small_source.read_bytes()[1000:])
    os.close(descriptor)
    assert_published(mount, catalog_dir, "patient.img", small_source)
    limited.assert_settled({"patient.img": "active"})


def test_the_bridge_refuses_what_does_not_fit(
    limited, bridges, catalog_dir, too_big, small_source
):
    mount = limited.mount
    bridge = bridges.start(mount.spec)
    image = bridge.rest.create(name="image", disk_format="raw", container_format="bare")
    assert bridge.rest.put_data(image["id"], too_big.read_bytes()).status == 413
    limited.assert_settled({"image": "queued"})
    bridge.rest.put_data(image["id"], small_source.read_bytes(), expect=204)
    bridge.stop()
    assert_published(mount, catalog_dir, "image", small_source)


def test_a_size_over_the_cap_is_refused_before_a_byte_comes(mounts, catalog_dir):
    mount = mounts.start(catalog_dir.config(image_size_cap=ROOM))
    for grow in (os.truncate, lambda path, size: os.truncate(path, 1 << 60)):
        run("touch", mount / "image")
        with fails_with("EFBIG"):
            grow(mount / "image", ROOM + 1)
    os.truncate(mount / "image", ROOM)
    assert mount.xattr("image", "size") == str(ROOM)


# ── a store that nobody may write to ─────────────────────────────────────────────────────────


def make_read_only(point):
    remount = ("mount", "-o", "remount,ro", point)
    # An upload that has just been published may still have its file open.
    wait_until(lambda: run(*remount, check=False).returncode == 0, 5, "the last writer's end")


def test_a_read_only_store_reads_and_takes_nothing(tmp_path, filesystems, catalog_dir, small_source):
    with tmpfs(filesystems / "small", 16) as small, MountSet(tmp_path, 60) as mounts:
        catalog_dir.store = small / "images"
        mount = mounts.start(catalog_dir.config())
        run("cp", small_source, mount / "image")
        assert mount.xattr("image", "status") == "active"
        make_read_only(small)
        result = run("cp", small_source, mount / "new", check=False)
        assert result.returncode == 1
        assert "Read-only file system" in result.stderr
        wait_until(lambda: catalog_dir.statuses() == {"image": "active"}, 5, "the end of new")
        assert mount.names() == ["image"]
        assert_published(mount, catalog_dir, "image", small_source)
        mount.set_xattr("image", "os_distro", "debian")  # the database can still be written to
        run("mount", "-o", "remount,rw", small)
        assert_still_works(mount, catalog_dir, small_source)


def test_the_bridge_does_not_tell_where_a_read_only_store_lies(filesystems, bridges, catalog_dir):
    with tmpfs(filesystems / "small", 16) as small:
        catalog_dir.store = small / "images"
        bridge = bridges.start(catalog_dir.config())
        image = bridge.rest.create(disk_format="raw", container_format="bare")["id"]
        make_read_only(small)
        bridge.expect_errors("read_only: ")
        answer = bridge.rest.put_data(image, b"data", expect=410)
        assert str(small) not in answer.body.decode()
        run("mount", "-o", "remount,rw", small)
        bridge.rest.put_data(image, b"data", expect=204)
        bridge.stop()


def test_a_mount_begins_on_a_read_only_store(tmp_path, filesystems, catalog_dir, small_source):
    with tmpfs(filesystems / "small", 16) as small, MountSet(tmp_path, 60) as mounts:
        catalog_dir.store = small / "images"
        mount = mounts.start(catalog_dir.config())
        run("cp", small_source, mount / "image")
        mount.unmount()
        make_read_only(small)
        mount.start()
        assert_published(mount, catalog_dir, "image", small_source)


# ── data that are not what they should be ────────────────────────────────────────────────────


def missing(path):
    path.unlink()


def truncated(path):
    os.truncate(path, 1000)


def extended(path):
    os.truncate(path, 1 << 20)


def symlinked(path):
    path.rename(path.with_name(".elsewhere"))
    path.symlink_to(".elsewhere")


def a_directory(path):
    path.unlink()
    path.mkdir()


SPOILERS = [missing, truncated, extended, symlinked, a_directory]


@pytest.mark.parametrize("spoil", SPOILERS, ids=[spoil.__name__ for spoil in SPOILERS])
def test_spoiled_data_are_an_error_of_that_image_alone(mount, catalog_dir, small_source, spoil):
    for name in ("good", "bad"):
        run("cp", small_source, mount / name)
    image_id = mount.xattr("bad", "id")
    checksum = mount.xattr("bad", "checksum")
    mount.remount()
    mount.daemon.expect_errors(image_id)
    spoil(catalog_dir.data_file(image_id))
    with fails_with("EIO"):
        os.open(mount / "bad", os.O_RDONLY)
    (line,) = [line for line in mount.daemon.log.read_text().splitlines() if "[error]" in line]
    assert image_id in line
    result = run("cp", mount / "bad", "/dev/null", check=False)
    assert result.returncode == 1
    assert "Input/output error" in result.stderr
    # All that is not its data goes on.
    assert_published(mount, catalog_dir, "good", small_source)
    assert mount.xattr("bad", "checksum") == checksum
    mount.set_xattr("bad", "os_distro", "debian")
    assert run("ls", "-l", mount).stderr == ""
    os.rename(mount / "bad", mount / "worse")
    if spoil is not a_directory:
        os.unlink(mount / "worse")
        assert mount.names() == ["good"]


def test_a_store_that_is_gone_is_eio(mount, catalog_dir, small_source):
    """As when its filesystem is not mounted: ENOENT would speak of the new file's name."""
    away = catalog_dir.store.with_name("away")
    catalog_dir.store.rename(away)
    mount.daemon.expect_errors(str(catalog_dir.store))
    result = run("cp", small_source, mount / "new", check=False)
    assert result.returncode == 1
    assert "Input/output error" in result.stderr
    with fails_with("EIO"):
        os.statvfs(mount / ".")
    away.rename(catalog_dir.store)
    assert_still_works(mount, catalog_dir, small_source)


def test_data_that_are_cut_while_they_are_read_do_not_end_early(mount, catalog_dir, small_source):
    """A short read would look like the end of the file: cp would succeed with half an image."""
    run("cp", small_source, mount / "image")
    image_id = mount.xattr("image", "id")
    mount.daemon.expect_errors(image_id)
    with open(mount / "image", "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        assert file.read(10) == small_source.read_bytes()[:10]
        os.truncate(catalog_dir.data_file(image_id), 100_000)
        with fails_with("EIO"):
            os.pread(file.fileno(), 1000, 200_000)
    lines = [line for line in mount.daemon.log.read_text().splitlines() if "[error]" in line]
    assert lines
    assert all("cut short" in line and image_id in line for line in lines)


# ── a database in other hands ────────────────────────────────────────────────────────────────

HOLD_LOCK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
db.execute("ROLLBACK")
"""


@contextmanager
def locked(database):
    """Another process keeps the database's write lock."""
    holder = subprocess.Popen(
        ["/usr/bin/python3", "-c", HOLD_LOCK, database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    try:
        assert holder.stdout.readline() == b"locked\n"
        yield holder
    finally:
        holder.communicate()


def test_readers_go_on_while_the_database_is_locked(mount, catalog_dir, small_source):
    run("cp", small_source, mount / "image")
    assert mount.xattr("image", "status") == "active"
    with locked(catalog_dir.database):
        begin = time.monotonic()
        assert_published(mount, catalog_dir, "image", small_source)
        assert mount.names() == ["image"]
        assert time.monotonic() - begin < 5 * SLOW


def test_writers_wait_for_a_lock_that_is_given_back(mount, catalog_dir, small_source):
    with locked(catalog_dir.database) as holder:
        copy = subprocess.Popen(["cp", small_source, mount / "image"], env=environment())
        with pytest.raises(subprocess.TimeoutExpired):
            copy.wait(1)
        holder.communicate()
    assert copy.wait(20 * SLOW) == 0
    assert_published(mount, catalog_dir, "image", small_source)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_lock_that_is_never_given_back_is_ebusy(mount, catalog_dir, small_source):
    run("cp", small_source, mount / "image")
    assert mount.xattr("image", "status") == "active"
    with locked(catalog_dir.database):
        for change in (
            lambda: os.open(mount / "new", os.O_CREAT | os.O_WRONLY),
            lambda: mount.set_xattr("image", "os_distro", "debian"),
        ):
            with fails_with("EBUSY"):
                change()
        assert mount.names() == ["image"]
    mount.set_xattr("image", "os_distro", "debian")
    assert_still_works(mount, catalog_dir, small_source)
    with closing(sqlite3.connect(catalog_dir.database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# ── a database that is none of ours ──────────────────────────────────────────────────────────


def refusal(spec, point, options="create"):
    """The one line in which glancefs refuses to mount."""
    point.mkdir(exist_ok=True)
    result = run(program("glancefs"), spec, point, "-f", "-o", options, check=False)
    assert result.returncode == 32, result
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture
def database(mounts, catalog_dir, small_source):
    """The database of a catalog with an image, as sqlite3 opens it; nobody else has it open."""
    mount = mounts.start(catalog_dir)
    run("cp", small_source, mount / "image")
    mount.unmount()
    with closing(sqlite3.connect(catalog_dir.database)) as db:
        yield db


@pytest.mark.parametrize("version", ["2027_1_expand01", "wallaby_expand01", "", "rocky_contract02"])
def test_another_schema_version_is_refused_and_named(database, catalog_dir, tmp_path, version):
    with database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    for options in ("create", "rw"):
        line = refusal(catalog_dir, tmp_path / "point", options)
        assert f"'{version}'" in line
        assert "wallaby_contract01" in line  # what is known


def test_a_database_without_a_version_is_refused(database, catalog_dir, tmp_path):
    with database:
        database.execute("DROP TABLE alembic_version")
    for options in ("create", "rw"):
        assert "alembic_version" in refusal(catalog_dir, tmp_path / "point", options)


def test_another_programs_database_is_refused_and_left_alone(catalog_dir, tmp_path):
    catalog_dir.store.mkdir(parents=True)
    with closing(sqlite3.connect(catalog_dir.database)) as db, db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    assert "alembic_version" in refusal(catalog_dir, tmp_path / "point", "rw")
    tables = catalog_dir.rows("SELECT name FROM sqlite_master")
    assert tables == [{"name": "recipes"}]


@pytest.mark.parametrize("content", [b"", b"not a database\n" * 1000, b"SQLite format 3\0"])
def test_a_file_that_is_no_database_is_refused(catalog_dir, tmp_path, content):
    catalog_dir.store.mkdir(parents=True)
    catalog_dir.database.write_bytes(content)
    line = refusal(catalog_dir, tmp_path / "point", "rw")
    assert "database" in line
    assert catalog_dir.database.read_bytes()[: len(content)] == content


@pytest.mark.parametrize("page", [1, 2, 3, 5, 10, 20])
def test_a_corrupt_page_is_an_error_and_never_a_crash(database, catalog_dir, tmp_path, page):
    """It refuses to mount, or it serves what it can read, and says EIO for the rest."""
    (size,) = database.execute("PRAGMA page_size").fetchone()
    with open(catalog_dir.database, "r+b") as file:
        file.seek(page * size)
        file.write(b"\xa5" * size)
    point = tmp_path / "point"
    point.mkdir()
    daemon = Daemon([program("glancefs"), catalog_dir, point, "-f"], tmp_path / "daemon")
    try:
        wait_until(lambda: str(point) in mounted_paths() or not daemon.is_running(), 20, "a start")
        if daemon.is_running():
            image = point / "image"
            for use in (os.listdir, os.listxattr, os.stat, os.unlink):
                try:
                    use(point if use is os.listdir else image)
                except OSError as error:
                    assert error.errno == errno.EIO, (use, error)
                    assert re.search(r"\[error\] .*malformed", daemon.log.read_text())
            assert daemon.signal_and_wait(signal.SIGTERM) == 0
        else:
            assert daemon.wait() == 32
            (line,) = daemon.log.read_text().splitlines()
            assert "malformed" in line
    finally:
        daemon.kill()
        if str(point) in mounted_paths():
            run("umount", "-i", "-l", point)
    assert "unforeseen" not in daemon.log.read_text()


def test_a_missing_store_is_a_refusal_that_names_it(database, catalog_dir, tmp_path):
    catalog_dir.store.rename(tmp_path / "away")
    assert str(catalog_dir.store) in refusal(catalog_dir, tmp_path / "point", "rw")

# SPDX-License-Identifier: Apache-2.0
"""Many at once: writers, readers, mounts."""

import hashlib
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.actor import Actor
from support.expectations import assert_published, fails_with, wait_until_active
from support.images import random_file
from support.processes import SLOW, environment, run, shell, wait_until

WRITERS = 20


@pytest.fixture
def sources(tmp_path):
    """Files of different sizes."""
    return [random_file(tmp_path / f"{i:02}.img", 200_000 + i * 77_777, seed=i)
            for i in range(WRITERS)]


def start(*command):
    return subprocess.Popen(list(map(os.fspath, command)), env=environment())


def test_twenty_parallel_cp_make_twenty_images(mount, catalog_dir, sources):
    copies = [start("cp", source, mount.path) for source in sources]
    assert [copy.wait(60 * SLOW) for copy in copies] == [0] * WRITERS
    assert mount.names() == [source.name for source in sources]
    for source in sources:
        assert_published(mount, catalog_dir, source.name, source)
    assert catalog_dir.spools() == []


def test_twenty_parallel_cp_through_two_mounts(mounts, catalog_dir, sources):
    pair = [mounts.start(catalog_dir), mounts.start(catalog_dir)]
    copies = [start("cp", source, pair[i % 2].path) for i, source in enumerate(sources)]
    assert [copy.wait(60 * SLOW) for copy in copies] == [0] * WRITERS
    names = [source.name for source in sources]
    wait_until(lambda: pair[0].names() == names and pair[1].names() == names, 1, "all images")
    for i, source in enumerate(sources):
        assert_published(pair[(i + 1) % 2], catalog_dir, source.name, source)


def test_twenty_parallel_cp_to_one_name_make_one_image(mount, catalog_dir, sources):
    """Who comes second is told so, and what the first wrote is whole."""
    copies = [start("cp", source, mount / "image") for source in sources]
    statuses = [copy.wait(60 * SLOW) for copy in copies]
    assert set(statuses) == {0, 1}
    wait_until_active(mount, "image")
    assert catalog_dir.statuses() == {"image": "active"}
    checksum = mount.xattr("image", "checksum")
    written = {
        hashlib.md5(source.read_bytes()).hexdigest()
        for source, status in zip(sources, statuses)
        if status == 0
    }
    assert written == {checksum}
    assert hashlib.md5((mount / "image").read_bytes()).hexdigest() == checksum
    assert catalog_dir.spools() == []


def test_parallel_writers_that_die_beside_those_that_live(mount, catalog_dir, sources):
    dying = [Actor() for _ in range(5)]
    try:
        for i, actor in enumerate(dying):
            descriptor = actor.open(mount / f"dying{i}", os.O_CREAT | os.O_WRONLY)
            actor.write(descriptor, b"x" * 300_000)
        copies = [start("cp", source, mount.path) for source in sources]
        for actor in dying:
            actor.kill()
        assert [copy.wait(60 * SLOW) for copy in copies] == [0] * WRITERS
    finally:
        for actor in dying:
            actor.clean_up()
    names = [source.name for source in sources]
    wait_until(lambda: sorted(catalog_dir.statuses()) == names, 5, "the end of the dead")
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    for source in sources:
        assert_published(mount, catalog_dir, source.name, source)


class Readers:
    """Threads that read a file over and over, and compare."""

    def __init__(self, path, data, count=4):
        self._path, self._data = path, data
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(count)
        self._started = threading.Barrier(count + 1)
        self._results = [self._pool.submit(self._read) for _ in range(count)]
        self._started.wait()

    def _read(self):
        rounds = 0
        while not self._stop.is_set():
            with open(self._path, "rb") as file:
                assert file.read() == self._data
            if rounds == 0:
                self._started.wait()
            rounds += 1
        return rounds

    def finish(self):
        """How often each of them has read the whole file."""
        self._stop.set()
        self._pool.shutdown()
        return [result.result() for result in self._results]


def test_readers_during_writes_see_only_whole_images(mount, catalog_dir, sources):
    data = random_file(sources[0].with_name("read"), 2_000_000, seed=99).read_bytes()
    (mount / "read").write_bytes(data)
    readers = Readers(mount / "read", data)
    copies = [start("cp", source, mount.path) for source in sources]
    for source in sources:
        wait_until(lambda: source.name in mount.names(), 20, "the copy's beginning")
        try:
            with open(mount / source.name, "rb") as file:
                assert file.read() == source.read_bytes()
        except OSError as error:  # not whole yet, and it says so
            assert "busy" in str(error)
    assert [copy.wait(60 * SLOW) for copy in copies] == [0] * WRITERS
    assert min(readers.finish()) > 1


def test_readers_of_what_is_replaced_see_the_old_or_the_new_image(mount, sources):
    versions = [source.read_bytes() for source in sources]
    run("cp", sources[0], mount / "image")
    stop = threading.Event()

    def read():
        seen = set()
        while not stop.is_set():
            with open(mount / "image", "rb") as file:
                seen.add(file.read())
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            for source in sources[1:]:
                run("rsync", source, mount / "image")
        finally:
            stop.set()
        for reader in readers:
            assert reader.result() <= set(versions)
    assert mount.names() == ["image"]


def test_parallel_directory_listings_are_complete(mount, sources):
    run("cp", *sources[:10], mount)
    stop = threading.Event()

    def list_():
        while not stop.is_set():
            assert set(os.listdir(mount)) >= {source.name for source in sources[:10]}

    with ThreadPoolExecutor(4) as pool:
        listers = [pool.submit(list_) for _ in range(4)]
        try:
            for round_ in range(10):
                run("cp", *sources[10:], mount)
                shell('for n in 10 11 12 13 14 15 16 17 18 19; do rm "$1/$n.img"; done', mount)
        finally:
            stop.set()
        for lister in listers:
            lister.result()


# ── two mounts of one catalog ────────────────────────────────────────────────────────────────


@pytest.fixture
def pair(mounts, catalog_dir):
    return mounts.start(catalog_dir), mounts.start(catalog_dir)


def agree(pair, condition, what):
    """Both see it: the one who did it at once, the other within a second."""
    one, two = pair
    assert condition(one), what
    wait_until(lambda: condition(two), 1, what)


def test_two_mounts_agree_within_a_second(pair, small_source):
    one, two = pair

    def reads(name, data):
        def condition(mount):
            try:
                return (mount / name).read_bytes() == data
            except OSError:
                return False

        return condition

    data = small_source.read_bytes()
    run("cp", small_source, one / "image")
    agree(pair, reads("image", data), "the image")
    assert os.stat(one / "image").st_ino == os.stat(two / "image").st_ino
    one.set_xattr("image", "os_distro", "debian")
    agree(pair, lambda mount: "os_distro" in mount.xattrs("image"), "the property")
    os.utime(one / "image", (1, 1_100_000_000))
    agree(pair, lambda mount: os.stat(mount / "image").st_mtime == 1_100_000_000, "the date")
    os.rename(two / "image", two / "renamed")
    agree(pair[::-1], lambda mount: mount.names() == ["renamed"], "the name")
    (one / "newer").write_bytes(b"newer")
    os.rename(one / "newer", one / "renamed")
    agree(pair, reads("renamed", b"newer"), "the replacement")
    os.unlink(two / "renamed")
    agree(pair[::-1], lambda mount: mount.names() == [], "the deletion")
    with fails_with("ENOENT"):
        os.stat(one / "renamed")


def test_an_upload_on_one_mount_is_seen_growing_on_the_other(pair):
    one, two = pair
    descriptor = os.open(one / "image", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"data")
    wait_until(lambda: two.names() == ["image"], 1, "the new file")
    wait_until(lambda: two.xattr("image", "status") == "saving", 1, "the upload")
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        with fails_with("EBUSY"):
            os.open(two / "image", flags)
    os.close(descriptor)
    wait_until(lambda: two.xattr("image", "status") == "active", 1, "the image")
    assert (two / "image").read_bytes() == b"data"


def test_the_same_name_made_on_both_mounts_is_two_images(pair, catalog_dir):
    with ThreadPoolExecutor(2) as pool:
        for round_ in range(10):
            writes = [
                pool.submit((mount / f"twin{round_}").write_bytes, b"%d" % number)
                for number, mount in enumerate(pair)
            ]
            for write in writes:
                write.exception()  # EBUSY if one of them met the other's file
    wait_until(lambda: pair[0].names() == pair[1].names(), 1, "the same names")
    for name in pair[0].names():
        assert (pair[0] / name).read_bytes() == (pair[1] / name).read_bytes()
    assert set(catalog_dir.statuses().values()) == {"active"}
    assert catalog_dir.spools() == []

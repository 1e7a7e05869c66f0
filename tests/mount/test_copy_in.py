# SPDX-License-Identifier: Apache-2.0
"""Files written into the mount become images, whole and with the right digests."""

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.expectations import assert_published
from support.images import random_file
from support.mounts import mounted_paths
from support.processes import program, run, shell, wait_until


@pytest.mark.smoke
def test_cp_publishes_a_small_image_like_glance_would(mount, catalog_dir, small_source):
    run("cp", small_source, mount)

    assert_published(mount, catalog_dir, "small.img", small_source)
    image_id = mount.xattr("small.img", "id")
    assert catalog_dir.data_files() == [image_id]
    assert catalog_dir.spools() == []
    data = catalog_dir.data_file(image_id).stat()
    store = catalog_dir.store.stat()
    assert stat.S_IMODE(data.st_mode) == 0o640
    assert (data.st_uid, data.st_gid) == (store.st_uid, store.st_gid)
    (location,) = catalog_dir.rows("SELECT * FROM image_locations WHERE image_id = ?", image_id)
    assert location["value"] == f"file://{catalog_dir.data_file(image_id)}"
    assert (location["meta_data"], location["status"]) == ('{"store": "file"}', "active")
    row = catalog_dir.image_row(image_id)
    assert (row["status"], row["deleted"], row["visibility"]) == ("active", 0, "shared")
    assert (row["disk_format"], row["container_format"]) == ("raw", "bare")


def test_cp_publishes_a_big_image(mount, catalog_dir, big_source):
    run("cp", big_source, mount / "big.img")
    assert_published(mount, catalog_dir, "big.img", big_source)


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 131072, 131073, (1 << 20) + 1])
def test_sizes_around_block_boundaries_arrive_whole(mount, catalog_dir, tmp_path, size):
    source = random_file(tmp_path / "edge.img", size)
    run("cp", source, mount)
    assert_published(mount, catalog_dir, "edge.img", source)


def test_a_queued_image_takes_its_data_later(mount, catalog_dir, small_source):
    shell("touch $1/later.img", mount)
    image_id = mount.xattr("later.img", "id")
    shell("cat $1 > $2/later.img", small_source, mount)
    assert mount.xattr("later.img", "id") == image_id
    assert_published(mount, catalog_dir, "later.img", small_source)


def test_tar_extracts_into_the_mount(mount, catalog_dir, small_source):
    archive = small_source.with_suffix(".tar")
    run("tar", "-C", small_source.parent, "-cf", archive, small_source.name)
    assert run("tar", "-C", mount, "-xf", archive).stderr == ""
    assert_published(mount, catalog_dir, "small.img", small_source)


def test_python_reads_back_right_after_close(mount):
    for round_ in range(20):
        path = mount / f"round{round_}"
        data = b"%d " % round_ * 1000
        with open(path, "wb") as file:
            file.write(data)
        with open(path, "rb") as file:
            assert file.read() == data


def close_and_hold_the_publication(mount, catalog_dir, database):
    """A closed file that cannot be published while `database` keeps its lock."""
    for round_ in range(50):
        name = f"slow{round_}"
        (mount / name).write_bytes(b"data")
        database.execute("BEGIN IMMEDIATE")
        if catalog_dir.statuses()[name] == "saving":
            return mount / name
        database.execute("ROLLBACK")
    raise AssertionError("every publication was faster than the lock")


def test_who_reads_back_while_the_publication_takes_long_gets_the_data(mount, catalog_dir):
    with catalog_dir.write() as database, ThreadPoolExecutor(1) as pool:
        database.execute("SELECT * FROM images")
        path = close_and_hold_the_publication(mount, catalog_dir, database)
        closed = time.monotonic()
        reader = pool.submit(path.read_bytes)
        wait_until(lambda: time.monotonic() > closed + 1.5, 3, "more than anybody waits for it")
        database.execute("ROLLBACK")
        assert reader.result() == b"data"


def test_one_open_descriptor_among_several_keeps_the_image_unpublished(mount, catalog_dir):
    first = os.open(mount / "dup.img", os.O_CREAT | os.O_WRONLY)
    second = os.dup(first)
    os.write(first, b"one")
    os.close(first)
    assert mount.xattr("dup.img", "status") == "saving"
    os.write(second, b"two")
    os.close(second)
    assert mount.xattr("dup.img", "status") == "active"
    assert (mount / "dup.img").read_bytes() == b"onetwo"
    assert catalog_dir.statuses() == {"dup.img": "active"}


def test_status_goes_from_queued_over_saving_to_active(mount, catalog_dir):
    descriptor = os.open(mount / "steps.img", os.O_CREAT | os.O_WRONLY)
    assert catalog_dir.statuses() == {"steps.img": "queued"}
    os.write(descriptor, b"data")
    assert catalog_dir.statuses() == {"steps.img": "saving"}
    assert catalog_dir.spools() == [mount.xattr("steps.img", "id")]
    os.close(descriptor)
    assert mount.xattr("steps.img", "status") == "active"
    assert catalog_dir.statuses() == {"steps.img": "active"}


def test_gaps_and_backward_writes_are_hashed_as_they_end_up(mount, catalog_dir, tmp_path):
    expected = tmp_path / "expected"
    for path in (expected, mount / "gaps.img"):
        with open(path, "wb", buffering=0) as file:
            file.seek(2 << 20)
            file.write(b"end" * 1000)
            file.seek(100)
            file.write(b"begin" * 1000)
            file.seek(0)
            file.write(b"x" * 150)
            file.truncate((2 << 20) + 1500)
    assert_published(mount, catalog_dir, "gaps.img", expected)


def test_files_copied_at_once_do_not_mix(mount, catalog_dir, tmp_path):
    sources = [random_file(tmp_path / f"p{i}.img", 3_000_000, seed=i) for i in range(6)]
    shell("for f in $1/p?.img; do cp $f $2/ & done; wait", tmp_path, mount)
    assert mount.names() == [source.name for source in sources]
    for source in sources:
        assert_published(mount, catalog_dir, source.name, source)


def test_without_the_create_option_a_missing_catalog_is_an_error(tmp_path, mounts):
    (tmp_path / "point").mkdir()
    command = (program("glancefs"), tmp_path / "nothing", tmp_path / "point", "-f")
    result = run(*command, check=False)
    assert result.returncode != 0
    assert str(tmp_path / "nothing") in result.stderr
    assert not (tmp_path / "nothing").exists()


def test_the_background_daemon_returns_when_the_mount_is_usable(catalog_dir, mounts, small_source):
    point = small_source.with_name("background")
    point.mkdir()
    run(program("glancefs"), catalog_dir, point, "-o", "create")
    try:
        assert str(point) in mounted_paths()
        run("cp", small_source, point)
        run("cmp", small_source, point / "small.img")
    finally:
        run("umount", point)
    assert str(point) not in mounted_paths()

# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the daemon: what close() acknowledged is there, everything else is gone."""

import os
import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from support.expectations import assert_published
from support.images import md5sum, random_file
from support.processes import UNDER_ANOTHER_NAME, SLOW, environment, run, shell, wait_until


@pytest.fixture
def source(tmp_path):
    return random_file(tmp_path / "source.img", 24 << 20)


def crash_during_cp(mount, catalog_dir, source, name, threshold):
    """Kills the daemon once `threshold` bytes are spooled, and mounts again.

    Returns whether cp had been told that its image is safe.
    """
    copy = subprocess.Popen(
        ["cp", source, mount / name], env=environment(), stderr=subprocess.DEVNULL
    )

    def reached():
        return catalog_dir.spooled_bytes() >= threshold or copy.poll() is not None

    wait_until(reached, 20, f"{threshold} spooled bytes")
    mount.daemon.kill()
    acknowledged = copy.wait(20 * SLOW) == 0
    mount.crash()
    mount.start()
    return acknowledged


def assert_whole_or_absent(mount, catalog_dir, source, name, acknowledged):
    assert catalog_dir.spools() == []
    if name in mount.names():
        assert_published(mount, catalog_dir, name, source)
    else:
        assert not acknowledged
        assert name not in catalog_dir.statuses()
    owned = [mount.xattr(listed, "id") for listed in mount.names()]
    assert catalog_dir.data_files() == sorted(owned)


def crash_rounds(mount, catalog_dir, source, rounds):
    size = source.stat().st_size
    run("cp", source, mount / "before.img")
    for round_ in range(rounds):
        name = f"round{round_}.img"
        threshold = max(1, size * round_ // (rounds - 1))
        acknowledged = crash_during_cp(mount, catalog_dir, source, name, threshold)
        assert_whole_or_absent(mount, catalog_dir, source, name, acknowledged)
        run("cp", source, mount / "next.img")
        assert_published(mount, catalog_dir, "next.img", source)
        os.unlink(mount / "next.img")
        if name in mount.names():
            os.unlink(mount / name)
    assert_published(mount, catalog_dir, "before.img", source)


def test_a_crash_during_cp_leaves_a_whole_image_or_none(mount, catalog_dir, source):
    crash_rounds(mount, catalog_dir, source, rounds=4)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_crashes_during_cp_leave_whole_images_or_none(mount, catalog_dir, source):
    crash_rounds(mount, catalog_dir, source, rounds=50)


# $1 is the source and $2 the file to make. The last two are editors: they close and come back.
TOOLS = {
    "cp": "exec cp $1 $2",
    "mv over": "exec mv $1.copy $2",
    "rsync": "exec rsync $1 $2",
    "qemu-img": "exec qemu-img convert -f raw -O qcow2 $1 $2",
}


def assert_whole(tool, source, path):
    """The file holds all that the tool was to write."""
    compare = {"qemu-img": ["qemu-img", "compare", "-f", "raw", "-F", "qcow2"]}
    run(*compare.get(tool, ["cmp"]), source, path)


def random_crash(mount, tool, source, longest, moment):
    """Kills the daemon somewhere in the tool's run, and mounts again.

    Returns whether the tool had been told that its image is safe, and how long it took.
    """
    if tool == "mv over":
        run("cp", source, f"{source}.copy")
        run("cp", "/etc/hostname", mount / "image")
    begin = time.monotonic()
    process = subprocess.Popen(
        ["sh", "-c", TOOLS[tool], "sh", source, mount / "image"],
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    with suppress(subprocess.TimeoutExpired):
        process.wait(longest * moment)
    took = time.monotonic() - begin
    finished = process.poll() == 0
    mount.daemon.kill()
    mount.busy_for = 5  # rsync has children
    succeeded = process.wait(20 * SLOW) == 0
    mount.crash()
    mount.start()
    # qemu-img does not look at what its last close() answers.
    return finished if tool == "qemu-img" else succeeded, took


def consistent_images(mount, catalog_dir):
    """The active images; their data are what their record tells of, and nothing else is left.

    A file that was made but not yet written is there, too: queued, as `touch` makes one.
    """
    statuses = catalog_dir.statuses()
    assert set(statuses.values()) <= {"active", "queued"}
    active = [name for name in mount.names() if statuses[name] == "active"]
    for name in active:
        assert md5sum(mount / name) == mount.xattr(name, "checksum")
    assert catalog_dir.spools() == []
    assert catalog_dir.data_files() == sorted(mount.xattr(name, "id") for name in active)
    return active


def random_crashes(mount, catalog_dir, source, tool, rounds):
    chance = random.Random(rounds)
    longest = 0.0
    for round_ in range(rounds):
        # The first run is not cut short: it tells how long one takes.
        moment = chance.uniform(0, 1.1) if round_ else 1000
        acknowledged, took = random_crash(mount, tool, source, longest or 0.02 * SLOW, moment)
        longest = max(longest, took)
        active = consistent_images(mount, catalog_dir)
        if acknowledged:
            assert_whole(tool, source, mount / "image")
        for name in active:
            # An editor's file that was closed once is published, whatever it was to become.
            old = tool == "mv over" and (mount / name).stat().st_size < 1000
            if tool != "qemu-img" and not old:
                assert_whole(tool, source, mount / name)
        for name in mount.names():
            os.unlink(mount / name)
        wait_until(lambda: catalog_dir.data_files() == [], 5, "an empty store")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_crash_at_a_random_moment_leaves_nothing_half_done(mount, catalog_dir, source, tool):
    random_crashes(mount, catalog_dir, source, tool, rounds=4)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("tool", TOOLS)
def test_fifty_crashes_at_random_moments_leave_nothing_half_done(
    mount, catalog_dir, source, tool
):
    random_crashes(mount, catalog_dir, source, tool, rounds=50)


@pytest.mark.smoke
def test_what_cp_acknowledged_is_there_after_a_crash(mount, catalog_dir, source):
    run("cp", source, mount / "safe.img")
    mount.crash()
    mount.start()
    assert mount.names() == ["safe.img"]
    assert_published(mount, catalog_dir, "safe.img", source)
    assert catalog_dir.spools() == []


def crash_right_after_cp(mount, catalog_dir, source, name):
    """The daemon dies in the same instant in which the shell sees cp's success."""
    shell("cp $1 $2 && kill -9 $3", source, mount / name, mount.daemon.pid)
    mount.crash()
    mount.start()
    assert_published(mount, catalog_dir, name, source)
    assert catalog_dir.spools() == []


def test_a_crash_in_the_instant_after_cp_loses_nothing(mount, catalog_dir, small_source):
    for round_ in range(4):
        crash_right_after_cp(mount, catalog_dir, small_source, f"image{round_}")
    assert len(mount.names()) == 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_crashes_in_the_instant_after_cp_lose_nothing(mount, catalog_dir, small_source):
    for round_ in range(50):
        crash_right_after_cp(mount, catalog_dir, small_source, f"image{round_}")
    assert len(mount.names()) == 50


def is_in_the_kernel(pid, function):
    """Whether a thread of the process waits in this function of the kernel's."""
    for path in Path(f"/proc/{pid}/task").glob("*/stack"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
            if function in path.read_text():
                return True
    return False


@pytest.mark.smoke
def test_a_crash_while_a_notification_waits_frees_everybody(mount, catalog_dir, small_source):
    """The daemon tells the kernel of a new name in the directory in which cp makes its file: it
    waits for cp, which waits for the daemon, which waits for the lock of the database."""
    run("cp", small_source, mount / "image")
    with catalog_dir.write() as database:
        for attempt in range(20):
            database.execute("BEGIN IMMEDIATE")
            copy = subprocess.Popen(["cp", small_source, mount / f"new{attempt}"], env=environment())
            wait_until(lambda: is_in_the_kernel(copy.pid, "fuse_create_open"), what="cp's request")
            database.execute(f"UPDATE images SET name = 'image{attempt}' WHERE name LIKE 'image%'")
            database.execute("COMMIT")
            database.execute("BEGIN IMMEDIATE")  # the daemon may be quicker
            wait_until(
                lambda: is_in_the_kernel(mount.daemon.pid, "fuse_reverse_inval_entry")
                or copy.poll() is not None,
                what="the notification",
            )
            if copy.poll() is None:
                break
            database.execute("ROLLBACK")
        assert copy.poll() is None
        mount.daemon.kill()
        assert copy.wait(20 * SLOW) != 0
    mount.crash()
    mount.start()
    assert_published(mount, catalog_dir, f"image{attempt}", small_source)


def test_several_acknowledged_copies_survive_one_crash(mount, catalog_dir, small_source):
    names = [f"image{i}" for i in range(8)]
    for name in names:
        run("cp", small_source, mount / name)
    mount.crash()
    mount.start()
    assert mount.names() == names
    for name in names:
        assert_published(mount, catalog_dir, name, small_source)


def crash_after_close(mount, source):
    """Leaves sealed.img acknowledged but not published: a child holds a duplicate meanwhile."""
    descriptor = os.open(mount / "sealed.img", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, source.read_bytes())
    os.set_inheritable(descriptor, True)
    holder = subprocess.Popen(["sleep", "60"], pass_fds=[descriptor])
    try:
        os.close(descriptor)
        mount.daemon.kill()
    finally:
        holder.kill()
        holder.wait()
    mount.crash()


def test_a_sealed_image_whose_descriptor_is_still_open_survives_a_crash(
    mount, catalog_dir, small_source
):
    """close() of the opener is acknowledged although a child still holds a duplicate."""
    crash_after_close(mount, small_source)
    mount.start()
    assert_published(mount, catalog_dir, "sealed.img", small_source)


def test_a_daemon_that_starts_again_under_another_host_name_publishes_what_it_acknowledged(
    mount, catalog_dir, small_source
):
    crash_after_close(mount, small_source)
    mount.wrapper = UNDER_ANOTHER_NAME
    mount.start()
    assert_published(mount, catalog_dir, "sealed.img", small_source)
    assert catalog_dir.spools() == []


@pytest.mark.slow
def test_a_machine_that_starts_again_publishes_what_it_acknowledged(
    mount, catalog_dir, small_source
):
    """Its kernel is another one than the uploader's: whether that lives shows after a while."""
    crash_after_close(mount, small_source)
    catalog_dir.execute("UPDATE glancefs_instances SET boot_id = 'the one before'")
    mount.start()
    assert catalog_dir.statuses() == {"sealed.img": "saving"}
    wait_until(lambda: catalog_dir.statuses() == {"sealed.img": "active"}, 40, "the publication")
    assert_published(mount, catalog_dir, "sealed.img", small_source)


def test_an_unfinished_image_is_gone_after_a_crash(mount, catalog_dir):
    descriptor = os.open(mount / "open.img", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"x" * 5_000_000)
    mount.daemon.kill()
    with pytest.raises(OSError):
        os.write(descriptor, b"more")
    with pytest.raises(OSError):
        os.close(descriptor)
    mount.crash()
    mount.start()
    assert mount.names() == []
    assert catalog_dir.statuses() == {}
    assert catalog_dir.spools() == []
    assert catalog_dir.data_files() == []


def test_queued_images_and_properties_survive_a_crash(mount):
    shell("touch $1/queued; setfattr -n user.glance.os_distro -v debian $1/queued", mount)
    mount.crash()
    mount.start()
    assert mount.names() == ["queued"]
    assert mount.xattr("queued", "status") == "queued"
    assert mount.xattr("queued", "os_distro") == "debian"


def test_an_image_deleted_before_the_crash_stays_deleted(mount, catalog_dir, small_source):
    run("cp", small_source, mount / "gone.img")
    run("rm", mount / "gone.img")
    mount.crash()
    mount.start()
    assert mount.names() == []
    wait_until(lambda: catalog_dir.data_files() == [], 5, "the data's end")


def test_one_daemons_recovery_leaves_another_ones_upload_alone(
    mounts, catalog_dir, small_source
):
    one = mounts.start(catalog_dir)
    descriptor = os.open(one / "slow.img", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, small_source.read_bytes())
    two = mounts.start(catalog_dir)
    assert two.xattr("slow.img", "status") == "saving"
    os.close(descriptor)
    assert_published(one, catalog_dir, "slow.img", small_source)
    wait_until(lambda: two.xattr("slow.img", "status") == "active", 1, "active there too")


def test_the_surviving_daemon_is_not_disturbed_by_a_crash_of_another(
    mounts, catalog_dir, small_source
):
    one = mounts.start(catalog_dir)
    two = mounts.start(catalog_dir)
    descriptor = os.open(one / "dead.img", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"x" * 100_000)
    one.daemon.kill()
    with pytest.raises(OSError):
        os.close(descriptor)
    one.crash()
    run("cp", small_source, two / "alive.img")
    assert_published(two, catalog_dir, "alive.img", small_source)
    one.start()
    wait_until(lambda: two.names() == ["alive.img"], 2, "the dead upload's end")
    assert_published(one, catalog_dir, "alive.img", small_source)

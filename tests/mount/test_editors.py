# SPDX-License-Identifier: Apache-2.0
"""Files opened O_RDWR: their maker may close them, come back and rewrite them, until they are
published: when it exits, renames them, or has been away for a while."""

import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.expectations import assert_published, fails_with, wait_until_active
from support.processes import run, shell, wait_until

EDIT = os.O_CREAT | os.O_RDWR


@pytest.fixture
def patient(mounts, catalog_dir):
    """A mount that waits for ever for whoever closed a file and lives."""
    return mounts.start(catalog_dir, "create,commit_linger=86400")


def edited(actor, path, *pieces):
    """Has the actor write the pieces at their offsets, and close the file."""
    descriptor = actor.open(path, EDIT)
    for offset, data in pieces:
        assert actor.pwrite(descriptor, data, offset) == len(data)
    actor.close(descriptor)


def state_of(catalog_dir):
    (upload,) = catalog_dir.rows("SELECT state, size FROM glancefs_uploads")
    return (upload["state"], upload["size"])


def test_a_closed_editors_file_is_saving_and_durably_noted(patient, catalog_dir, actor):
    edited(actor, patient / "disk", (0, b"header"), (100, b"tail"))
    assert patient.xattr("disk", "status") == "saving"
    assert os.stat(patient / "disk").st_size == 104
    assert state_of(catalog_dir) == ("closed", 104)


@pytest.mark.smoke
def test_the_same_process_reopens_reads_back_and_rewrites(patient, catalog_dir, actor, tmp_path):
    path = patient / "disk"
    edited(actor, path, (0, b"x" * 1000), (5000, b"end"))
    descriptor = actor.open(path, os.O_RDONLY)
    assert actor.pread(descriptor, 10, 995) == b"x" * 5 + bytes(5)
    actor.close(descriptor)
    descriptor = actor.open(path, os.O_RDWR)
    actor.pwrite(descriptor, b"header", 0)
    assert actor.pread(descriptor, 8, 0) == b"headerxx"
    assert actor.pread(descriptor, 10, 5000) == b"end"
    assert actor.pread(descriptor, 10, 5003) == b""
    assert state_of(catalog_dir)[0] == "open"
    actor.close(descriptor)
    actor.exit()
    wait_until_active(patient, "disk")
    expected = tmp_path / "expected"
    expected.write_bytes(b"header" + b"x" * 994 + bytes(4000) + b"end")
    assert_published(patient, catalog_dir, "disk", expected)


def test_many_rounds_of_reopening_end_in_one_image(patient, catalog_dir, actor, tmp_path):
    path = patient / "disk"
    expected = bytearray(100_000)
    for round_ in range(10):
        data = bytes([65 + round_]) * 20_000
        offset = (round_ * 37_000) % 80_000
        edited(actor, path, (offset, data))
        expected[offset : offset + len(data)] = data
        size = os.stat(path).st_size
    (tmp_path / "expected").write_bytes(expected[:size])
    actor.exit()
    wait_until_active(patient, "disk")
    assert_published(patient, catalog_dir, "disk", tmp_path / "expected")
    assert catalog_dir.statuses() == {"disk": "active"}


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_others_get_ebusy_while_the_editor_lives(patient, actor, flags):
    descriptor = actor.open(patient / "disk", EDIT)
    actor.write(descriptor, b"data")
    with fails_with("EBUSY"):
        os.open(patient / "disk", flags)
    actor.close(descriptor)
    with fails_with("EBUSY"):
        os.open(patient / "disk", flags)
    with fails_with("EBUSY"):
        os.truncate(patient / "disk", 1)


def test_the_exit_of_the_editor_publishes(patient, catalog_dir, actor, small_source):
    edited(actor, patient / "disk", (0, small_source.read_bytes()))
    actor.exit()
    wait_until(lambda: catalog_dir.statuses() == {"disk": "active"}, 5, "the publication")
    assert_published(patient, catalog_dir, "disk", small_source)


def test_who_opens_right_after_the_editors_exit_gets_the_data(patient, actor):
    for round_ in range(10):
        path = patient / f"disk{round_}"
        pid = os.fork()
        if pid == 0:
            descriptor = os.open(path, EDIT)
            os.write(descriptor, b"round %d" % round_)
            os.close(descriptor)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert path.read_bytes() == b"round %d" % round_


def test_an_editor_that_fails_after_its_close_has_published(patient, catalog_dir, actor):
    edited(actor, patient / "disk", (0, b"data"))
    actor.exit(3)
    wait_until_active(patient, "disk")
    assert (patient / "disk").read_bytes() == b"data"


@pytest.mark.parametrize("end", [lambda actor: actor.exit(3), lambda actor: actor.kill(9)])
def test_an_editor_that_dies_with_the_file_open_leaves_nothing(patient, catalog_dir, actor, end):
    """Even what an earlier close had acknowledged is not what it wanted in the end."""
    edited(actor, patient / "disk", (0, b"first"))
    descriptor = actor.open(patient / "disk", os.O_RDWR)
    actor.write(descriptor, b"sec")
    end(actor)
    wait_until(lambda: catalog_dir.statuses() == {}, 5, "the end of the upload")
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    assert patient.names() == []


def test_commit_linger_publishes_for_an_editor_that_lives_on(
    mounts, catalog_dir, actor, small_source
):
    mount = mounts.start(catalog_dir, "create,commit_linger=1")
    edited(actor, mount / "disk", (0, small_source.read_bytes()))
    assert catalog_dir.statuses() == {"disk": "saving"}
    wait_until(lambda: catalog_dir.statuses() == {"disk": "active"}, 5, "the publication")
    assert_published(mount, catalog_dir, "disk", small_source)
    with fails_with("EACCES"):
        actor.open(mount / "disk", os.O_RDWR)


def test_commit_linger_0_publishes_at_the_close(mounts, catalog_dir, actor):
    mount = mounts.start(catalog_dir, "create,commit_linger=0")
    edited(actor, mount / "disk", (0, b"data"))
    wait_until(lambda: catalog_dir.statuses() == {"disk": "active"}, 2, "the publication")


@pytest.mark.smoke
def test_a_rename_publishes_before_it_returns(patient, catalog_dir, actor, small_source):
    edited(actor, patient / ".disk.AbCdEf", (0, small_source.read_bytes()))
    actor.rename(patient / ".disk.AbCdEf", patient / "disk")
    assert catalog_dir.statuses() == {"disk": "active"}
    assert_published(patient, catalog_dir, "disk", small_source)


def test_a_rename_of_a_file_that_is_still_open_only_renames(patient, catalog_dir, actor):
    descriptor = actor.open(patient / ".disk.AbCdEf", EDIT)
    actor.write(descriptor, b"one")
    actor.rename(patient / ".disk.AbCdEf", patient / "disk")
    assert catalog_dir.statuses() == {"disk": "saving"}
    actor.write(descriptor, b"two")
    actor.close(descriptor)
    assert catalog_dir.statuses() == {"disk": "saving"}
    actor.exit()
    wait_until_active(patient, "disk")
    assert (patient / "disk").read_bytes() == b"onetwo"


def test_a_rename_right_after_a_close_waits_for_its_release(patient, catalog_dir):
    """rsync -X sets attributes through a descriptor that it closes just before it renames. What
    keeps the kernel from telling of the release is here a process that has inherited it."""
    patient.daemon.expect_errors("was announced")
    temporary = patient / ".disk.AbCdEf"
    temporary.touch()
    with open(temporary, "r+b") as file:
        file.write(b"data")
    heir_of = os.open(temporary, os.O_RDONLY)
    os.setxattr(heir_of, "user.glance.size", b"5")
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=[heir_of]) as heir:
        os.close(heir_of)
        with ThreadPoolExecutor(1) as pool:
            renamed = pool.submit(os.rename, temporary, patient / "disk")
            with pytest.raises(TimeoutError):
                renamed.result(0.05)
            heir.stdin.close()
            with fails_with("EIO"):
                renamed.result(5)
    wait_until(lambda: catalog_dir.statuses() == {}, 5, "no image")


def test_a_rename_reports_data_that_are_not_what_was_announced(patient, catalog_dir, actor):
    patient.daemon.expect_errors("was announced")
    (patient / "disk").write_bytes(b"old")
    edited(actor, patient / ".disk.AbCdEf", (0, b"data"))
    actor.setxattr(patient / ".disk.AbCdEf", "user.glance.checksum", b"0" * 32)
    with fails_with("EIO"):
        actor.rename(patient / ".disk.AbCdEf", patient / "disk")
    assert (patient / "disk").read_bytes() == b"old"
    wait_until(lambda: catalog_dir.statuses() == {"disk": "active"}, 5, "the old image alone")
    assert catalog_dir.spools() == []


@pytest.mark.smoke
def test_a_crash_after_the_close_loses_nothing(patient, catalog_dir, actor, small_source):
    edited(actor, patient / "disk", (0, small_source.read_bytes()))
    patient.crash()
    patient.start()
    assert_published(patient, catalog_dir, "disk", small_source)
    assert catalog_dir.spools() == []


def test_a_crash_before_the_close_leaves_nothing(patient, catalog_dir, actor):
    descriptor = actor.open(patient / "disk", EDIT)
    actor.write(descriptor, b"x" * 3_000_000)
    actor.fsync(descriptor)
    patient.daemon.kill()
    with pytest.raises(OSError):
        actor.close(descriptor)
    patient.crash()
    patient.start()
    assert patient.names() == []
    assert catalog_dir.statuses() == {}
    assert catalog_dir.spools() == []


def test_a_crash_after_a_reopened_file_was_written_again_leaves_nothing(
    patient, catalog_dir, actor
):
    """The first close's answer was for other bytes."""
    edited(actor, patient / "disk", (0, b"first"))
    descriptor = actor.open(patient / "disk", os.O_RDWR)
    actor.write(descriptor, b"half")
    patient.daemon.kill()
    with pytest.raises(OSError):
        actor.close(descriptor)
    patient.crash()
    patient.start()
    assert patient.names() == []
    assert catalog_dir.spools() == []


def test_unmounting_publishes_what_was_closed(patient, catalog_dir, actor, small_source):
    edited(actor, patient / "disk", (0, small_source.read_bytes()))
    patient.unmount()
    assert catalog_dir.statuses() == {"disk": "active"}
    patient.start()
    assert_published(patient, catalog_dir, "disk", small_source)


def test_truncation_at_reopening_begins_anew(patient, catalog_dir, actor):
    edited(actor, patient / "disk", (0, b"a much longer text"))
    descriptor = actor.open(patient / "disk", os.O_RDWR | os.O_TRUNC)
    assert os.stat(patient / "disk").st_size == 0
    actor.write(descriptor, b"short")
    actor.close(descriptor)
    actor.exit()
    wait_until_active(patient, "disk")
    assert (patient / "disk").read_bytes() == b"short"


def test_fallocate_sets_room_aside_and_grows_the_file(patient, catalog_dir, actor, tmp_path):
    descriptor = actor.open(patient / "disk", EDIT)
    actor.posix_fallocate(descriptor, 0, 1 << 20)
    assert actor.fstat(descriptor).st_size == 1 << 20
    assert catalog_dir.spooled_bytes() == 1 << 20
    actor.pwrite(descriptor, b"data", 4096)
    actor.close(descriptor)
    actor.exit()
    wait_until_active(patient, "disk")
    expected = tmp_path / "expected"
    expected.write_bytes((bytes(4096) + b"data").ljust(1 << 20, b"\0"))
    assert_published(patient, catalog_dir, "disk", expected)


def test_ftruncate_shrinks_and_grows_an_open_file(patient, catalog_dir, actor, tmp_path):
    descriptor = actor.open(patient / "disk", EDIT)
    actor.write(descriptor, b"0123456789")
    actor.ftruncate(descriptor, 4)
    actor.ftruncate(descriptor, 8)
    assert actor.pread(descriptor, 100, 0) == b"0123" + bytes(4)
    actor.close(descriptor)
    actor.exit()
    wait_until_active(patient, "disk")
    (tmp_path / "expected").write_bytes(b"0123" + bytes(4))
    assert_published(patient, catalog_dir, "disk", tmp_path / "expected")


def test_truncate_by_path_makes_an_image_while_somebody_reads(mount, catalog_dir):
    """A reader of the empty image publishes nothing when it closes."""
    (mount / "disk").touch()
    with open(mount / "disk", "rb") as reader:
        os.truncate(mount / "disk", 4096)
        wait_until(lambda: mount.xattr("disk", "status") == "active", 5, "the publication")
        assert reader.read() == bytes(4096)
    assert catalog_dir.statuses() == {"disk": "active"}


def test_truncate_by_path_resizes_what_the_editor_has_closed(patient, catalog_dir, actor):
    edited(actor, patient / "disk", (0, b"0123456789"))
    actor.truncate(patient / "disk", 3)
    assert os.stat(patient / "disk").st_size == 3
    actor.exit()
    wait_until_active(patient, "disk")
    assert (patient / "disk").read_bytes() == b"012"


def test_what_was_never_written_stays_queued(patient, catalog_dir, actor):
    actor.close(actor.open(patient / "disk", EDIT))
    actor.exit()
    assert catalog_dir.statuses() == {"disk": "queued"}
    assert catalog_dir.spools() == []
    shell("cat /etc/hostname > $1/disk", patient)  # anybody may fill it
    wait_until_active(patient, "disk")
    run("cmp", "/etc/hostname", patient / "disk")


def test_two_descriptors_of_one_process_are_one_file(patient, catalog_dir, actor):
    first = actor.open(patient / "disk", EDIT)
    second = actor.open(patient / "disk", os.O_RDWR)
    actor.pwrite(first, b"AAAA", 0)
    actor.pwrite(second, b"BB", 2)
    assert actor.pread(first, 10, 0) == b"AABB"
    actor.close(first)
    assert state_of(catalog_dir)[0] == "open"
    actor.close(second)
    assert state_of(catalog_dir)[0] == "closed"
    actor.exit()
    wait_until_active(patient, "disk")
    assert (patient / "disk").read_bytes() == b"AABB"


def test_a_writer_becomes_an_editor_by_opening_for_both(patient, catalog_dir, actor):
    """O_WRONLY to create, O_RDWR to come back while the first is still open."""
    first = actor.open(patient / "disk", os.O_CREAT | os.O_WRONLY)
    actor.write(first, b"data")
    second = actor.open(patient / "disk", os.O_RDWR)
    actor.close(first)
    assert actor.pread(second, 10, 0) == b"data"
    actor.close(second)
    assert patient.xattr("disk", "status") == "saving"
    actor.exit()
    wait_until_active(patient, "disk")
    assert (patient / "disk").read_bytes() == b"data"


def test_rm_of_a_closed_editors_file_leaves_nothing(patient, catalog_dir, actor):
    edited(actor, patient / "disk", (0, b"data"))
    os.unlink(patient / "disk")
    assert patient.names() == []
    actor.exit()
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    assert catalog_dir.statuses() == {}
    assert catalog_dir.data_files() == []


def test_a_rest_made_image_can_be_filled_by_an_editor(patient, catalog_dir, rest, actor):
    image_id = rest.create(name="disk", disk_format="raw", container_format="bare")["id"]
    wait_until((patient / "disk").exists, 1, "the queued image")
    descriptor = actor.open(patient / "disk", os.O_RDWR)
    actor.pwrite(descriptor, b"body", 4)
    actor.pwrite(descriptor, b"head", 0)
    actor.close(descriptor)
    actor.exit()
    wait_until_active(patient, "disk")
    assert rest.download(image_id) == b"headbody"


def test_seek_finds_data_and_holes_in_what_is_being_written(patient, actor):
    descriptor = actor.open(patient / "disk", EDIT)
    actor.pwrite(descriptor, b"x" * 4096, 1 << 20)
    actor.ftruncate(descriptor, 2 << 20)
    assert actor.lseek(descriptor, 0, os.SEEK_DATA) == 1 << 20
    assert actor.lseek(descriptor, 1 << 20, os.SEEK_HOLE) == (1 << 20) + 4096
    with fails_with("ENXIO"):
        actor.lseek(descriptor, 2 << 20, os.SEEK_DATA)


# ── temporaries ──────────────────────────────────────────────────────────────────────────────


def names_at(rest):
    return [image["name"] for image in rest.images()]


@pytest.mark.parametrize("flags", [EDIT, os.O_CREAT | os.O_WRONLY])
def test_a_temporary_does_not_show_at_the_bridge_before_it_is_renamed(
    patient, rest, actor, flags
):
    path = patient / ".disk.qcow2.AbCdEf"
    descriptor = actor.open(path, flags)
    assert names_at(rest) == []
    actor.write(descriptor, b"data")
    assert names_at(rest) == []
    actor.rename(path, patient / "disk.qcow2")
    wait_until(lambda: names_at(rest) == ["disk.qcow2"], 1, "the real name")
    actor.close(descriptor)


def test_a_temporary_that_is_published_shows_at_the_bridge(patient, rest, actor):
    edited(actor, patient / ".disk.AbCdEf", (0, b"data"))
    assert names_at(rest) == []
    actor.exit()
    wait_until_active(patient, ".disk.AbCdEf")
    assert names_at(rest) == [".disk.AbCdEf"]


def test_other_hidden_names_show_at_once(patient, rest, actor):
    """Only the form that rsync gives its temporaries is taken for one."""
    for name in (".hidden", ".disk.AbCdE", ".disk.AbCdEfG", "disk.AbCdEf"):
        actor.close(actor.open(patient / name, EDIT))
    assert sorted(names_at(rest)) == sorted([".hidden", ".disk.AbCdE", ".disk.AbCdEfG",
                                             "disk.AbCdEf"])


def test_threads_of_the_editor_are_the_editor(patient, catalog_dir):
    """The process counts, whichever of its threads opens, writes and closes."""
    path = patient / "disk"
    failures = []

    def edit(offset):
        try:
            descriptor = os.open(path, EDIT)
            os.pwrite(descriptor, b"%04d" % offset, offset)
            os.close(descriptor)
        except OSError as error:
            failures.append(error)

    for offset in range(0, 400, 4):
        thread = threading.Thread(target=edit, args=(offset,))
        thread.start()
        thread.join()
    assert failures == []
    with open(path, "rb") as file:
        assert file.read() == b"".join(b"%04d" % offset for offset in range(0, 400, 4))
    os.rename(path, patient / "renamed")
    assert catalog_dir.statuses() == {"renamed": "active"}

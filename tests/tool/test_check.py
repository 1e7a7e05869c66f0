# SPDX-License-Identifier: Apache-2.0
"""`glance-catalog check`: recovery, and what is inconsistent."""

import os
import sqlite3
import struct
import subprocess
from contextlib import closing

import pytest

from support.expectations import assert_published
from support.processes import UNDER_ANOTHER_NAME, run, wait_until
from support.tool import FAILURE, OK, PROBLEMS, end, feed

NOBODY = "5d0cb9e2-0000-4000-8000-00000000abcd"
NO_RECOVERY = "recovery: 0 uploads published, 0 taken back, data of 0 deleted images removed\n"


@pytest.fixture
def ids(tool, small_source):
    """Three images by name: their ids."""
    return {name: tool.add(small_source, "--name", name) for name in ("one", "two", "three")}


@pytest.mark.smoke
def test_a_sound_catalog_has_no_problems(tool, ids):
    result = tool("check")
    assert (result.stdout, result.stderr) == (NO_RECOVERY + "no problems\n", "")
    assert tool("check", "--quiet").stdout == ""
    assert tool("check", "--dry-run").stdout == "no problems\n"


@pytest.mark.smoke
def test_missing_and_truncated_data_and_orphans_are_reported(tool, catalog_dir, ids):
    os.unlink(catalog_dir.data_file(ids["one"]))
    os.truncate(catalog_dir.data_file(ids["two"]), 1000)
    catalog_dir.data_file(NOBODY).write_bytes(b"whose?")
    orphan = f"file://{catalog_dir.data_file(NOBODY)}"
    expected = [
        ("missing", ids["one"],
         f"'one': opening image data {catalog_dir.data_file(ids['one'])}: "
         "No such file or directory"),
        ("size", ids["two"], "'two': 300001 recorded, 1000 in the store (bytes)"),
        ("orphan", orphan, "6 bytes that no image owns"),
    ]  # fmt: skip
    assert tool.findings("check") == expected
    assert tool.findings("check", "--dry-run") == expected
    result = tool("check", check=False)
    assert result.returncode == PROBLEMS
    assert result.stdout.endswith("3 problems: 1 missing, 1 size, 1 orphan\n")
    assert catalog_dir.data_file(NOBODY).read_bytes() == b"whose?"  # only reported


def test_data_that_cannot_be_opened_are_reported(tool, catalog_dir, ids, tmp_path):
    stored = catalog_dir.data_file(ids["one"])
    stored.rename(tmp_path / "elsewhere")
    stored.symlink_to(tmp_path / "elsewhere")
    ((fault, subject, text),) = tool.findings("check")
    assert (fault, subject) == ("unreadable", ids["one"])
    assert "symbolic links" in text


def test_the_upload_of_a_dead_writer_is_taken_back(tool, catalog_dir):
    with tool.running("add", "-", "--name", "dead") as process:
        feed(process, b"x" * 3_000_000)
        wait_until(lambda: catalog_dir.spooled_bytes() > 0, 5, "spooled bytes")
    (image_id,) = catalog_dir.spools()
    assert tool.findings("check", "--dry-run") == [
        ("upload", image_id, "unfinished; its writer is dead")
    ]
    assert catalog_dir.spools() == [image_id]
    result = tool("check")
    assert "0 uploads published, 1 taken back" in result.stdout
    assert image_id in result.stderr
    assert catalog_dir.statuses() == {}
    assert catalog_dir.spools() == []


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


def test_what_a_dead_daemon_had_acknowledged_is_published(
    tool, mount, catalog_dir, small_source
):
    crash_after_close(mount, small_source)
    ((fault, image_id, text),) = tool.findings("check", "--dry-run")
    assert (fault, text) == ("upload", "acknowledged, but not published; its writer is dead")
    result = tool("check")
    assert "1 uploads published, 0 taken back" in result.stdout
    assert f"image {image_id} is published" in result.stderr
    mount.start()
    assert_published(mount, catalog_dir, "sealed.img", small_source)


def test_a_host_of_another_name_publishes_what_was_acknowledged(
    tool, mount, catalog_dir, small_source
):
    crash_after_close(mount, small_source)
    dry_run = run(*UNDER_ANOTHER_NAME, *tool.command("check", "--dry-run"), check=False)
    assert (dry_run.returncode, "1 problem" in dry_run.stdout) == (PROBLEMS, True)
    result = run(*UNDER_ANOTHER_NAME, *tool.command("check"))
    assert "1 uploads published, 0 taken back" in result.stdout
    mount.start()
    assert_published(mount, catalog_dir, "sealed.img", small_source)


@pytest.fixture
def of_another_machine(tool, mount, edit_database, small_source):
    """sealed.img, acknowledged by a daemon that may still run somewhere else."""
    crash_after_close(mount, small_source)
    edit_database(
        "UPDATE glancefs_instances SET boot_id = 'elsewhere', seen_at = '2026-02-03 04:05:06.7'"
    )


def test_an_upload_that_waits_for_another_machine_is_reported(
    tool, catalog_dir, of_another_machine
):
    (row,) = catalog_dir.rows("SELECT * FROM glancefs_uploads")
    assert tool.findings("check", "--dry-run") == [
        (
            "upload",
            row["image_id"],
            "acknowledged, but not published; waiting until it is clear whether its writer, "
            f"instance {row['instance']}, last seen 2026-02-03 04:05:06 UTC, lives",
        )
    ]


@pytest.mark.slow
def test_check_waits_until_it_can_tell_whether_another_machine_lives(
    tool, mount, catalog_dir, small_source, of_another_machine
):
    result = tool("check")
    assert "1 uploads may have a writer on another machine; looking again" in result.stdout
    assert "1 uploads published, 0 taken back" in result.stdout
    assert result.stdout.endswith("no problems\n")
    mount.start()
    assert_published(mount, catalog_dir, "sealed.img", small_source)


def test_the_upload_of_a_deleted_image_ends_whatever_its_data_are(
    tool, mount, catalog_dir, small_source
):
    crash_after_close(mount, small_source)
    (image_id,) = catalog_dir.spools()
    os.truncate(catalog_dir.store / ".uploads" / image_id, 10)
    ((fault, subject, text),) = tool.findings("check", "--dry-run")
    assert (fault, subject) == ("upload", image_id)
    assert text == (
        "acknowledged, but not published; 300001 bytes recorded, 10 in the store; "
        "its writer is dead; `glance-catalog rm` gives it up"
    )
    tool("rm", image_id)
    result = tool("check")
    assert result.stdout.endswith("no problems\n")
    assert catalog_dir.spools() == []
    assert catalog_dir.rows("SELECT * FROM glancefs_uploads") == []


def test_a_spool_that_cannot_be_opened_is_reported_beside_the_rest(
    tool, mount, catalog_dir, small_source
):
    crash_after_close(mount, small_source)
    (image_id,) = catalog_dir.spools()
    spool = catalog_dir.store / ".uploads" / image_id
    spool.unlink()
    spool.symlink_to("/etc/hostname")
    catalog_dir.data_file(NOBODY).write_bytes(b"whose?")
    findings = tool.findings("check", "--dry-run")
    assert [finding[:2] for finding in findings] == [
        ("upload", image_id),
        ("orphan", f"file://{catalog_dir.data_file(NOBODY)}"),
    ]
    assert str(spool) in findings[0][2]


def test_an_acknowledged_upload_whose_data_are_gone_is_reported(
    tool, mount, catalog_dir, small_source
):
    crash_after_close(mount, small_source)
    (image_id,) = catalog_dir.spools()
    os.unlink(catalog_dir.store / ".uploads" / image_id)
    result = tool("check", check=False)
    assert result.returncode == PROBLEMS
    assert (
        f"upload       {image_id}  acknowledged, but not published; "
        "its data are gone from the store; its writer is dead; "
        "`glance-catalog rm` gives it up\n"
    ) in result.stdout
    assert image_id in result.stderr
    tool("rm", image_id)
    assert tool.findings("check", code=OK) == []


def test_a_living_upload_is_no_finding(tool, catalog_dir):
    with tool.running("add", "-", "--name", "alive") as process:
        feed(process, b"first ")
        wait_until(lambda: catalog_dir.statuses() == {"alive": "saving"}, 5, "the upload")
        assert tool("check").stdout == NO_RECOVERY + "no problems\n"
        feed(process, b"second")
        status, out, err = end(process)
    assert (status, err) == (0, "")
    assert catalog_dir.data_file(out.strip()).read_bytes() == b"first second"


def test_bytes_of_an_upload_without_a_row_are_removed(tool, catalog_dir, ids):
    tool("rm", "one")
    spool = catalog_dir.store / ".uploads" / ids["one"]
    spool.write_bytes(b"half")
    assert tool.findings("check", "--dry-run") == [
        ("upload", ids["one"], "bytes of an upload that no row tells of; its writer is dead")
    ]
    assert "1 taken back" in tool("check").stdout
    assert not spool.exists()


def test_bytes_of_another_catalogs_image_are_only_reported(tool, catalog_dir, ids):
    spool = catalog_dir.store / ".uploads" / NOBODY
    spool.write_bytes(b"acknowledged by somebody else")
    found = [("upload", NOBODY, "bytes of an upload that no row tells of; its writer is dead")]
    assert tool.findings("check") == found
    assert tool.findings("check") == found
    assert spool.exists()


def test_garbage_is_removed(tool, catalog_dir, edit_database, ids):
    leftover = catalog_dir.data_file(NOBODY)
    leftover.write_bytes(b"of a deleted image")
    edit_database(
        "INSERT INTO glancefs_garbage (url, created_at) VALUES (?, '2026-01-01 00:00:00.000000')",
        f"file://{leftover}",
    )
    assert tool.findings("check", "--dry-run") == [
        ("garbage", f"file://{leftover}", "data of a deleted image that wait to be removed")
    ]
    assert "data of 1 deleted images removed" in tool("check").stdout
    assert not leftover.exists()


def test_what_a_real_glance_may_be_at_work_on_is_no_orphan(
    tool, catalog_dir, edit_database, rest
):
    """Glance writes into the final place, and keeps the data of delayed_delete."""
    saving = rest.create(name="saving", disk_format="raw", container_format="bare")["id"]
    edit_database("UPDATE images SET status = 'saving' WHERE id = ?", saving)
    catalog_dir.data_file(saving).write_bytes(b"half")
    waiting = rest.create_raw("waiting", b"data")["id"]
    edit_database("UPDATE images SET deleted = 1, status = 'pending_delete' WHERE id = ?", waiting)
    edit_database(
        "UPDATE image_locations SET deleted = 1, status = 'pending_delete' WHERE image_id = ?",
        waiting,
    )
    assert tool.findings("check", code=OK) == []
    edit_database("UPDATE images SET status = 'queued' WHERE id = ?", saving)
    assert [finding[0] for finding in tool.findings("check")] == ["orphan"]


def test_a_location_is_known_by_whatever_path_leads_there(
    tool, catalog_dir, edit_database, ids
):
    edit_database(
        "UPDATE image_locations SET value = ? WHERE image_id = ?",
        f"file://{catalog_dir.store}/../images//{ids['one']}",
        ids["one"],
    )
    assert tool.findings("check", code=OK) == []


def test_data_in_another_store_are_unverifiable_but_no_problem(tool, edit_database, ids):
    edit_database(
        "UPDATE image_locations SET value = 'rbd://pool/image/snap' WHERE image_id = ?", ids["one"]
    )
    findings = tool.findings("check")
    assert [finding[:2] for finding in findings if finding[0] != "orphan"] == [
        ("unverifiable", ids["one"])
    ]
    assert "'rbd'" in findings[0][2]
    assert [finding[0] for finding in findings] == ["unverifiable", "orphan"]


def test_an_active_image_without_a_location_is_reported(tool, edit_database, ids):
    edit_database("UPDATE image_locations SET deleted = 1 WHERE image_id = ?", ids["one"])
    findings = {finding[0]: finding[1:] for finding in tool.findings("check")}
    assert findings["missing"] == (ids["one"], "'one': the image is active but has no location")
    assert "orphan" in findings


def damage_an_index(catalog_dir, name):
    """Writes an empty leaf page where the index begins: a sound page with the wrong content."""
    with closing(sqlite3.connect(catalog_dir.database)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((size,),) = database.execute("PRAGMA page_size")
        ((root,),) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)
        )
    page = struct.pack(">BHHHB", 0x0A, 0, 0, size, 0).ljust(size, b"\0")
    with open(catalog_dir.database, "r+b") as file:
        file.seek((root - 1) * size)
        file.write(page)


def test_a_damaged_database_is_reported(tool, catalog_dir, ids):
    damage_an_index(catalog_dir, "glancefs_names_seq")
    findings = tool.findings("check")
    assert {finding[0] for finding in findings} == {"database"}
    assert "glancefs_names_seq" in str(findings)


def test_a_file_that_is_no_database_is_reported(tool, catalog_dir):
    for suffix in ("-wal", "-shm"):
        path = catalog_dir.path / f"glance.sqlite{suffix}"
        path.unlink(missing_ok=True)
    catalog_dir.database.write_bytes(b"no database " * 1000)
    assert "not a database" in tool.fails(PROBLEMS, "check")


def test_without_a_catalog_there_is_nothing_to_check(tool, tmp_path):
    line = tool.fails(FAILURE, "check", spec=tmp_path / "none")
    assert str(tmp_path / "none") in line


def test_names_cannot_drive_the_terminal(tool, catalog_dir, small_source):
    image_id = tool.add(small_source, "--name", "a\x1b[31m\nmissing b")
    os.unlink(catalog_dir.data_file(image_id))
    ((_, subject, text),) = tool.findings("check")
    assert subject == image_id
    assert text.startswith("'a\\x1b[31m\\nmissing b': ")


def test_check_and_doors_work_side_by_side(tool, mount, catalog_dir, small_source):
    """What is written and deleted meanwhile is no finding."""
    script = 'for i in $(seq 40); do cp "$1" "$2/$i" && rm "$2/$i" || exit 1; done'
    copying = subprocess.Popen(["sh", "-c", script, "sh", small_source, mount.path])
    try:
        while copying.poll() is None:
            assert tool.findings("check", code=OK) == []
    finally:
        copying.kill()
        copying.wait()
    assert copying.returncode == 0
    assert catalog_dir.data_files() == []

# SPDX-License-Identifier: Apache-2.0
"""`glance-catalog scrub`: data against digests."""

import os
import re
import signal
import subprocess
import time

import pytest

from support.images import flip_a_bit, md5sum, random_file, sha512sum
from support.processes import SLOW, environment, wait_until
from support.tool import OK, PROBLEMS, REFUSED, USAGE, Terminal, interrupt


@pytest.fixture
def ids(tool, small_source):
    """Three images by name: their ids."""
    return {name: tool.add(small_source, "--name", name) for name in ("one", "two", "three")}


@pytest.mark.smoke
def test_a_sound_catalog_passes(tool, ids):
    result = tool("scrub")
    assert (result.stdout, result.stderr) == ("3 images, 900.0 kB read: no problems\n", "")
    assert tool("scrub", "--quiet").stdout == ""


@pytest.mark.smoke
@pytest.mark.parametrize("offset", [0, 123_456, 300_000])
def test_a_flipped_bit_is_found(tool, catalog_dir, ids, small_source, offset):
    stored = catalog_dir.data_file(ids["two"])
    flip_a_bit(stored, offset)
    found = (
        f"'two': md5 {md5sum(small_source)} recorded, {md5sum(stored)} found; "
        f"sha512 {sha512sum(small_source)} recorded, {sha512sum(stored)} found"
    )
    assert tool.findings("scrub") == [("changed", ids["two"], found)]
    # check does not read data
    assert tool.findings("check", code=OK) == []


def test_everything_wrong_is_reported_at_once(tool, catalog_dir, edit_database, ids, small_source):
    undigested = tool.add(small_source, "--name", "undigested")
    edit_database(
        "UPDATE images SET checksum = NULL, os_hash_algo = NULL, os_hash_value = NULL"
        " WHERE id = ?",
        undigested,
    )
    os.unlink(catalog_dir.data_file(ids["one"]))
    flip_a_bit(catalog_dir.data_file(ids["two"]), 7)
    os.truncate(catalog_dir.data_file(ids["three"]), 7)
    orphan = catalog_dir.store / "stray"
    orphan.write_bytes(b"?")
    findings = tool.findings("scrub")
    assert sorted(finding[:2] for finding in findings) == sorted(
        [
            ("missing", ids["one"]),
            ("changed", ids["two"]),
            ("size", ids["three"]),
            ("unverifiable", undigested),
            ("orphan", f"file://{orphan}"),
        ]
    )
    result = tool("scrub", check=False)
    assert result.returncode == PROBLEMS
    assert result.stdout.endswith(
        "4 images, 300.0 kB read: "
        "4 problems: 1 missing, 1 size, 1 changed, 1 orphan, 1 unverifiable\n"
    )


def test_images_without_digests_are_unverifiable_but_no_problem(tool, edit_database, ids):
    edit_database("UPDATE images SET checksum = NULL, os_hash_algo = NULL, os_hash_value = NULL")
    result = tool("scrub")
    assert result.stdout.endswith("no problems; 3 unverifiable\n")
    assert f"unverifiable {ids['one']}  'one': no digests are recorded\n" in result.stdout


def test_only_the_images_that_are_named_are_read(tool, catalog_dir, ids):
    flip_a_bit(catalog_dir.data_file(ids["one"]), 7)
    (catalog_dir.store / "stray").write_bytes(b"?")
    assert tool.findings("scrub", "two", ids["three"], code=OK) == []
    assert [finding[:2] for finding in tool.findings("scrub", "two", "one")] == [
        ("changed", ids["one"])
    ]


def test_deactivated_and_hidden_images_are_read_too(tool, catalog_dir, edit_database, ids):
    edit_database("UPDATE images SET status = 'deactivated' WHERE id = ?", ids["one"])
    tool("set", "two", "os_hidden=true")
    for name in ("one", "two"):
        flip_a_bit(catalog_dir.data_file(ids[name]), 7)
    assert sorted(finding[:2] for finding in tool.findings("scrub")) == sorted(
        [("changed", ids["one"]), ("changed", ids["two"])]
    )


def test_images_without_data_are_left_out_unless_named(tool, rest, ids):
    rest.create(name="queued")
    assert tool("scrub").stdout.startswith("3 images")
    assert "queued" in tool.fails(REFUSED, "scrub", "queued")


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "nan", "inf", "5MB", ""])
def test_a_bad_rate_is_refused(tool, ids, rate):
    assert "--rate" in tool.fails(USAGE, "scrub", "--rate", rate)


def test_the_rate_is_kept(tool, tmp_path):
    tool.add(random_file(tmp_path / "image", 3_000_000))
    start = time.monotonic()
    tool("scrub", "--rate", "4")
    assert time.monotonic() - start >= 3_000_000 / 4e6


def test_a_terminal_gets_a_progress_bar_that_goes_away(tool, catalog_dir, tmp_path):
    image_id = tool.add(random_file(tmp_path / "image", 8_000_000))
    flip_a_bit(catalog_dir.data_file(image_id), 7)
    with Terminal() as terminal:
        command = tool.command("scrub", "--rate", "8")
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=terminal.fd, env=environment()
        ) as process:
            terminal.read_until(
                re.compile(r" \d\d% \[=+> +\]  \d\.\d MB of 8\.0 MB  \d\.\d MB/s  ETA 0:0\d")
            )
            out, _ = process.communicate(timeout=30 * SLOW)
        assert terminal.read().endswith("\r\x1b[K")
        assert out.decode().splitlines()[-1] == (
            "1 images, 8.0 MB read: 1 problem: 1 changed"
        )


def test_an_image_deleted_meanwhile_is_no_finding(tool, tmp_path):
    image_id = tool.add(random_file(tmp_path / "image", 4_000_000))
    later = tool.add(random_file(tmp_path / "later", 4_000_000))
    with tool.running("scrub", "--rate", "4") as process:
        wait_until(lambda: reads(process.pid), 10, "the reading")
        tool("rm", image_id, later)
        out, err = process.communicate(timeout=30 * SLOW)
    assert (process.returncode, err) == (OK, b"")
    assert b"no problems" in out


def reads(pid):
    """Whether the process has opened image data."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
        targets = [os.readlink(f"/proc/{pid}/fd/{name}") for name in names]
    except FileNotFoundError:
        return False
    return any("/images/" in target for target in targets)


def test_a_signal_ends_it_at_once(tool, tmp_path):
    tool.add(random_file(tmp_path / "image", 4_000_000))
    with tool.running("scrub", "--rate", "0.01") as process:
        wait_until(lambda: reads(process.pid), 10, "the reading")
        assert interrupt(process)[0] == -signal.SIGINT


def peak_memory(tool, *arguments):
    """The most memory the tool had, in KiB."""
    process = subprocess.Popen(
        tool.command(*arguments), env=environment(), stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


@pytest.mark.memory
def test_memory_does_not_grow_with_images(tool, small_source, big_source, tmp_path):
    tool.add(small_source)
    tool.add(big_source)
    for small, big in [
        (["add", small_source, "--name", "a"], ["add", big_source, "--name", "b"]),
        (["save", "small.img", tmp_path / "s"], ["save", "big.img", tmp_path / "b"]),
        (["scrub", "small.img"], ["scrub", "big.img"]),
    ]:
        assert peak_memory(tool, *big) < peak_memory(tool, *small) + 16 * 1024 * SLOW

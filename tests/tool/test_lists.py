# SPDX-License-Identifier: Apache-2.0
"""`glance-catalog index` and `show`: for people, and for programs."""

import csv
import io
import json
import signal
import subprocess
import unicodedata

import pytest

from support.processes import SLOW, environment
from support.tool import FAILURE, NO_SUCH_IMAGE, USAGE, Terminal

EVIL = "a\x1b[31m\tb\nc\u202ed\x7f\u200be\\\x9b2J"
EVIL_SHOWN = "a\\x1b[31m\\tb\\nc\\u{202e}d\\x7f\\u{200b}e\\\\\\u{009b}2J"


@pytest.fixture
def images(tool, rest):
    """Ids by name, the newest last."""
    names = ["plain", "日本語イメージ", "e\u0301te\u0301", EVIL]
    return {name: rest.create_raw(name, b"x" * 1234)["id"] for name in names}


def columns_of(text):
    """How many columns a terminal needs for it."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def test_columns_are_aligned_by_what_a_terminal_shows(tool, images):
    header, rule, *lines = tool("index").stdout.splitlines()
    column = header.index("Disk Format")
    assert rule[column - 1] == " "
    assert len(lines) == 4
    for line in lines:
        before, found, after = line.partition(" raw ")
        assert found
        assert columns_of(before) == column - 1
        assert after.split() == ["bare", "1234"]


def test_control_characters_are_shown_and_not_done(tool, images):
    result = tool("index")
    assert EVIL_SHOWN in result.stdout
    shown = tool("show", EVIL).stdout
    assert f"name             {EVIL_SHOWN}\n" in shown
    for text in (result.stdout, shown):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")]


def test_error_messages_cannot_drive_the_terminal_either(tool):
    line = tool.fails(NO_SUCH_IMAGE, "show", "no\x1b[2J\nglance-catalog: \x9b2J")
    assert line == "no image has the name or id 'no\\x1b[2J\\nglance-catalog: \\u{009b}2J'"


def test_hidden_images_are_listed_on_request(tool, images):
    tool("set", "plain", "os_hidden=true")
    assert images["plain"] not in tool("index").stdout
    assert images["plain"] in tool("index", "--all").stdout


def test_csv_is_read_back_by_a_csv_reader(tool, images):
    rows = list(csv.reader(io.StringIO(tool("index", "--format", "csv").stdout)))
    assert rows[0] == ["ID", "Name", "Disk Format", "Container Format", "Size"]
    assert rows[1:] == [
        [image_id, name, "raw", "bare", "1234"] for name, image_id in reversed(images.items())
    ]


def test_json_is_what_the_api_shows(tool, rest, images):
    assert json.loads(tool("index", "--format", "json").stdout) == rest.images()
    shown = json.loads(tool("show", "plain", "--format", "json").stdout)
    assert shown == rest.image(images["plain"])


def test_json_drives_no_terminal(tool, images):
    for text in (
        tool("index", "--format", "json").stdout, tool("show", EVIL, "--format", "json").stdout
    ):
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")]


def test_csv_is_escaped_where_a_terminal_shows_it(tool, images):
    with Terminal() as terminal:
        command = tool.command("index", "--format", "csv")
        subprocess.run(command, stdout=terminal.fd, env=environment(), check=True)
        text = terminal.read()
    assert f",{EVIL_SHOWN},raw," in text
    assert not [c for c in text if c not in "\r\n" and unicodedata.category(c) in ("Cc", "Cf")]


def test_an_empty_list_is_a_list(tool):
    assert json.loads(tool("index", "--format", "json").stdout) == []
    assert len(tool("index").stdout.splitlines()) == 2
    assert len(tool("index", "--format", "csv").stdout.splitlines()) == 1


def test_sizes_have_units_on_request(tool, images):
    assert " 1234\n" in tool("index").stdout
    assert " 1.2 kB\n" in tool("index", "--human-readable").stdout


@pytest.mark.parametrize("command", [["index"], ["show", "plain"]])
def test_an_unknown_format_is_refused(tool, images, command):
    line = tool.fails(USAGE, *command, "--format", "xml")
    assert "'xml'" in line
    assert "json" in line


def test_a_reader_that_goes_away_is_told_nothing(tool, images):
    """As `| head` does."""
    with tool.running("index") as process:
        process.stdout.close()
        process.wait(30 * SLOW)
        assert process.returncode == -signal.SIGPIPE
        assert process.stderr.read() == b""


def test_a_full_disk_behind_stdout_is_an_error(tool, images):
    with open("/dev/full", "wb") as full, tool.running("index", stdout=full) as process:
        _, err = process.communicate(timeout=30 * SLOW)
    assert process.returncode == FAILURE
    assert b"standard output" in err

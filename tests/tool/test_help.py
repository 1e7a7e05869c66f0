# SPDX-License-Identifier: Apache-2.0
"""How the tool is called, and how it ends."""

import os
import re

import pytest

from support.processes import REPOSITORY, glance_catalog
from support.tool import OK, USAGE

COMMANDS = ["db-sync", "index", "show", "add", "rm", "set", "save", "check", "scrub"]


def options_in(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))


def help_of(*command):
    result = glance_catalog(*command, "--help")
    assert result.stderr == ""
    return result.stdout


@pytest.mark.smoke
def test_the_help_lists_every_command_and_option():
    text = help_of()
    assert re.findall(r"^([a-z][a-z-]*)\b.*\n  [A-Z]", text, re.MULTILINE) == COMMANDS
    for command in COMMANDS:
        assert options_in(help_of(command)) <= options_in(text)
    assert options_in(text) == {"--version"}.union(*(options_in(help_of(c)) for c in COMMANDS))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_shows_its_own_options(command):
    text = help_of(command)
    assert text.startswith(f"usage: glance-catalog [--spec SPEC] {command}")
    others = {"add": "--min-disk", "scrub": "--rate", "set": "--unset", "index": "--all"}
    for owner, option in others.items():
        assert (option in text) == (owner == command)
    assert {"--help", "--spec"} <= options_in(text)


def test_help_wins_over_missing_arguments_and_needs_no_catalog():
    assert "NAME|ID" in glance_catalog("show", "-h").stdout
    assert "usage" in glance_catalog("--spec", "/nonexistent", "-h", "show").stdout


def test_the_version_is_printed():
    assert re.fullmatch(r"glance-catalog \d+\.\d+\.\d+\n", glance_catalog("--version").stdout)


@pytest.mark.parametrize("place", ["before", "after", "equals"])
def test_the_spec_may_stand_before_or_after_the_command(tool, catalog_dir, place):
    words = {
        "before": ["--spec", catalog_dir, "index"],
        "after": ["index", "--spec", catalog_dir],
        "equals": [f"--spec={os.fspath(catalog_dir)}", "index"],
    }[place]
    assert glance_catalog(*words).returncode == OK


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "command"),
        (["nonsense"], "'nonsense'"),
        (["--wrong"], "--wrong"),
        (["--spec"], "--spec"),
        (["--spe", "x", "index"], "--spe"),
        (["index", "more"], "'index'"),
        (["index", "--al"], "--al"),
        (["show"], "NAME|ID"),
        (["show", "a", "b"], "NAME|ID"),
        (["add"], "FILE"),
        (["rm"], "NAME|ID"),
        (["set"], "NAME|ID"),
        (["save", "a", "b", "c"], "NAME|ID [FILE]"),
        (["check", "x"], "'check'"),
        (["scrub", "--rate"], "--rate"),
        (["--spec", "a", "index", "--spec", "b"], "twice"),
    ],
)
def test_a_wrong_call_is_a_usage_error_of_one_line(words, told):
    failed = glance_catalog(*words, check=False)
    assert (failed.returncode, failed.stdout) == (USAGE, "")
    (line,) = failed.stderr.splitlines()
    assert line.startswith("glance-catalog: ")
    assert line.endswith("; see glance-catalog --help")
    assert told in line


def test_words_behind_two_dashes_are_no_options(tool, small_source):
    tool.add(small_source, "--name", "--all")
    assert "--all" in tool("show", "--", "--all").stdout


def exit_codes_of(text):
    """The numbers and meanings of a table in --help or in Markdown."""
    return dict(re.findall(r"^\|? *(\d+)(?: \| | {2})(.+?)(?: \|)?$", text, re.MULTILINE))


def test_the_exit_codes_are_those_of_the_documentation():
    page = (REPOSITORY / "docs/exit-codes.md").read_text()
    section = page.partition("## glance-catalog\n")[2].partition("\n## ")[0]
    codes = exit_codes_of(help_of().partition("Exit codes:\n")[2])
    assert sorted(codes) == ["0", "1", "2", "3", "4", "5"]
    assert sorted(exit_codes_of(section)) == sorted(codes)
    manual = (REPOSITORY / "docs/man/glance-catalog.8.scd").read_text()
    table = manual.partition("# EXIT STATUS\n")[2].partition("\n# ")[0]
    assert re.findall(r"^\*(\d)\*$", table, re.MULTILINE) == sorted(codes)

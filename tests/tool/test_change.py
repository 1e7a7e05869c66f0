# SPDX-License-Identifier: Apache-2.0
"""`glance-catalog rm` and `set`: all or nothing."""

import pytest

from support.processes import wait_until
from support.tool import NO_SUCH_IMAGE, REFUSED, USAGE


@pytest.fixture
def names(tool, small_source):
    """Images by name: their ids."""
    return {name: tool.add(small_source, "--name", name) for name in ("one", "two", "three")}


# ── rm ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.smoke
def test_rm_takes_names_and_ids(tool, catalog_dir, mount, rest, names):
    result = tool("rm", "one", names["two"])
    assert (result.stdout, result.stderr) == ("", "")
    assert catalog_dir.data_files() == [names["three"]]
    assert [image["id"] for image in rest.images()] == [names["three"]]
    wait_until(lambda: mount.names() == ["three"], 1, "the deletions in the mount")


def test_rm_of_the_same_image_twice_is_one_deletion(tool, catalog_dir, names):
    tool("rm", "one", names["one"], "one")
    assert catalog_dir.data_files() == sorted([names["two"], names["three"]])


def test_rm_deletes_nothing_unless_all_are_there(tool, catalog_dir, names):
    assert "'four'" in tool.fails(NO_SUCH_IMAGE, "rm", "one", "four", "two")
    assert len(catalog_dir.data_files()) == 3


def test_rm_of_a_protected_image_says_how_to_unprotect_it(tool, catalog_dir, names):
    tool("set", "two", "protected=true")
    line = tool.fails(REFUSED, "rm", "one", "two")
    assert f"`glance-catalog set {names['two']} protected=false`" in line
    assert len(catalog_dir.data_files()) == 3
    tool("set", names["two"], "protected=false")
    tool("rm", "one", "two")
    assert catalog_dir.data_files() == [names["three"]]


@pytest.mark.parametrize("command", [["rm"], ["save"], ["set", "a=b"], ["show"], ["scrub"]])
def test_an_ambiguous_name_is_an_error_that_lists_the_ids(
    tool, catalog_dir, small_source, command
):
    ids = [tool.add(small_source, "--name", "twin") for _ in range(2)]
    name, *rest = command
    result = tool(name, "twin", *rest, check=False)
    assert (result.returncode, result.stdout) == (NO_SUCH_IMAGE, "")
    (line,) = result.stderr.splitlines()
    head, _, listed = line.rpartition(": ")
    assert head == "glance-catalog: 2 images are named 'twin'; use one of their ids"
    assert sorted(listed.split(", ")) == sorted(ids)
    assert catalog_dir.data_files() == sorted(ids)


@pytest.mark.parametrize("command", [["rm"], ["save"], ["set", "a=b"], ["show"], ["scrub"]])
def test_an_unknown_image_has_an_exit_code_of_its_own(tool, command):
    name, *rest = command
    assert "'nothing'" in tool.fails(NO_SUCH_IMAGE, name, "nothing", *rest)


def test_rm_of_an_image_that_somebody_writes_ends_the_writing(tool, mount, catalog_dir):
    with open(mount / "growing", "wb", buffering=0) as file:
        file.write(b"x" * 100_000)
        tool("rm", "growing")
        with pytest.raises(OSError):
            file.write(b"more")
            file.close()
    assert catalog_dir.statuses() == {}
    wait_until(lambda: catalog_dir.spools() == [], 5, "the spool's end")


# ── set ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.smoke
def test_set_changes_attributes_and_properties_at_once(tool, mount, rest, names):
    result = tool(
        "set", "one", "name=uno", "min_disk=7", "protected=true", "visibility=public",
        "tags=b,a,with%2Ccomma", "owner=p1", "os_distro=debian", "note=a=b c", "empty=",
    )  # fmt: skip
    assert (result.stdout, result.stderr) == ("", "")
    image = rest.image(names["one"])
    expected = {
        "name": "uno", "min_disk": 7, "protected": True, "visibility": "public",
        "tags": ["a", "b", "with,comma"], "owner": "p1", "os_distro": "debian",
        "note": "a=b c", "empty": "",
    }  # fmt: skip
    assert {key: image[key] for key in expected} == expected
    wait_until(lambda: mount.names() == ["three", "two", "uno"], 1, "the new name in the mount")
    assert mount.xattr("uno", "os_distro") == "debian"


def test_unset_removes_properties_and_resets_attributes(tool, rest, names):
    tool("set", "one", "os_distro=debian", "min_disk=7", "tags=a,b", "owner=p1", "keep=yes")
    tool("set", "one", "--unset", "os_distro", "--unset", "min_disk", "x=y", "--unset", "tags",
         "--unset", "owner")  # fmt: skip
    image = rest.image(names["one"])
    assert "os_distro" not in image
    assert (image["min_disk"], image["tags"], image["owner"]) == (0, [], None)
    assert (image["keep"], image["x"]) == ("yes", "y")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["good=1", "min_disk=x"], REFUSED, ["'x'", "min_disk"]),
        (["good=1", "protected=maybe"], REFUSED, ["'maybe'", "true, false"]),
        (["good=1", "status=active"], REFUSED, ["status", "read-only"]),
        (["good=1", "checksum=1"], REFUSED, ["checksum", "read-only"]),
        (["good=1", "disk_format=raw"], REFUSED, ["disk_format"]),
        (["good=1", "os_glance_x=1"], REFUSED, ["os_glance_x"]),
        (["good=1", "--unset", "missing"], REFUSED, ["missing"]),
        (["good=1", "--unset", "id"], REFUSED, ["id", "read-only"]),
        (["good=1", f"{'k' * 256}=1"], REFUSED, ["255"]),
        (["good=1", "good=2"], USAGE, ["'good'", "twice"]),
        (["good=1", "--unset", "good"], USAGE, ["'good'", "twice"]),
        (["good=1", "bare"], USAGE, ["KEY=VALUE", "'bare'"]),
        (["good=1", "=x"], USAGE, ["KEY=VALUE"]),
        ([], USAGE, ["KEY=VALUE", "--unset"]),
    ],
)
def test_a_bad_change_changes_nothing(tool, rest, names, words, code, told):
    before = rest.image(names["one"])
    line = tool.fails(code, "set", "one", *words)
    for word in told:
        assert word in line
    assert rest.image(names["one"]) == before


def test_a_value_longer_than_64_kib_is_refused_and_told_its_limit(tool, names):
    line = tool.fails(REFUSED, "set", "one", "note=" + "x" * 65_536)
    assert "'note' is too long: it has 65536 bytes, 65535 are allowed" in line
    tool("set", "one", "note=" + "x" * 65_535)

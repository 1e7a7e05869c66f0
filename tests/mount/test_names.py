# SPDX-License-Identifier: Apache-2.0
"""Which path leads to which image."""

import os
import stat

import pytest

from support.expectations import fails_with
from support.processes import run, wait_until


def names_become(mount, expected):
    """What the other door did must show within a second."""
    wait_until(lambda: mount.names() == sorted(expected), 1, f"names {expected}")


@pytest.fixture
def image(mount, small_source):
    run("cp", small_source, mount / "image")
    return mount.xattr("image", "id")


def test_an_empty_catalog_is_an_empty_directory(mount):
    assert os.listdir(mount) == []
    assert run("ls", "-A", mount).stdout == ""


def test_the_root_lists_images_by_name_and_nothing_else(mount, image):
    assert os.listdir(mount) == ["image"]


def test_by_id_resolves_and_lists_every_image_but_is_not_listed(mount, image, small_source):
    assert ".by-id" not in os.listdir(mount)
    assert stat.S_ISDIR(os.stat(mount / ".by-id").st_mode)
    assert os.listdir(mount / ".by-id") == [image]
    run("cmp", small_source, mount / ".by-id" / image)


def test_what_does_not_exist_is_enoent(mount, image):
    for name in ("images", ".by-id/00000000-0000-4000-8000-000000000000", "image~00000000"):
        with fails_with("ENOENT"):
            os.stat(mount / name)


def test_of_two_images_of_one_name_the_older_keeps_the_bare_name(mount, rest):
    older = rest.create_raw("noble", b"older")["id"]
    newer = rest.create_raw("noble", b"newer")["id"]
    names_become(mount, ["noble", f"noble~{newer[:8]}"])
    assert (mount / "noble").read_bytes() == b"older"
    assert (mount / f"noble~{newer[:8]}").read_bytes() == b"newer"
    assert mount.xattr(f"noble~{newer[:8]}", "name") == "noble"
    assert (mount / f"noble~{older[:8]}").read_bytes() == b"older"
    assert os.stat(mount / "noble").st_ino == os.stat(mount / f"noble~{older[:8]}").st_ino


def test_more_digits_of_the_id_resolve_too(mount, rest):
    digits = rest.create_raw("noble", b"data")["id"].replace("-", "")
    names_become(mount, ["noble"])
    for count in (8, 9, 12, 32):
        assert (mount / f"noble~{digits[:count]}").read_bytes() == b"data"
    for wrong in (digits[:7], digits[:11] + "g", digits + "0", digits[:8] + "~"):
        with fails_with("ENOENT"):
            os.stat(mount / f"noble~{wrong}")


def test_three_images_of_one_name_are_three_files(mount, rest):
    images = [rest.create_raw("triple", b"%d" % i)["id"] for i in range(3)]
    names_become(mount, ["triple", *(f"triple~{image[:8]}" for image in images[1:])])


def test_the_newer_takes_the_bare_name_when_the_older_is_deleted(mount, rest):
    older = rest.create_raw("noble", b"older")["id"]
    newer = rest.create_raw("noble", b"newer")["id"]
    names_become(mount, ["noble", f"noble~{newer[:8]}"])
    rest.delete(older)
    names_become(mount, ["noble"])
    assert (mount / "noble").read_bytes() == b"newer"


def test_renaming_to_a_taken_name_through_rest_takes_no_path_away(mount, rest):
    late = rest.create_raw("other", b"late")["id"]
    rest.create_raw("noble", b"first")
    rest.replace(late, "name", "noble")
    names_become(mount, ["noble", f"noble~{late[:8]}"])
    assert (mount / "noble").read_bytes() == b"first"


def test_an_image_without_a_name_shows_under_its_id(mount, rest):
    image_id = rest.create(disk_format="raw", container_format="bare")["id"]
    names_become(mount, [image_id])


def test_hidden_images_are_reached_by_id_only(mount, rest):
    image_id = rest.create_raw("hidden", b"data", os_hidden=True)["id"]
    path = mount / ".by-id" / image_id
    wait_until(path.exists, 1, "the hidden image")
    assert path.read_bytes() == b"data"
    assert mount.names() == []
    assert (mount / f"hidden~{image_id[:8]}").read_bytes() == b"data"


PLAIN_NAMES = [
    "héllo ✓.img",
    "with space",
    "tilde~",
    "a~12345678",
    "100%",
    "new\nline",
    "-rf",
    "~",
    ".hidden",
    "a" * 255,
    "é" * 127,
]


@pytest.mark.parametrize("name", PLAIN_NAMES, ids=ascii)
def test_a_file_name_becomes_the_image_name(mount, catalog_dir, name):
    (mount / name).write_bytes(b"data")
    assert mount.names() == [name]
    assert mount.xattr(name, "name") == name
    assert catalog_dir.statuses() == {name: "active"}
    assert (mount / name).read_bytes() == b"data"


@pytest.mark.parametrize("name", ["a/b", ".", "..", "/", ".by-id", ".by-tag", "x" * 255], ids=ascii)
def test_a_name_that_no_file_can_have_still_gets_one_path(mount, rest, name):
    rest.create_raw(name, b"data")
    (listed,) = wait_until(mount.names, 1, "the file")
    assert mount.xattr(listed, "name") == name
    assert (mount / listed).read_bytes() == b"data"


def test_a_name_longer_than_a_file_name_may_be_is_cut_and_completed_by_the_id(mount, rest):
    image_id = rest.create_raw("é" * 200, b"data")["id"]
    (listed,) = wait_until(mount.names, 1, "the file")
    assert len(os.fsencode(listed)) <= 255
    assert listed.endswith(f"~{image_id[:8]}")
    assert mount.xattr(listed, "name") == "é" * 200


def test_a_slash_is_percent_encoded_both_ways(mount, rest, catalog_dir):
    rest.create_raw("dir/a", b"data")
    names_become(mount, ["dir%2Fa"])
    (mount / "dir%2Fb").write_bytes(b"data")
    assert mount.xattr("dir%2Fb", "name") == "dir/b"
    assert catalog_dir.statuses() == {"dir/a": "active", "dir/b": "active"}


def test_names_that_would_be_decoded_keep_their_form(mount, rest):
    rest.create_raw("50%2Foff", b"data")
    (listed,) = wait_until(mount.names, 1, "the file")
    assert mount.xattr(listed, "name") == "50%2Foff"
    assert listed != "50%2Foff"


def test_a_name_that_is_not_utf8_is_eilseq(mount):
    with fails_with("EILSEQ"):
        os.open(os.fsencode(mount) + b"/caf\xe9", os.O_CREAT | os.O_WRONLY)
    assert mount.names() == []


def test_a_name_beyond_the_basic_plane_is_einval(mount):
    with fails_with("EINVAL"):
        os.open(mount / "🐧.img", os.O_CREAT | os.O_WRONLY)
    assert mount.names() == []


def test_a_name_over_255_bytes_is_enametoolong(mount):
    with fails_with("ENAMETOOLONG"):
        os.open(mount / ("n" * 256), os.O_CREAT | os.O_WRONLY)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: os.mkdir(path),
        lambda path: os.symlink("target", path),
        lambda path: os.mkfifo(path),
        lambda path: os.link(path.parent / "image", path),
        lambda path: os.mkdir(path.parent / ".by-id" / "new"),
    ],
    ids=["mkdir", "symlink", "mkfifo", "link", "mkdir in .by-id"],
)
def test_only_regular_files_can_be_made(mount, image, make):
    with fails_with("EPERM"):
        make(mount / "new")
    assert mount.names() == ["image"]


def test_exclusive_creation_sees_what_is_there(mount, image):
    with fails_with("EEXIST"):
        os.open(mount / "image", os.O_CREAT | os.O_EXCL | os.O_WRONLY)


def test_changes_of_the_other_door_show_within_a_second(mount, rest):
    image = rest.create(name="cross", disk_format="raw", container_format="bare")
    names_become(mount, ["cross"])
    assert os.stat(mount / "cross").st_size == 0
    rest.put_data(image["id"], b"data of it", expect=204)
    wait_until(lambda: os.stat(mount / "cross").st_size == 10, 1, "the size")
    rest.replace(image["id"], "os_distro", "debian")
    wait_until(lambda: "os_distro" in mount.xattrs("cross"), 1, "the property")
    assert mount.xattr("cross", "os_distro") == "debian"
    rest.replace(image["id"], "name", "crossed")
    names_become(mount, ["crossed"])
    rest.delete(image["id"])
    names_become(mount, [])
    with fails_with("ENOENT"):
        os.stat(mount / "crossed")


def test_two_mounts_of_one_catalog_see_each_other(mounts, catalog_dir, small_source):
    one = mounts.start(catalog_dir)
    two = mounts.start(catalog_dir)
    run("cp", small_source, one)
    names_become(two, ["small.img"])
    run("cmp", small_source, two / "small.img")
    os.unlink(two / "small.img")
    names_become(one, [])


def test_a_thousand_images_are_listed_once_each(mount, rest):
    names = [f"image-{i:04}" for i in range(1000)]
    for name in names:
        rest.create(name=name)
    wait_until(lambda: len(os.listdir(mount)) == 1000, 5, "a thousand names")
    assert mount.names() == names
    assert run("ls", mount).stdout.split() == names


def test_an_open_directory_does_not_revive_what_was_deleted(mount, rest, small_source):
    """Entries are made when they are read, not when the directory was opened."""
    run("cp", small_source, mount / "x.img")
    image = mount.xattr("x.img", "id")
    with os.scandir(mount) as entries:
        rest.delete(image)
        wait_until(lambda: not os.path.exists(mount / ".by-id" / image), 2, "the deletion")
        list(entries)
    with fails_with("ENOENT"):
        os.stat(mount / "x.img")

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


def name_is_forgotten(path):
    """Nor does the kernel know it any more: within the same second, but later than it is listed."""
    wait_until(lambda: not os.path.exists(path), 1, f"the end of {path}")


def name_becomes(path, data):
    """A name that the kernel knew as another image's leads to the one with these data."""
    wait_until(lambda: path.read_bytes() == data, 1, f"{path} of {data}")


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
    "a%20b",
    "a%25b",
    "%2Efoo",
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
    name_is_forgotten(mount / "crossed")


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
        name_is_forgotten(mount / "x.img")
        list(entries)
    with fails_with("ENOENT"):
        os.stat(mount / "x.img")


def test_hiding_and_showing_move_the_bare_name(mount, rest):
    first = rest.create_raw("noble", b"first")["id"]
    second = rest.create_raw("noble", b"second")["id"]
    names_become(mount, ["noble", f"noble~{second[:8]}"])
    rest.replace(first, "os_hidden", True)
    names_become(mount, ["noble"])
    name_becomes(mount / "noble", b"second")
    for image, data in ((first, b"first"), (second, b"second")):
        assert (mount / f"noble~{image[:8]}").read_bytes() == data
    rest.replace(first, "os_hidden", False)
    names_become(mount, ["noble", f"noble~{second[:8]}"])
    name_becomes(mount / "noble", b"first")


def test_renaming_away_gives_the_bare_name_to_the_next(mount, rest):
    first = rest.create_raw("noble", b"first")["id"]
    second = rest.create_raw("noble", b"second")["id"]
    names_become(mount, ["noble", f"noble~{second[:8]}"])
    os.rename(mount / "noble", mount / "jammy")
    assert mount.names() == ["jammy", "noble"]
    assert (mount / "noble").read_bytes() == b"second"
    rest.replace(first, "name", "noble")
    names_become(mount, ["noble", f"noble~{first[:8]}"])
    assert (mount / "noble").read_bytes() == b"second"


def test_two_hundred_images_of_one_name_are_told_apart(mount, rest):
    ids = [rest.create(name="twin")["id"] for _ in range(200)]
    names_become(mount, ["twin", *(f"twin~{image[:8]}" for image in ids[1:])])
    for image in ids:
        assert mount.xattr(f"twin~{image[:8]}", "id") == image


def test_ids_that_begin_alike_get_more_digits(mount, rest):
    beginnings = ("01234567-89ab", "01234567-89ac", "01234568-89ab")
    ids = [f"{beginning}-4cde-8000-000000000001" for beginning in beginnings]
    for image in ids:
        rest.create(id=image, name="twin")
    digits = [image.replace("-", "") for image in ids]
    names_become(mount, ["twin", f"twin~{digits[1][:12]}", f"twin~{digits[2][:8]}"])
    assert mount.xattr(f"twin~{digits[0][:12]}", "id") == ids[0]
    # Of those that it might mean, it is the one that has the name longest.
    assert mount.xattr(f"twin~{digits[1][:8]}", "id") == ids[0]


def test_a_bare_name_wins_over_a_qualified_one(mount, rest):
    rest.create_raw("noble", b"first")
    second = rest.create_raw("noble", b"second")["id"]
    names_become(mount, ["noble", f"noble~{second[:8]}"])
    assert (mount / f"noble~{second[:8]}").read_bytes() == b"second"
    third = rest.create_raw(f"noble~{second[:8]}", b"third")["id"]
    longer = f"noble~{second.replace('-', '')[:9]}"
    names_become(mount, ["noble", f"noble~{second[:8]}", longer])
    name_becomes(mount / f"noble~{second[:8]}", b"third")
    assert (mount / longer).read_bytes() == b"second"
    rest.delete(third)
    names_become(mount, ["noble", f"noble~{second[:8]}"])
    name_becomes(mount / f"noble~{second[:8]}", b"second")


LONG = {"ascii": "x" * 255, "nearly": "x" * 247, "wide": "é" * 127, "too long": "é" * 200}


@pytest.mark.parametrize("name", LONG.values(), ids=LONG)
def test_long_names_too_resolve_with_digits(mount, rest, name):
    ids = [rest.create_raw(name, b"%d" % i)["id"] for i in range(2)]
    wait_until(lambda: len(mount.names()) == 2, 1, "two files")
    for i, image in enumerate(ids):
        for digits in (image[:8], image.replace("-", "")):
            room = 255 - len(digits) - 1
            base = name.encode()[:room].decode(errors="ignore")
            assert (mount / f"{base}~{digits}").read_bytes() == b"%d" % i
    for listed in mount.names():
        assert len(os.fsencode(listed)) <= 255
        assert mount.xattr(listed, "name") == name


LOOK_ALIKES = [".by-ids", ".BY-ID", ".by-tag~", ".MD5SUMS.old", ".md5sums", "%2Eby-ids", "by-id"]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alikes_of_the_reserved_names_are_plain_names(mount, name):
    (mount / name).write_bytes(b"data")
    assert mount.names() == [name]
    assert mount.xattr(name, "name") == name


RESERVED = [".by-id", ".by-tag", ".MD5SUMS", ".SHA512SUMS"]


@pytest.mark.parametrize("name", RESERVED)
def test_an_image_of_a_reserved_name_is_escaped(mount, rest, name):
    rest.create_raw(name, b"data")
    names_become(mount, [f"%2E{name[1:]}"])
    assert (mount / f"%2E{name[1:]}").read_bytes() == b"data"
    (mount / "new").write_bytes(b"new")
    os.rename(mount / "new", mount / f"%2E{name[1:]}")
    assert [image["name"] for image in rest.images()] == [name]


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names_cannot_be_taken(mount, image, name):
    with pytest.raises(OSError):
        os.open(mount / name, os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError):
        os.rename(mount / "image", mount / name)
    with pytest.raises(OSError):
        os.mkdir(mount / name)
    assert mount.names() == ["image"]


def test_names_that_no_image_can_have_are_enoent(mount, image):
    for name in (b"caf\xe9", b"\xff", b"image\x80", "🐧".encode()):
        for folder in ("", ".by-id/", ".by-tag/"):
            with fails_with("ENOENT"):
                os.stat(os.fsencode(mount / folder) + b"/" + name)


def test_what_ids_look_like_without_dashes_is_no_path_by_id(mount, image):
    for name in (image.upper(), image.replace("-", ""), image[:8], f" {image}"):
        with fails_with("ENOENT"):
            os.stat(mount / ".by-id" / name)


@pytest.mark.parametrize("status", ["killed", "pending_delete", "deleted"])
def test_images_that_glance_does_not_show_are_not_there(mount, catalog_dir, image, status):
    os.stat(mount / ".by-id" / image)
    catalog_dir.execute("UPDATE images SET status = ? WHERE id = ?", status, image)
    names_become(mount, [])
    for path in ("image", f"image~{image[:8]}", f".by-id/{image}"):
        wait_until(lambda p=path: not (mount / p).exists(), 1, f"the end of {path}")
    assert os.listdir(mount / ".by-id") == []


def test_a_deactivated_image_shows_and_is_eacces(mount, catalog_dir, image):
    catalog_dir.execute("UPDATE images SET status = 'deactivated' WHERE id = ?", image)

    def is_closed():
        try:
            os.close(os.open(mount / "image", os.O_RDONLY))
        except PermissionError:
            return True

    wait_until(is_closed, 1, "the deactivation")
    assert mount.names() == ["image"]
    assert os.stat(mount / "image").st_size == 300_001
    with fails_with("EACCES"):
        os.open(mount / ".by-id" / image, os.O_RDONLY)


def test_a_name_may_be_another_images_id(mount, rest):
    nameless = rest.create(disk_format="raw", container_format="bare")["id"]
    names_become(mount, [nameless])
    named = rest.create_raw(nameless, b"data")["id"]
    names_become(mount, [nameless, f"{nameless}~{named[:8]}"])
    assert mount.xattr(nameless, "id") == nameless
    assert mount.xattr(f"{nameless}~{named[:8]}", "id") == named
    assert sorted(os.listdir(mount / ".by-id")) == sorted([nameless, named])

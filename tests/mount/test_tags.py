# SPDX-License-Identifier: Apache-2.0
""".by-tag: tags are directories, ln tags, rm untags."""

import os

import pytest

from support.expectations import fails_with
from support.processes import run, shell, wait_until


class Tags:
    """The directory .by-tag of a mount."""

    def __init__(self, mount):
        self.path = mount / ".by-tag"

    def __truediv__(self, name):
        return self.path / name

    def tree(self):
        """What every tag's directory lists."""
        return {tag: sorted(os.listdir(self.path / tag)) for tag in os.listdir(self.path)}

    def become(self, **expected):
        """What the other door did must show within a second."""
        wait_until(lambda: self.tree() == expected, 1, f"tags {expected}")


@pytest.fixture
def tags(mount):
    return Tags(mount)


@pytest.fixture
def image(mount, small_source):
    run("cp", small_source, mount / "image")
    return mount.xattr("image", "id")


def inode(path):
    return os.stat(path).st_ino


def test_without_tags_the_directory_is_empty(mount, tags, image):
    assert ".by-tag" not in os.listdir(mount)
    assert tags.tree() == {}


def test_every_tag_is_a_directory_of_the_images_that_have_it(mount, tags, rest):
    rest.create_raw("one", b"1", tags=["prod", "linux"])
    rest.create_raw("two", b"2", tags=["linux"])
    tags.become(linux=["one", "two"], prod=["one"])
    assert (tags / "linux" / "two").read_bytes() == b"2"
    assert inode(tags / "prod" / "one") == inode(tags / "linux" / "one") == inode(mount / "one")
    with fails_with("ENOENT"):
        os.stat(tags / "prod" / "two")
    with fails_with("ENOENT"):
        os.listdir(tags / "unknown")


@pytest.mark.smoke
def test_ln_tags_and_rm_untags(mount, tags, rest, image):
    os.mkdir(tags / "prod")
    run("ln", mount / "image", f"{tags.path}/prod/")
    assert tags.tree() == {"prod": ["image"]}
    assert mount.xattr("image", "tags") == "prod"
    assert rest.image(image)["tags"] == ["prod"]
    assert os.stat(mount / "image").st_nlink == 3
    run("rm", tags / "prod" / "image")
    assert tags.tree() == {"prod": []}
    assert rest.image(image)["tags"] == []
    assert os.stat(mount / "image").st_nlink == 2
    assert mount.names() == ["image"]


def test_tags_are_added_and_removed_one_by_one(mount, tags, rest, image):
    mount.set_xattr("image", "tags", "a,b")
    os.mkdir(tags / "c")
    run("ln", tags / "a" / "image", tags / "c" / "image")
    assert tags.tree() == {"a": ["image"], "b": ["image"], "c": ["image"]}
    run("rm", tags / "a" / "image")
    assert rest.image(image)["tags"] == ["b", "c"]


@pytest.mark.parametrize("name", ["image", "image~{digits}", "image~{id}", "{id}"])
def test_ln_takes_every_name_of_the_image(mount, tags, rest, image, name):
    name = name.format(digits=image[:8], id=image)
    os.mkdir(tags / "prod")
    os.link(mount / "image", tags / "prod" / name)
    assert tags.tree() == {"prod": ["image"]}
    assert inode(tags / "prod" / name) == inode(mount / "image")
    assert rest.image(image)["tags"] == ["prod"]


def test_ln_of_the_path_by_id_tags(mount, tags, rest, image):
    os.mkdir(tags / "prod")
    run("ln", mount / ".by-id" / image, f"{tags.path}/prod/")
    assert tags.tree() == {"prod": ["image"]}


def test_ln_under_another_name_is_einval(mount, tags, rest, image):
    rest.create(name="other")
    wait_until((mount / "other").exists, 1, "the other image")
    os.mkdir(tags / "prod")
    for name in ("new", "other", "image~00000000"):
        with fails_with("EINVAL"):
            os.link(mount / "image", tags / "prod" / name)
    assert tags.tree() == {"prod": []}
    assert rest.image(image)["tags"] == []


def test_ln_of_an_image_that_has_the_tag_is_eexist(mount, tags, image):
    mount.set_xattr("image", "tags", "prod")
    for name in ("image", f"image~{image[:8]}", image):
        with fails_with("EEXIST"):
            os.link(mount / "image", tags / "prod" / name)


def test_ln_elsewhere_is_eperm(mount, tags, image):
    for target in (mount / "link", mount / ".by-id" / "link", tags / "image"):
        with fails_with("EPERM"):
            os.link(mount / "image", target)
    mount.set_xattr("image", "tags", "prod")
    with fails_with("EPERM"):
        os.link(mount / ".MD5SUMS", tags / "prod" / ".MD5SUMS")


def test_mkdir_makes_a_tag_that_is_nobodys_yet(mount, tags, image):
    os.mkdir(tags / "prod")
    assert tags.tree() == {"prod": []}
    with fails_with("EEXIST"):
        os.mkdir(tags / "prod")
    mount.set_xattr("image", "tags", "used")
    with fails_with("EEXIST"):
        os.mkdir(tags / "used")
    mount.remount()
    assert tags.tree() == {"used": ["image"]}


def test_rmdir_removes_an_empty_tag_only(mount, tags, image):
    os.mkdir(tags / "empty")
    mount.set_xattr("image", "tags", "used")
    with fails_with("ENOTEMPTY"):
        os.rmdir(tags / "used")
    os.rmdir(tags / "empty")
    assert tags.tree() == {"used": ["image"]}
    with fails_with("ENOENT"):
        os.rmdir(tags / "empty")


def test_directories_elsewhere_are_eperm(mount, tags, image):
    mount.set_xattr("image", "tags", "prod")
    for path in (mount / "new", mount / ".by-id" / "new", tags / "prod" / "new"):
        with fails_with("EPERM"):
            os.mkdir(path)
    for path in (mount / ".by-id", tags.path):
        with fails_with("EPERM"):
            os.rmdir(path)


def test_rm_r_of_a_tag_untags_all_its_images(mount, tags, rest):
    for name in ("one", "two"):
        rest.create_raw(name, b"data", tags=["old", "kept"])
    tags.become(old=["one", "two"], kept=["one", "two"])
    run("rm", "-r", tags / "old")
    assert tags.tree() == {"kept": ["one", "two"]}
    assert mount.names() == ["one", "two"]
    assert [image["tags"] for image in rest.images()] == [["kept"], ["kept"]]


def test_a_protected_image_can_be_tagged_and_untagged(mount, tags, image):
    mount.set_xattr("image", "protected", "true")
    os.mkdir(tags / "prod")
    os.link(mount / "image", tags / "prod" / "image")
    os.unlink(tags / "prod" / "image")
    assert tags.tree() == {"prod": []}
    assert mount.names() == ["image"]


def test_images_are_neither_made_nor_moved_in_tags(mount, tags, image):
    mount.set_xattr("image", "tags", "prod,test")
    os.mkdir(tags / "free")
    with fails_with("EPERM"):
        os.open(tags / "prod" / "new", os.O_CREAT | os.O_WRONLY)
    for old, new in (
        (tags / "prod" / "image", tags / "free" / "image"),
        (tags / "prod" / "image", mount / "moved"),
        (mount / "image", tags / "free" / "image"),
        (tags / "prod", tags / "renamed"),
        (mount / ".by-id", mount / "renamed"),
        (mount / ".MD5SUMS", mount / "renamed"),
    ):
        with fails_with("EPERM"):
            os.rename(old, new)
    assert mount.names() == ["image"]
    assert tags.tree() == {"free": [], "prod": ["image"], "test": ["image"]}


def test_a_read_only_mount_shows_tags_and_changes_none(mounts, catalog_dir, mount, tags, image):
    mount.set_xattr("image", "tags", "prod")
    mount.unmount()
    tags = Tags(mounts.start(catalog_dir, "ro"))
    assert tags.tree() == {"prod": ["image"]}
    for change in (
        lambda: os.mkdir(tags / "new"),
        lambda: os.rmdir(tags / "prod"),
        lambda: os.unlink(tags / "prod" / "image"),
    ):
        with fails_with("EROFS"):
            change()


ODD_TAGS = [
    "a/b",
    "/",
    ".",
    "..",
    ".by-id",
    "100%",
    "50%2Foff",
    "%2E",
    "new\nline",
    "a,b",
    " ",
    "~",
    "é" * 255,
    "/" * 255,
]


@pytest.mark.parametrize("tag", ODD_TAGS, ids=ascii)
def test_every_tag_has_one_directory(mount, tags, rest, tag):
    rest.create_raw("image", b"data", tags=[tag])
    (listed,) = wait_until(lambda: os.listdir(tags.path), 1, "the tag")
    assert len(os.fsencode(listed)) <= 255
    assert os.listdir(tags / listed) == ["image"]
    (entry,) = os.scandir(tags.path)
    assert entry.is_dir()
    assert entry.inode() == inode(tags / listed)
    os.unlink(tags / listed / "image")
    assert rest.images()[0]["tags"] == []
    os.link(mount / "image", tags / listed / "image")
    assert rest.images()[0]["tags"] == [tag]


def test_two_long_tags_that_begin_alike_are_two_directories(mount, tags, rest):
    rest.create_raw("one", b"1", tags=["é" * 254 + "1"])
    rest.create_raw("two", b"2", tags=["é" * 254 + "2"])
    wait_until(lambda: len(os.listdir(tags.path)) == 2, 1, "two tags")
    assert sorted(tags.tree().values()) == [["one"], ["two"]]


NEW_TAGS = {
    "a%2Fb": "a/b",
    "%2E": ".",
    "%2E.": "..",
    ".by-tag": ".by-tag",
    ".hidden": ".hidden",
    "ü b": "ü b",
    "100%": "100%",
    "%2Efoo": "%2Efoo",
    "a%252Fb": "a%2Fb",
    "new\nline": "new\nline",
    "x" * 255: "x" * 255,
}


@pytest.mark.parametrize("name", NEW_TAGS, ids=ascii)
def test_a_directory_name_becomes_the_tag(mount, tags, rest, image, name):
    os.mkdir(tags / name)
    os.link(mount / "image", tags / name / "image")
    assert rest.image(image)["tags"] == [NEW_TAGS[name]]
    assert tags.tree() == {name: ["image"]}


def test_directory_names_that_no_tag_has_are_refused(mount, tags):
    for name, error in (
        (b"caf\xe9", "EILSEQ"),
        ("🐧".encode(), "EINVAL"),
        (b"x" * 256, "ENAMETOOLONG"),
    ):
        with fails_with(error):
            os.mkdir(os.fsencode(tags.path) + b"/" + name)
    assert tags.tree() == {}


def test_tags_of_the_other_door_show_within_a_second(mount, tags, rest):
    image = rest.create_raw("image", b"data")["id"]
    rest.replace(image, "tags", ["prod", "linux"])
    tags.become(prod=["image"], linux=["image"])
    links = os.stat(mount / "image").st_nlink
    assert links == 4
    # The kernel knows these entries by now, and must forget them.
    rest.replace(image, "tags", ["linux"])
    tags.become(linux=["image"])
    for path in (tags / "prod", tags / "prod" / "image"):
        wait_until(lambda p=path: not p.exists(), 1, f"the end of {path}")
    wait_until(lambda: os.stat(mount / "image").st_nlink == 3, 1, "the link count")
    rest.delete(image)
    tags.become()
    wait_until(lambda: not (tags / "linux" / "image").exists(), 1, "the end of the entry")


def test_a_renamed_image_is_renamed_in_its_tags(mount, tags, rest):
    image = rest.create_raw("old", b"data", tags=["prod"])["id"]
    tags.become(prod=["old"])
    assert inode(tags / "prod" / "old") == inode(mount / "old")
    rest.replace(image, "name", "new")
    tags.become(prod=["new"])
    wait_until(lambda: not (tags / "prod" / "old").exists(), 1, "the end of the old name")
    os.rename(mount / "new", mount / "newer")
    assert tags.tree() == {"prod": ["newer"]}


def test_in_a_tag_images_have_the_names_of_the_root(mount, tags, rest):
    first = rest.create_raw("noble", b"1", tags=["other"])["id"]
    second = rest.create_raw("noble", b"2", tags=["prod"])["id"]
    hidden = rest.create_raw("noble", b"3", tags=["prod"], os_hidden=True)["id"]
    shown = [f"noble~{second[:8]}", f"noble~{hidden[:8]}"]
    tags.become(other=["noble"], prod=sorted(shown))
    assert mount.names() == ["noble", shown[0]]
    for name, image in zip(shown, (second, hidden)):
        assert mount.xattr(f".by-tag/prod/{name}", "id") == image
        assert inode(tags / "prod" / image) == inode(mount / ".by-id" / image)
    with fails_with("ENOENT"):
        os.stat(tags / "prod" / "noble")
    rest.delete(first)
    tags.become(prod=sorted(["noble", shown[1]]))


def test_rm_in_a_tag_keeps_a_hidden_image(mount, tags, rest):
    image = rest.create_raw("old", b"data", tags=["prod"], os_hidden=True)["id"]
    tags.become(prod=[f"old~{image[:8]}"])
    shell("rm $1/prod/*", tags.path)
    assert rest.image(image)["tags"] == []
    assert (mount / ".by-id" / image).read_bytes() == b"data"


def test_two_mounts_see_each_others_tags(mounts, catalog_dir, small_source):
    one, two = mounts.start(catalog_dir), mounts.start(catalog_dir)
    run("cp", small_source, one / "image")
    os.mkdir(one / ".by-tag/prod")
    os.link(one / "image", one / ".by-tag/prod/image")
    Tags(two).become(prod=["image"])
    os.unlink(two / ".by-tag/prod/image")
    Tags(one).become(prod=[])
    os.rmdir(one / ".by-tag/prod")
    assert Tags(one).tree() == {}


def test_parallel_ln_and_rest_lose_no_tag(mount, tags, rest, image):
    for i in range(4):
        os.mkdir(tags / f"mount{i}")
    script = "for i in 0 1 2 3; do ln $1/image $1/.by-tag/mount$i/ & done; wait"
    shell(script, mount)
    assert rest.image(image)["tags"] == [f"mount{i}" for i in range(4)]


def test_glance_set_through_the_xattr_is_the_same_tag(mount, tags, image):
    mount.set_xattr("image", "tags", "a,b%2Cc")
    assert tags.tree() == {"a": ["image"], "b,c": ["image"]}
    mount.remove_xattr("image", "tags")
    assert tags.tree() == {}

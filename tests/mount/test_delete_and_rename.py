# SPDX-License-Identifier: Apache-2.0
"""rm deletes images, mv renames and replaces them."""

import ctypes
import os

import pytest

from support.expectations import assert_published, fails_with, wait_until_gone
from support.images import random_file
from support.processes import run, shell, wait_until

AT_FDCWD = -100
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2


def renameat2(old, new, flags):
    libc = ctypes.CDLL(None, use_errno=True)
    old, new = os.fsencode(old), os.fsencode(new)
    if libc.renameat2(AT_FDCWD, old, AT_FDCWD, new, flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


@pytest.fixture
def image(mount, small_source):
    """The id of an active image called `image`."""
    run("cp", small_source, mount / "image")
    return mount.xattr("image", "id")


@pytest.mark.smoke
def test_rm_deletes_the_image_and_its_data(mount, catalog_dir, image):
    assert catalog_dir.data_files() == [image]
    run("rm", mount / "image")
    assert mount.names() == []
    with fails_with("ENOENT"):
        os.stat(mount / "image")
    with fails_with("ENOENT"):
        os.stat(mount / ".by-id" / image)
    row = catalog_dir.image_row(image)
    assert (row["deleted"], row["status"]) == (1, "deleted")
    assert row["deleted_at"] is not None
    assert row["checksum"] is not None
    locations = catalog_dir.rows("SELECT deleted, status FROM image_locations")
    assert locations == [{"deleted": 1, "status": "deleted"}]
    wait_until(lambda: catalog_dir.data_files() == [], 5, "an empty store")


def test_rm_by_id_deletes_the_same_image(mount, image):
    os.unlink(mount / ".by-id" / image)
    assert mount.names() == []


def test_rm_of_a_protected_image_is_eperm(mount, catalog_dir, image, small_source):
    mount.set_xattr("image", "protected", "true")
    with fails_with("EPERM"):
        os.unlink(mount / "image")
    assert run("rm", "-f", mount / "image", check=False).returncode == 1
    assert_published(mount, catalog_dir, "image", small_source)
    mount.set_xattr("image", "protected", "false")
    run("rm", mount / "image")
    assert mount.names() == []


def test_rm_of_a_queued_image_leaves_nothing(mount, catalog_dir):
    shell("touch $1/queued; rm $1/queued", mount)
    wait_until_gone(mount, catalog_dir, "queued")


def test_an_open_descriptor_keeps_reading_what_was_deleted(mount, image, small_source):
    with open(mount / "image", "rb") as file:
        assert file.read(10) == small_source.read_bytes()[:10]
        os.unlink(mount / "image")
        assert mount.names() == []
        file.seek(0)
        assert file.read() == small_source.read_bytes()


def test_rm_during_an_upload_leaves_nothing(mount, catalog_dir):
    descriptor = os.open(mount / "doomed", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"x" * 1_000_000)
    os.unlink(mount / "doomed")
    try:
        os.close(descriptor)
    except OSError:
        pass  # the writer may be told or not; nothing may be published
    wait_until_gone(mount, catalog_dir, "doomed")


def test_a_deleted_name_can_be_used_again(mount, catalog_dir, image, small_source):
    os.unlink(mount / "image")
    run("cp", small_source, mount / "image")
    assert mount.xattr("image", "id") != image
    assert_published(mount, catalog_dir, "image", small_source)


def test_rm_deletes_every_file_it_is_given(mount, catalog_dir, small_source):
    for i in range(10):
        run("cp", small_source, mount / f"image{i}")
    shell("rm $1/*", mount)
    assert mount.names() == []
    assert catalog_dir.statuses() == {}


def test_rm_takes_the_exact_image_of_two_with_one_name(mount, rest):
    first = rest.create_raw("twin", b"first")["id"]
    second = rest.create_raw("twin", b"second")["id"]
    wait_until(lambda: len(mount.names()) == 2, 1, "both twins")
    os.unlink(mount / f"twin~{first[:8]}")
    wait_until(lambda: mount.names() == ["twin"], 1, "one twin")
    assert (mount / "twin").read_bytes() == b"second"
    assert [image["id"] for image in rest.images()] == [second]


def test_rmdir_of_the_views_is_refused(mount, image):
    with pytest.raises(OSError):
        os.rmdir(mount / ".by-id")
    assert os.listdir(mount / ".by-id") == [image]


@pytest.mark.smoke
def test_mv_renames_the_image(mount, catalog_dir, image, small_source):
    inode = os.stat(mount / "image").st_ino
    run("mv", mount / "image", mount / "renamed")
    assert mount.names() == ["renamed"]
    with fails_with("ENOENT"):
        os.stat(mount / "image")
    assert mount.xattr("renamed", "id") == image
    assert os.stat(mount / "renamed").st_ino == inode
    assert catalog_dir.image_row(image)["name"] == "renamed"
    assert_published(mount, catalog_dir, "renamed", small_source)


def test_mv_over_another_image_replaces_it(mount, catalog_dir, image, tmp_path):
    new = random_file(tmp_path / "new", 5000, seed=3)
    run("cp", new, mount / "new")
    new_id = mount.xattr("new", "id")
    run("mv", mount / "new", mount / "image")
    assert mount.names() == ["image"]
    assert mount.xattr("image", "id") == new_id
    assert_published(mount, catalog_dir, "image", new)
    assert catalog_dir.image_row(image)["status"] == "deleted"
    wait_until(lambda: catalog_dir.data_files() == [new_id], 5, "the old data's end")


def test_a_reader_of_a_replaced_image_keeps_the_old_data(mount, image, small_source, tmp_path):
    run("cp", random_file(tmp_path / "new", 5000, seed=3), mount / "new")
    with open(mount / "image", "rb") as file:
        os.rename(mount / "new", mount / "image")
        assert file.read() == small_source.read_bytes()
    assert (mount / "image").read_bytes() == (tmp_path / "new").read_bytes()


def test_mv_over_a_protected_image_is_eperm_and_changes_nothing(mount, image, small_source):
    run("cp", small_source, mount / "new")
    mount.set_xattr("image", "protected", "true")
    with fails_with("EPERM"):
        os.rename(mount / "new", mount / "image")
    assert mount.names() == ["image", "new"]
    assert mount.xattr("image", "id") == image
    mount.set_xattr("image", "protected", "false")


def test_the_replacement_keeps_the_bare_name(mount, rest):
    first = rest.create_raw("twin", b"first")["id"]
    second = rest.create_raw("twin", b"second")["id"]
    wait_until(lambda: len(mount.names()) == 2, 1, "both twins")
    (mount / "new").write_bytes(b"new")
    os.rename(mount / "new", mount / "twin")
    assert mount.names() == sorted(["twin", f"twin~{second[:8]}"])
    assert (mount / "twin").read_bytes() == b"new"
    assert rest.request("GET", f"/v2/images/{first}").status == 404


def test_mv_n_keeps_both(mount, image, small_source):
    run("cp", small_source, mount / "new")
    run("mv", "-n", mount / "new", mount / "image", check=False)
    assert mount.names() == ["image", "new"]
    assert mount.xattr("image", "id") == image
    with fails_with("EEXIST"):
        renameat2(mount / "new", mount / "image", RENAME_NOREPLACE)
    renameat2(mount / "new", mount / "free", RENAME_NOREPLACE)
    assert mount.names() == ["free", "image"]


def test_exchanging_two_names_is_einval(mount, image, small_source):
    run("cp", small_source, mount / "new")
    with fails_with("EINVAL"):
        renameat2(mount / "new", mount / "image", RENAME_EXCHANGE)
    assert mount.xattr("image", "id") == image


def test_renaming_an_image_onto_itself_does_nothing(mount, image, catalog_dir):
    os.rename(mount / "image", mount / "image")
    assert mount.names() == ["image"]
    assert catalog_dir.image_row(image)["deleted"] == 0


def test_renaming_what_is_not_there_is_enoent(mount):
    with fails_with("ENOENT"):
        os.rename(mount / "nothing", mount / "something")


def test_an_open_upload_can_be_renamed(mount, catalog_dir):
    descriptor = os.open(mount / ".image.tmp", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"data")
    os.rename(mount / ".image.tmp", mount / "image")
    assert mount.names() == ["image"]
    os.close(descriptor)
    assert mount.xattr("image", "status") == "active"
    assert (mount / "image").read_bytes() == b"data"
    assert catalog_dir.statuses() == {"image": "active"}


def test_mv_to_another_filesystem_moves_the_data_out(mount, image, small_source, tmp_path):
    mount.set_xattr("image", "os_distro", "debian")
    assert run("mv", mount / "image", tmp_path / "out").stderr == ""
    assert (tmp_path / "out").read_bytes() == small_source.read_bytes()
    assert os.getxattr(tmp_path / "out", "user.glance.os_distro") == b"debian"
    assert mount.names() == []


def test_deletion_and_renaming_survive_a_remount(mount, image, small_source):
    run("cp", small_source, mount / "gone")
    run("rm", mount / "gone")
    run("mv", mount / "image", mount / "kept")
    mount.remount()
    assert mount.names() == ["kept"]
    assert mount.xattr("kept", "id") == image

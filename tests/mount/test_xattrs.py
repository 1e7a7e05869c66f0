# SPDX-License-Identifier: Apache-2.0
"""The image's metadata are extended attributes user.glance.*."""

import json
import os
import re
import uuid

import pytest

from support.expectations import fails_with
from support.processes import run, shell, wait_until


@pytest.fixture
def image(mount, small_source):
    """The name of an active image."""
    run("cp", small_source, mount / "image")
    return "image"


@pytest.fixture
def queued(mount):
    shell("touch $1/queued", mount)
    return "queued"


def test_the_core_attributes_answer_by_name(mount, catalog_dir, image):
    image_id = mount.xattr(image, "id")
    assert str(uuid.UUID(image_id)) == image_id
    row = catalog_dir.image_row(image_id)
    expected = {
        "name": "image",
        "status": "active",
        "visibility": "shared",
        "protected": "false",
        "os_hidden": "false",
        "min_disk": "0",
        "min_ram": "0",
        "disk_format": "raw",
        "container_format": "bare",
        "size": "300001",
        "virtual_size": "300001",
        "checksum": row["checksum"],
        "os_hash_algo": "sha512",
        "os_hash_value": row["os_hash_value"],
        "created_at": row["created_at"][:19].replace(" ", "T") + "Z",
        "updated_at": row["updated_at"][:19].replace(" ", "T") + "Z",
    }
    assert {key: mount.xattr(image, key) for key in expected} == expected


def test_an_attribute_without_a_value_is_not_there(mount, queued):
    for key in ("checksum", "os_hash_value", "size", "virtual_size", "owner", "nonsense"):
        with fails_with("ENODATA"):
            mount.xattr(queued, key)


@pytest.mark.smoke
def test_a_property_can_be_set_read_changed_and_removed(mount, catalog_dir, image):
    mount.set_xattr(image, "os_distro", "debian")
    assert mount.xattr(image, "os_distro") == "debian"
    mount.set_xattr(image, "os_distro", "ubuntu")
    assert mount.xattr(image, "os_distro") == "ubuntu"
    assert mount.xattrs(image)["os_distro"] == "ubuntu"
    query = "SELECT name, value, deleted FROM image_properties"
    assert catalog_dir.rows(query) == [{"name": "os_distro", "value": "ubuntu", "deleted": 0}]

    mount.remove_xattr(image, "os_distro")
    with fails_with("ENODATA"):
        mount.xattr(image, "os_distro")
    assert "os_distro" not in mount.xattrs(image)
    assert catalog_dir.rows(query) == [{"name": "os_distro", "value": "ubuntu", "deleted": 1}]


@pytest.mark.parametrize("value", ["", "héllo ✓", "a,b", " spaces ", "two\nlines", "x" * 60_000])
def test_a_property_keeps_any_text(mount, image, value):
    mount.set_xattr(image, "note", value)
    assert mount.xattr(image, "note") == value


def test_the_list_names_what_is_worth_copying(mount, image):
    mount.set_xattr(image, "os_distro", "debian")
    mount.set_xattr(image, "min_disk", "7")
    listed = set(mount.xattrs(image))
    assert {"os_distro", "min_disk", "checksum", "os_hash_algo", "os_hash_value"} <= listed
    by_name_only = {"name", "os_hidden", "id", "status", "size", "virtual_size", "created_at", "updated_at"}
    assert listed & (by_name_only | {"metadata", "min_ram", "protected", "visibility"}) == set()


@pytest.mark.parametrize(
    "key, value, default",
    [
        ("visibility", "community", "shared"),
        ("visibility", "private", "shared"),
        ("protected", "true", "false"),
        ("os_hidden", "true", "false"),
        ("min_disk", "20", "0"),
        ("min_ram", "2147483647", "0"),
    ],
)
def test_a_settable_attribute_is_set_and_reset(mount, image, key, value, default):
    by_id = ".by-id/" + mount.xattr(image, "id")
    mount.set_xattr(by_id, key, value)
    assert mount.xattr(by_id, key) == value
    if key != "os_hidden":  # where the file is, and no part of what a copy carries along
        assert mount.xattrs(by_id)[key] == value
    mount.remove_xattr(by_id, key)
    assert mount.xattr(by_id, key) == default
    assert key not in mount.xattrs(by_id)


def test_tags_are_a_comma_separated_set(mount, catalog_dir, image):
    mount.set_xattr(image, "tags", "web,db,web")
    assert mount.xattr(image, "tags") == "db,web"
    mount.set_xattr(image, "tags", "one%2Ctwo,db")
    tags = catalog_dir.rows("SELECT value FROM image_tags WHERE deleted = 0 ORDER BY value")
    assert [row["value"] for row in tags] == ["db", "one,two"]
    assert mount.xattr(image, "tags") == "db,one%2Ctwo"
    mount.remove_xattr(image, "tags")
    assert catalog_dir.rows("SELECT value FROM image_tags WHERE deleted = 0") == []


def test_the_name_is_an_attribute_too(mount, image):
    mount.set_xattr(image, "name", "other")
    assert mount.names() == ["other"]
    assert mount.xattr("other", "name") == "other"


READ_ONLY = {
    "id": "00000000-0000-4000-8000-000000000000",
    "status": "queued",
    "size": "1",
    "virtual_size": "1",
    "checksum": "0" * 32,
    "os_hash_algo": "md5",
    "os_hash_value": "0" * 128,
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
}


@pytest.mark.parametrize("key", READ_ONLY)
def test_a_read_only_attribute_of_an_active_image_is_eperm(mount, image, key):
    before = mount.xattr(image, key)
    with fails_with("EPERM"):
        mount.set_xattr(image, key, READ_ONLY[key])
    assert mount.xattr(image, key) == before


@pytest.mark.parametrize("key", READ_ONLY)
def test_a_read_only_attribute_may_be_set_to_what_it_is(mount, image, key):
    before = mount.xattr(image, key)
    mount.set_xattr(image, key, before)
    assert mount.xattr(image, key) == before


@pytest.mark.parametrize("key", ["id", "status", "size", "created_at"])
def test_a_read_only_attribute_cannot_be_removed(mount, image, key):
    with fails_with("EPERM"):
        mount.remove_xattr(image, key)


@pytest.mark.parametrize(
    "key", ["checksum", "os_hash_algo", "os_hash_value", "disk_format", "container_format"]
)
def test_removing_what_tells_of_the_data_succeeds_without_effect(mount, image, key):
    before = mount.xattr(image, key)
    mount.remove_xattr(image, key)
    assert mount.xattr(image, key) == before


@pytest.mark.parametrize("key", ["os_glance_import_task", "location", "deleted", "deleted_at"])
def test_a_reserved_name_is_eacces(mount, image, key):
    with fails_with("EACCES"):
        mount.set_xattr(image, key, "x")


@pytest.mark.parametrize(
    "key, value",
    [
        ("visibility", "secret"),
        ("protected", "maybe"),
        ("os_hidden", "2"),
        ("min_disk", "-1"),
        ("min_disk", "2147483648"),
        ("min_ram", "many"),
        ("min_ram", "1.5"),
        ("disk_format", "floppy"),
        ("container_format", "box"),
    ],
)
def test_a_bad_value_is_einval_and_changes_nothing(mount, queued, key, value):
    before = mount.xattrs(queued)
    with fails_with("EINVAL"):
        mount.set_xattr(queued, key, value)
    assert mount.xattrs(queued) == before


def test_the_formats_of_an_active_image_stay(mount, image):
    with fails_with("EACCES"):
        mount.set_xattr(image, "disk_format", "qcow2")
    assert mount.xattr(image, "disk_format") == "raw"


def test_an_unknown_attribute_is_enodata(mount, image):
    with fails_with("ENODATA"):
        mount.xattr(image, "no_such_property")
    with fails_with("ENODATA"):
        mount.remove_xattr(image, "no_such_property")


def test_create_and_replace_flags_mean_what_xattr_7_says(mount, image):
    with fails_with("ENODATA"):
        mount.set_xattr(image, "flagged", "x", os.XATTR_REPLACE)
    mount.set_xattr(image, "flagged", "1", os.XATTR_CREATE)
    with fails_with("EEXIST"):
        mount.set_xattr(image, "flagged", "2", os.XATTR_CREATE)
    assert mount.xattr(image, "flagged") == "1"
    mount.set_xattr(image, "flagged", "3", os.XATTR_REPLACE)
    assert mount.xattr(image, "flagged") == "3"


@pytest.mark.parametrize("name", ["user.other", "user.glance", "user.glancefs.x", "trusted.x"])
def test_other_namespaces_are_eopnotsupp(mount, image, name):
    path = mount / image
    with fails_with("EOPNOTSUPP"):
        os.setxattr(path, name, b"x")
    with fails_with("EOPNOTSUPP"):
        os.getxattr(path, name)


@pytest.mark.parametrize("name", ["security.capability", "security.ima"])
def test_security_attributes_are_enodata(mount, image, name):
    with fails_with("ENODATA"):
        os.getxattr(mount / image, name)


@pytest.mark.parametrize(
    "name", ["system.posix_acl_access", "system.posix_acl_default", "security.selinux"]
)
def test_what_ls_asks_for_is_eopnotsupp(mount, image, name):
    """Then ls -l stops asking for every file's."""
    with fails_with("EOPNOTSUPP"):
        os.getxattr(mount / image, name)


def test_attributes_written_before_the_data_apply(mount, queued, small_source):
    mount.set_xattr(queued, "os_distro", "debian")
    mount.set_xattr(queued, "min_ram", "64")
    mount.set_xattr(queued, "disk_format", "ami")
    shell("cat $1 > $2/queued", small_source, mount)
    assert mount.xattr(queued, "status") == "active"
    assert mount.xattr(queued, "os_distro") == "debian"
    assert mount.xattr(queued, "min_ram") == "64"
    assert mount.xattr(queued, "disk_format") == "ami"


def test_read_only_attributes_carried_to_a_new_image_are_accepted(mount, queued):
    for key in ("id", "status", "created_at", "os_hash_algo"):
        mount.set_xattr(queued, key, READ_ONLY[key])
    assert mount.xattr(queued, "status") == "queued"
    assert mount.xattr(queued, "id") != READ_ONLY["id"]


@pytest.mark.parametrize("options", ["-a", "--preserve=xattr"])
def test_cp_within_the_mount_carries_the_properties(mount, image, options):
    mount.set_xattr(image, "os_distro", "debian")
    mount.set_xattr(image, "tags", "a,b")
    assert run("cp", options, mount / image, mount / "copy").stderr == ""
    assert mount.xattr("copy", "os_distro") == "debian"
    assert mount.xattr("copy", "tags") == "a,b"
    assert mount.xattr("copy", "checksum") == mount.xattr(image, "checksum")
    assert mount.xattr("copy", "id") != mount.xattr(image, "id")


def test_attributes_are_equal_under_every_path(mount, image):
    by_id = ".by-id/" + mount.xattr(image, "id")
    mount.set_xattr(by_id, "os_version", "12")
    assert mount.xattr(image, "os_version") == "12"
    assert mount.xattrs(image) == mount.xattrs(by_id)


def test_the_metadata_attribute_holds_the_whole_image_as_json(mount, image):
    mount.set_xattr(image, "os_distro", "debian")
    metadata = json.loads(mount.xattr(image, "metadata"))
    image_id = mount.xattr(image, "id")
    assert metadata["id"] == image_id
    assert metadata["name"] == "image"
    assert metadata["os_distro"] == "debian"
    assert metadata["size"] == 300_001
    assert metadata["protected"] is False
    assert metadata["tags"] == []
    assert metadata["file"] == f"/v2/images/{image_id}/file"
    assert metadata["owner"] is None


def test_getfattr_shows_and_setfattr_sets(mount, image):
    run("setfattr", "-n", "user.glance.hw_disk_bus", "-v", "virtio", mount / image)
    shown = run("getfattr", "-d", "--absolute-names", mount / image).stdout
    assert 'user.glance.hw_disk_bus="virtio"' in shown.splitlines()
    assert re.search(r'^user\.glance\.checksum="[0-9a-f]{32}"$', shown, re.MULTILINE)
    run("setfattr", "-x", "user.glance.hw_disk_bus", mount / image)
    assert "hw_disk_bus" not in run("getfattr", "-d", mount / image).stdout


def test_attributes_survive_a_remount(mount, image):
    mount.set_xattr(image, "os_distro", "debian")
    before = mount.xattrs(image)
    mount.remount()
    assert mount.xattrs(image) == before


def test_the_directory_has_no_image_attributes(mount):
    assert os.listxattr(mount) == []
    with fails_with("ENODATA"):
        os.getxattr(mount, "user.glance.id")


def test_the_metadata_attribute_is_not_for_setting(mount, rest):
    rest.create_raw("x", b"data")
    wait_until(mount.names, 1, "the image")
    with fails_with("EPERM"):
        os.setxattr(mount / "x", "user.glance.metadata", b"{}")
    with fails_with("EPERM"):
        os.removexattr(mount / "x", "user.glance.metadata")
    with fails_with("EINVAL"):
        os.setxattr(mount / "x", "user.glance.", b"v")

# SPDX-License-Identifier: Apache-2.0
"""The clients that users have, against the bridge, with the mount beside it."""

import os

import pytest

from support.expectations import assert_published, fails_with
from support.images import converted, md5sum, packaged, sha512sum
from support.processes import run, wait_until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def iso():
    return packaged("ipxe.iso")


def wait_for_name(mount, name):
    wait_until(lambda: name in mount.names(), 1, f"{name} on the mount")


def test_openstack_creates_shows_lists_and_saves(mount, catalog_dir, openstack, iso, tmp_path):
    assert openstack.json("image", "list") == []
    created = openstack.json(
        *("image", "create", "--file", iso, "--disk-format", "iso"),
        *("--container-format", "bare", "--property", "os_distro=ipxe", "--tag", "boot", "ipxe"),
    )
    assert created["name"] == "ipxe"

    (listed,) = openstack.json("image", "list", "--long")
    assert (listed["ID"], listed["Name"], listed["Status"]) == (created["id"], "ipxe", "active")
    assert listed["Checksum"] == md5sum(iso)
    for reference in ("ipxe", created["id"]):
        shown = openstack.json("image", "show", reference)
        assert (shown["id"], shown["status"]) == (created["id"], "active")
        assert (shown["size"], shown["checksum"]) == (iso.stat().st_size, md5sum(iso))
        assert shown["tags"] == ["boot"]
        assert shown["properties"]["os_distro"] == "ipxe"
        assert shown["properties"]["os_hash_value"] == sha512sum(iso)
    openstack("image", "save", "--file", tmp_path / "saved", "ipxe")
    run("cmp", iso, tmp_path / "saved")

    wait_for_name(mount, "ipxe")
    assert_published(mount, catalog_dir, "ipxe", iso)
    assert mount.xattr("ipxe", "os_distro") == "ipxe"
    assert mount.xattr("ipxe", "tags") == "boot"
    getfattr = ("getfattr", "--only-values", "-n", "user.glance.os_distro", mount / "ipxe")
    assert run(*getfattr).stdout == "ipxe"


def test_the_clients_do_the_same_when_a_shell_starts_them(openstack, glance, mount, small_source):
    """The other tests run their files in forks of a process that has imported their modules."""
    run("cp", small_source, mount / "image")
    for client, listing, refused in (
        (openstack, ("image", "list", "--long"), ("image", "show", "nothing")),
        (glance, ("image-list",), ("image-show", "nothing")),
    ):
        for words in (listing, refused, ("--no-such-option",)):
            cold, warm = client.cold(*words), client(*words, check=False)
            assert (warm.returncode, warm.stdout) == (cold.returncode, cold.stdout), words
            assert warm.stderr == cold.stderr, words
            assert (cold.returncode == 0) == (words is listing)


def test_openstack_sets_and_unsets_what_the_mount_shows(mount, openstack, small_source):
    run("cp", small_source, mount / "image")
    openstack(
        *("image", "set", "--property", "os_distro=debian", "--property", "hw_disk_bus=scsi"),
        *("--min-disk", "3", "--name", "renamed", "--tag", "t1", "--protected", "image"),
    )
    wait_for_name(mount, "renamed")
    assert mount.names() == ["renamed"]
    values = {"os_distro": "debian", "hw_disk_bus": "scsi", "min_disk": "3", "tags": "t1"}
    assert {key: mount.xattr("renamed", key) for key in values} == values
    with fails_with("EPERM"):
        os.unlink(mount / "renamed")
    openstack("image", "unset", "--property", "os_distro", "renamed")
    wait_until(lambda: "os_distro" not in mount.xattrs("renamed"), 1, "the removal")
    assert mount.xattr("renamed", "hw_disk_bus") == "scsi"


def test_openstack_sees_what_the_mount_does(mount, openstack, small_source, catalog_dir):
    run("cp", small_source, mount / "image")
    run("setfattr", "-n", "user.glance.os_distro", "-v", "debian", mount / "image")
    run("setfattr", "-n", "user.glance.tags", "-v", "a,b", mount / "image")
    shown = openstack.json("image", "show", "image")
    assert shown["properties"]["os_distro"] == "debian"
    assert sorted(shown["tags"]) == ["a", "b"]
    assert (shown["status"], shown["size"]) == ("active", 300_001)

    run("mv", mount / "image", mount / "renamed")
    assert [image["Name"] for image in openstack.json("image", "list")] == ["renamed"]
    assert openstack.json("image", "show", "renamed")["id"] == shown["id"]

    run("rm", mount / "renamed")
    failed = openstack("image", "show", shown["id"], check=False)
    assert failed.returncode == 1
    assert "No Image found" in failed.stderr
    assert openstack.json("image", "list") == []
    assert catalog_dir.data_files() == []


def real_image(kind, folder):
    return converted(folder / "disk.qcow2", "qcow2") if kind == "qcow2" else packaged(kind)


@pytest.mark.parametrize("kind", ["ipxe.iso", "grub-rescue-cdrom.iso", "qcow2"])
def test_openstack_saves_what_cp_has_brought(mount, catalog_dir, openstack, tmp_path, kind):
    source = real_image(kind, tmp_path)
    run("cp", source, mount / kind)
    assert_published(mount, catalog_dir, kind, source)
    (listed,) = openstack.json("image", "list", "--long")
    assert (listed["Name"], listed["Checksum"]) == (kind, md5sum(source))
    assert openstack.json("image", "show", kind)["size"] == source.stat().st_size
    openstack("image", "save", "--file", tmp_path / "saved", kind)
    run("cmp", source, tmp_path / "saved")


def test_openstack_deletes_what_the_mount_shows(mount, openstack, catalog_dir, small_source):
    run("cp", small_source, mount / "one")
    run("cp", small_source, mount / "two")
    openstack("image", "delete", "one")
    wait_until(lambda: mount.names() == ["two"], 1, "one image less")
    assert catalog_dir.data_files() == [mount.xattr("two", "id")]


def test_openstack_explains_a_refused_deletion(mount, openstack, small_source):
    run("cp", small_source, mount / "image")
    mount.set_xattr("image", "protected", "true")
    failed = openstack("image", "delete", "image", check=False)
    assert failed.returncode == 1
    assert "is protected and cannot be deleted" in failed.stderr
    assert mount.names() == ["image"]


def test_glance_creates_lists_shows_and_downloads(mount, catalog_dir, glance, iso, tmp_path):
    created = glance.record(
        *("image-create", "--name", "ipxe", "--disk-format", "iso", "--container-format", "bare"),
        *("--file", iso, "--property", "os_distro=ipxe", "--tags", "boot"),
    )
    assert (created["status"], created["checksum"]) == ("active", md5sum(iso))
    assert (created["size"], created["os_distro"]) == (str(iso.stat().st_size), "ipxe")
    assert created["os_hash_value"] == sha512sum(iso)
    assert glance.image_list() == {"ipxe": created["id"]}
    assert glance.record("image-show", created["id"]) == created
    glance("image-download", "--file", tmp_path / "downloaded", created["id"])
    run("cmp", iso, tmp_path / "downloaded")
    wait_for_name(mount, "ipxe")
    assert_published(mount, catalog_dir, "ipxe", iso)


def test_glance_updates_and_deletes(mount, glance, small_source):
    run("cp", small_source, mount / "image")
    image_id = mount.xattr("image", "id")
    updated = glance.record(
        *("image-update", image_id, "--name", "renamed", "--property", "os_distro=debian")
    )
    assert (updated["name"], updated["os_distro"]) == ("renamed", "debian")
    wait_for_name(mount, "renamed")
    assert mount.xattr("renamed", "os_distro") == "debian"
    glance("image-delete", image_id)
    wait_until(lambda: mount.names() == [], 1, "the deletion")


def test_glance_uploads_to_an_image_that_the_mount_made(mount, glance, small_source, catalog_dir):
    run("touch", mount / "queued")
    image_id = mount.xattr("queued", "id")
    mount.set_xattr("queued", "disk_format", "raw")
    glance("image-upload", "--file", small_source, image_id)
    wait_until(lambda: mount.xattr("queued", "status") == "active", 1, "the upload")
    assert_published(mount, catalog_dir, "queued", small_source)


def test_curl_uploads_and_downloads(mount, bridge, small_source, tmp_path, catalog_dir):
    image = bridge.rest.create(name="curl", disk_format="raw", container_format="bare")
    url = f"{bridge.url}/v2/images/{image['id']}/file"
    octets = ("-H", "Content-Type: application/octet-stream")
    run("curl", "-sSf", *octets, "-T", small_source, url)
    run("curl", "-sSf", "-o", tmp_path / "out", url)
    run("cmp", small_source, tmp_path / "out")
    run("curl", "-sSf", "-o", tmp_path / "part", "-r", "100000-", url)
    assert (tmp_path / "part").read_bytes() == small_source.read_bytes()[100_000:]
    wait_for_name(mount, "curl")
    assert_published(mount, catalog_dir, "curl", small_source)

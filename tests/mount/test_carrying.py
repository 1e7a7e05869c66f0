# SPDX-License-Identifier: Apache-2.0
"""cp, mv, rsync and tar carry images with their metadata between mounts and folders."""

import os
from contextlib import suppress

import pytest

from support.catalogs import CatalogDir
from support.expectations import assert_published, wait_until_gone
from support.images import converted, md5sum, random_file, sparse_file
from support.processes import run, shell

DATE = 1_100_000_000

# What users put on an image: it must arrive.
METADATA = {
    "os_distro": "debian",
    "hw_disk_bus": "virtio",
    "note": "héllo\nthere, ✓",
    "min_ram": "512",
    "tags": "prod,two words,with%2Ccomma",
    "visibility": "community",
    "protected": "false",
}
DIGESTS = ("checksum", "os_hash_algo", "os_hash_value")

CARRIERS = {
    "cp -a": 'cp -a "$1/disk" "$2/"',
    "cp --preserve=all": 'cp --preserve=all "$1/disk" "$2/"',
    "cp --preserve=xattr": 'cp --preserve=xattr "$1/disk" "$2/"',
    "cp -a of the directory": 'cp -a "$1/." "$2/"',
    "mv": 'mv "$1/disk" "$2/"',
    "rsync -aX": 'rsync -aX "$1/disk" "$2/"',
    "rsync -aX of the directory": 'rsync -aX "$1/" "$2/"',
    "rsync -aX --inplace": 'rsync -aX --inplace "$1/disk" "$2/"',
    "tar --xattrs": 'tar -C "$1" --xattrs -cf - disk | tar -C "$2" --xattrs -xf -',
    "tar with every xattr": 'tar -C "$1" --xattrs -cf - disk | '
    'tar -C "$2" --xattrs --xattrs-include="*" -xf -',
}


@pytest.fixture
def disk(tmp_path):
    return converted(tmp_path / "disk", "qcow2")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def other(mounts, tmp_path):
    """A mount of another catalog."""
    return mounts.start(CatalogDir(tmp_path / "other"))


def describe(mount, name):
    for key, value in METADATA.items():
        mount.set_xattr(name, key, value)
    os.utime(mount / name, (DATE, DATE))


def assert_described(mount, name):
    assert {key: mount.xattr(name, key) for key in METADATA} == METADATA


def in_folder(path):
    """The metadata that lie in the xattrs of an ordinary file."""
    found = {}
    for key in METADATA:
        with suppress(OSError):
            found[key] = os.getxattr(path, f"user.glance.{key}").decode()
    return found


def carry(tool, source, target):
    assert shell(CARRIERS[tool], source, target).stderr == ""


@pytest.mark.parametrize("tool", CARRIERS)
def test_an_image_goes_out_to_a_folder_and_into_another_catalog(
    mount, other, folder, disk, tool
):
    run("cp", disk, mount)
    describe(mount, "disk")
    digests = {key: mount.xattr("disk", key) for key in DIGESTS}

    carry(tool, mount, folder)
    run("cmp", disk, folder / "disk")
    # What has its default value is not listed, and so not carried.
    assert in_folder(folder / "disk") == {k: v for k, v in METADATA.items() if k != "protected"}

    carry(tool, folder, other)
    run("cmp", disk, other / "disk")
    assert_described(other, "disk")
    assert {key: other.xattr("disk", key) for key in DIGESTS} == digests
    assert other.xattr("disk", "status") == "active"
    assert other.xattr("disk", "disk_format") == "qcow2"
    if tool != "cp --preserve=xattr":
        assert os.stat(other / "disk").st_mtime == DATE
    assert mount.names() == ([] if tool == "mv" else ["disk"])


@pytest.mark.parametrize("tool", CARRIERS)
def test_an_image_goes_from_catalog_to_catalog(mount, other, disk, tool):
    run("cp", disk, mount)
    describe(mount, "disk")
    image_id = mount.xattr("disk", "id")
    carry(tool, mount, other)
    run("cmp", disk, other / "disk")
    assert_described(other, "disk")
    assert other.xattr("disk", "checksum") == md5sum(disk)
    assert other.xattr("disk", "id") != image_id
    assert other.names() == ["disk"]


@pytest.mark.parametrize("tool", [tool for tool in CARRIERS if "directory" not in tool])
def test_a_hidden_image_is_carried_to_a_visible_copy(mount, other, folder, disk, tool):
    """Hidden at once, a copy would be gone from the path that its tool goes on with."""
    run("cp", disk, mount)
    image_id = mount.xattr("disk", "id")
    mount.set_xattr("disk", "os_distro", "debian")
    mount.set_xattr("disk", "os_hidden", "true")
    script = CARRIERS[tool].replace("$1", "$1/.by-id").replace("disk", image_id)
    assert shell(script, mount, other).stderr == ""
    run("cmp", disk, other / image_id)
    assert other.xattr(image_id, "os_distro") == "debian"
    assert other.names() == [image_id]


def test_mv_of_a_protected_image_copies_and_says_that_it_stays(mount, other, disk):
    run("cp", disk, mount)
    mount.set_xattr("disk", "protected", "true")
    result = run("mv", mount / "disk", other / "disk", check=False)
    assert result.returncode == 1
    assert "cannot remove" in result.stderr
    run("cmp", disk, mount / "disk")
    run("cmp", disk, other / "disk")


def test_a_property_that_only_glance_sets_does_not_stop_a_copy(mount, other, rest, disk):
    """A location, a status and an id come along; the new image has its own."""
    run("cp", disk, mount)
    for key in ("status", "created_at", "id"):
        assert f"user.glance.{key}" not in os.listxattr(mount / "disk")
    run("cp", "--preserve=xattr", mount / "disk", other / "disk")
    assert other.xattr("disk", "status") == "active"


# ── rsync ────────────────────────────────────────────────────────────────────────────────────


def changes_of(*arguments):
    """The itemized changes that an rsync makes."""
    return run("rsync", "-i", *arguments).stdout.splitlines()


@pytest.fixture
def sources(tmp_path):
    """A folder with images of some kinds."""
    path = tmp_path / "sources"
    path.mkdir()
    random_file(path / "random.img", 300_001)
    sparse_file(path / "sparse.img", 3 << 20)
    converted(path / "disk.qcow2", "qcow2")
    (path / "disk.qcow2.raw").unlink()
    (path / "-rf").write_bytes(b"a name that looks like an option")
    for each in path.iterdir():
        os.utime(each, (DATE, DATE))
    return path


MODES = ["-a", "-aX", "-aS", "-aH", "-a --inplace", "-aXAH --numeric-ids", "-rt", "-a --whole-file"]


@pytest.mark.parametrize("mode", MODES)
def test_a_second_rsync_transfers_nothing(mount, catalog_dir, sources, mode):
    arguments = (*mode.split(), f"{sources}/", f"{os.fspath(mount)}/")
    first = [line.split(" ", 1) for line in changes_of(*arguments)]
    assert sorted(name for change, name in first if change.startswith(">f")) == sorted(
        os.listdir(sources)
    )
    for source in sources.iterdir():
        assert_published(mount, catalog_dir, source.name, source)
    assert [line for line in changes_of(*arguments) if ">f" in line] == []
    mount.remount()
    assert [line for line in changes_of(*arguments) if ">f" in line] == []
    stats = run("rsync", "--stats", *arguments).stdout
    assert "Number of regular files transferred: 0" in stats
    assert [line for line in changes_of("-c", *arguments) if ">f" in line] == []


def test_a_second_rsync_out_of_the_mount_transfers_nothing(mount, sources, folder):
    run("cp", "-a", f"{sources}/.", mount)
    arguments = ("-aX", f"{os.fspath(mount)}/", f"{folder}/")
    assert len([line for line in changes_of(*arguments) if ">f" in line]) == 4
    assert changes_of(*arguments) == []
    assert run("diff", "-r", sources, folder).stdout == ""


def test_a_second_rsync_between_mounts_changes_nothing(mount, other, sources):
    """Neither data nor times nor metadata, in either direction."""
    run("cp", "-a", f"{sources}/.", mount)
    for name in os.listdir(sources):
        describe(mount, name)
    there = ("-aX", f"{os.fspath(mount)}/", f"{os.fspath(other)}/")
    back = ("-aX", f"{os.fspath(other)}/", f"{os.fspath(mount)}/")
    assert len([line for line in changes_of(*there) if ">f" in line]) == 4
    for name in os.listdir(sources):
        assert_described(other, name)
    again = (there, back)
    changes = [line for arguments in again for line in changes_of(*arguments)]
    other.remount()
    changes += [line for arguments in again for line in changes_of(*arguments)]
    assert [line for line in changes if not line.endswith(" ./")] == []


def test_rsync_transfers_only_what_changed(mount, catalog_dir, sources):
    arguments = ("-a", f"{sources}/", f"{os.fspath(mount)}/")
    run("rsync", *arguments)
    kept = mount.xattr("sparse.img", "id")
    replaced = mount.xattr("random.img", "id")
    random_file(sources / "random.img", 200_000, seed=5)
    (change,) = (line for line in changes_of(*arguments) if ">f" in line)
    assert change.endswith(" random.img")
    assert_published(mount, catalog_dir, "random.img", sources / "random.img")
    assert mount.xattr("sparse.img", "id") == kept
    assert catalog_dir.image_row(replaced)["status"] == "deleted"
    assert mount.names() == sorted(os.listdir(sources))


def test_rsync_delete_deletes_images(mount, catalog_dir, sources):
    arguments = ("-a", "--delete", f"{sources}/", f"{os.fspath(mount)}/")
    run("rsync", *arguments)
    (sources / "sparse.img").unlink()
    run("rsync", *arguments)
    assert mount.names() == sorted(os.listdir(sources))
    assert catalog_dir.statuses().keys() == set(os.listdir(sources))


def test_rsync_removes_properties_that_its_source_lacks(mount, sources):
    arguments = ("-aX", f"{sources}/", f"{os.fspath(mount)}/")
    run("rsync", *arguments)
    mount.set_xattr("random.img", "os_distro", "debian")
    run("rsync", *arguments)
    assert "os_distro" not in mount.xattrs("random.img")
    assert mount.xattr("random.img", "checksum") == md5sum(sources / "random.img")
    assert mount.xattr("random.img", "disk_format") == "raw"


def test_rsync_inplace_does_not_change_an_image(mount, catalog_dir, sources, tmp_path):
    source = sources / "random.img"
    run("rsync", "-a", source, mount)
    kept = tmp_path / "kept"
    run("cp", source, kept)
    random_file(source, 300_001, seed=6)
    result = run("rsync", "-a", "--inplace", source, mount, check=False)
    assert result.returncode == 23
    assert "Permission denied" in result.stderr
    assert_published(mount, catalog_dir, "random.img", kept)


def test_an_interrupted_rsync_leaves_nothing_and_goes_on(mount, catalog_dir, big_source):
    script = 'rsync "$1" "$2/" & p=$!; until [ "$(ls -A "$2")" ]; do :; done; kill $p; wait $p'
    shell(script, big_source, mount, check=False)
    if big_source.name not in mount.names():  # else it was quicker than the signal
        wait_until_gone(mount, catalog_dir, f".{big_source.name}")
    run("rsync", big_source, mount)
    assert_published(mount, catalog_dir, big_source.name, big_source)
    assert mount.names() == [big_source.name]


# ── tar ──────────────────────────────────────────────────────────────────────────────────────


def test_an_archive_holds_all_images_with_their_metadata(mount, other, sources, tmp_path):
    run("cp", "-a", f"{sources}/.", mount)
    describe(mount, "disk.qcow2")
    archive = tmp_path / "images.tar"
    run("tar", "-C", mount, "--xattrs", "-cf", archive, ".")
    listed = run("tar", "-tf", archive).stdout.split()
    assert sorted(listed) == sorted(["./", *(f"./{name}" for name in os.listdir(sources))])
    run("tar", "-C", other, "--xattrs", "-xf", archive)
    assert run("diff", "-r", sources, other).stdout == ""
    assert_described(other, "disk.qcow2")
    assert other.names() == mount.names()


def test_an_archive_inside_the_mount_is_an_image_like_any_other(mount, catalog_dir, sources):
    run("tar", "-C", sources, "-cf", mount / "images.tar", ".")
    assert run("tar", "-df", mount / "images.tar", "-C", sources).stdout == ""
    assert mount.xattr("images.tar", "status") == "active"


def test_tar_extracts_over_existing_images(mount, catalog_dir, sources, tmp_path):
    run("cp", "-a", f"{sources}/.", mount)
    random_file(sources / "random.img", 99_999, seed=7)
    archive = tmp_path / "images.tar"
    run("tar", "-C", sources, "-cf", archive, ".")
    assert run("tar", "-C", mount, "-xf", archive).stderr == ""
    for source in sources.iterdir():
        assert_published(mount, catalog_dir, source.name, source)
    assert mount.names() == sorted(os.listdir(sources))

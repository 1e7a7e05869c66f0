# SPDX-License-Identifier: Apache-2.0
"""The real Glance and our programs on the same database and store."""

import os
import random

import pytest

from support.catalogs import CatalogDir
from support.expectations import assert_published
from support.images import converted, packaged
from support.processes import run, wait_until
from support.real_glance import RealGlance

pytestmark = pytest.mark.timeout(240)

# What the real one adds because of its own configuration.
OF_THE_CONFIGURATION = {"stores", "locations", "direct_url"}


def without_configured(image):
    return {key: value for key, value in image.items() if key not in OF_THE_CONFIGURATION}


def same_image(ours, theirs):
    """Equal but for what depends on the configuration; the order of tags means nothing."""
    ours, theirs = without_configured(ours), without_configured(theirs)
    assert sorted(ours.pop("tags")) == sorted(theirs.pop("tags"))
    assert ours == theirs


@pytest.fixture
def real(tmp_path, catalog_dir):
    """The real Glance, not yet running, on the database and store of `catalog_dir`."""
    glance = RealGlance(tmp_path / "real", catalog_dir.database, catalog_dir.store)
    yield glance
    glance.stop()


def test_real_glance_serves_changes_and_deletes_what_we_uploaded(
    mount, bridge, catalog_dir, real, tmp_path
):
    source = converted(tmp_path / "disk.qcow2", "qcow2")
    run("cp", source, mount / "disk")
    mount.set_xattr("disk", "os_distro", "debian")
    mount.set_xattr("disk", "tags", "a,b")
    image_id = mount.xattr("disk", "id")
    ours = bridge.rest.image(image_id)
    uploaded = bridge.rest.create_raw("by REST", b"data")
    mount.unmount()
    bridge.stop()

    theirs = real.start()
    same_image(ours, theirs.image(image_id))
    same_image(uploaded, theirs.image(uploaded["id"]))
    assert theirs.image(image_id)["stores"] == "file"
    assert theirs.image(image_id)["locations"] == [
        {"url": f"file://{catalog_dir.data_file(image_id)}", "metadata": {"store": "file"}}
    ]
    assert theirs.download(image_id) == source.read_bytes()
    theirs.replace(image_id, "os_version", "12")
    theirs.delete(uploaded["id"])
    assert catalog_dir.data_files() == [image_id]
    real.stop()

    mount.start()
    assert mount.names() == ["disk"]
    assert mount.xattr("disk", "os_version") == "12"
    assert_published(mount, catalog_dir, "disk", source)


def test_glance_manage_takes_our_database_for_its_own(mount, catalog_dir, real):
    (mount / "image").write_bytes(b"data")
    mount.unmount()
    assert "wallaby_contract01" in real.manage("db", "version")
    real.manage("db_sync")
    mount.start()
    assert (mount / "image").read_bytes() == b"data"


def test_we_open_what_real_glance_made(mounts, bridges, real, tmp_path, catalog_dir):
    catalog_dir.path.mkdir(exist_ok=True)
    real.manage("db_sync")
    theirs = real.start()
    iso = packaged("ipxe.iso")
    image = theirs.create(
        name="ipxe", disk_format="iso", container_format="bare", os_distro="ipxe", tags=["boot"]
    )
    theirs.put_data(image["id"], iso.read_bytes(), expect=204)
    gone = theirs.create_raw("gone", b"data")
    theirs.delete(gone["id"])
    queued = theirs.create(name="queued", min_disk=3)
    expected = {key: theirs.image(key) for key in (image["id"], queued["id"])}
    real.stop()

    bridge = bridges.start(real.config)
    for image_id, theirs_then in expected.items():
        same_image(bridge.rest.image(image_id), theirs_then)
    assert sorted(listed["id"] for listed in bridge.rest.images()) == sorted(expected)
    assert bridge.rest.request("GET", f"/v2/images/{gone['id']}").status == 404
    assert bridge.rest.download(image["id"]) == iso.read_bytes()

    mount = mounts.start(real.config, options="")
    assert mount.names() == ["ipxe", "queued"]
    assert_published(mount, catalog_dir, "ipxe", iso)
    mount.set_xattr("ipxe", "os_version", "1.0")
    run("cp", iso, mount / "copy")
    mount.unmount()
    bridge.stop()

    theirs = real.start()
    assert theirs.image(image["id"])["os_version"] == "1.0"
    (copy,) = theirs.images(name="copy")
    assert theirs.download(copy["id"]) == iso.read_bytes()
    theirs.delete(image["id"])
    assert catalog_dir.data_files() == [copy["id"]]


def test_real_glance_and_the_mount_work_side_by_side(mount, catalog_dir, real):
    theirs = real.start()
    data = random.Random(4).randbytes(200_000)
    image = theirs.create_raw("theirs", data)
    wait_until(lambda: "theirs" in mount.names(), 1, "the real Glance's image")
    wait_until(lambda: mount.xattr("theirs", "status") == "active", 1, "its data")
    assert (mount / "theirs").read_bytes() == data
    theirs.replace(image["id"], "os_distro", "debian")
    wait_until(lambda: "os_distro" in mount.xattrs("theirs"), 1, "its property")
    (mount / "ours").write_bytes(data)
    # A real Glance does not wait for a publication that is on its way.
    wait_until(lambda: theirs.images(name="ours")[0]["status"] == "active", 5, "our image")
    (ours,) = theirs.images(name="ours")
    assert theirs.download(ours["id"]) == data
    os.unlink(mount / "theirs")
    assert theirs.request("GET", f"/v2/images/{image['id']}").status == 404
    theirs.delete(ours["id"])
    wait_until(lambda: mount.names() == [], 1, "the deletion")
    assert catalog_dir.data_files() == []


def test_an_upload_running_in_real_glance_is_left_alone(mount, catalog_dir, real):
    """A `saving` image without an upload record is somebody else's."""
    theirs = real.start()
    image = theirs.create(name="slow", disk_format="raw", container_format="bare")
    path = f"/v2/images/{image['id']}/file"
    connection = theirs.begin_put(path, 200_000, b"x" * 100_000)
    wait_until(lambda: theirs.image(image["id"])["status"] == "saving", 10, "saving")
    mount.remount()
    assert mount.xattr("slow", "status") == "saving"
    connection.send(b"x" * 100_000)
    assert connection.getresponse().status == 204
    connection.close()
    wait_until(lambda: mount.xattr("slow", "status") == "active", 1, "the upload's end")
    assert (mount / "slow").read_bytes() == b"x" * 200_000


@pytest.mark.parametrize("disk_format", ["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx"])
def test_both_record_the_same_about_the_same_bytes(bridge, tmp_path, disk_format, real_elsewhere):
    if disk_format == "raw":
        source = packaged("grub-rescue-floppy.img")
    else:
        source = converted(tmp_path / "disk", disk_format)
    records = []
    for rest in (bridge.rest, real_elsewhere):
        image = rest.create(name="disk", disk_format=disk_format, container_format="bare")
        rest.put_data(image["id"], source.read_bytes(), expect=204)
        record = without_configured(rest.image(image["id"]))
        for key in ("id", "self", "file", "created_at", "updated_at"):
            del record[key]
        records.append(record)
    assert records[0] == records[1]


@pytest.fixture(scope="module")
def real_elsewhere(tmp_path_factory):
    """A running real Glance with a catalog of its own."""
    folder = tmp_path_factory.mktemp("elsewhere")
    catalog = CatalogDir(folder)
    glance = RealGlance(folder / "real", catalog.database, catalog.store)
    glance.manage("db_sync")
    try:
        yield glance.start()
    finally:
        glance.stop()

# SPDX-License-Identifier: Apache-2.0
"""What users type, to the real Glance and to the bridge: the same comes out."""

import json

import pytest

from support.compared import Site, assert_same
from support.images import md5sum, packaged, random_file
from support.processes import run
from support.rest import Rest
from support.side_by_side import side_by_side

pytestmark = pytest.mark.timeout(600)

PROJECT = "6f70656e-7374-4163-8b6f-72672e2e2e2e"


@pytest.fixture(scope="module")
def sites(warm_programs, tmp_path_factory):
    """The real Glance and the bridge, each with a user's home."""
    work = tmp_path_factory.mktemp("compared")
    # Paths of different lengths would break the clients' tables in different places.
    with side_by_side(work, "show_multiple_locations = False", "") as both:
        yield (
            Site(warm_programs, "glance", both.real.url, both.real_store, work / "glance-user"),
            Site(warm_programs, "bridge", both.bridge.url, both.store, work / "bridge-user"),
        )


@pytest.fixture
def both(sites, tmp_path):
    """The sites without images, and a file to upload."""
    for site in sites:
        rest = Rest(site.url)
        for hidden in ("true", "false"):
            for image in rest.images(visibility="all", os_hidden=hidden):
                if image["protected"]:
                    rest.replace(image["id"], "protected", False)
                rest.delete(image["id"])
        site.source = random_file(tmp_path / "disk.img", 300_001)
    return sites


def image_create(*words):
    formats = ("--disk-format", "raw", "--container-format", "bare")
    return ("image", "create", *formats, *words)


def test_openstack_creates_lists_shows_sets_unsets_saves_and_deletes(both, tmp_path):
    def same(*words, status=0):
        return assert_same(both, "openstack", *words, status=status)

    as_json = ("-f", "json")
    source = tmp_path / "disk.img"
    same(
        *image_create("--file", source, "--property", "os_distro=debian", "--tag", "t1"),
        *("--tag", "t2", "--min-disk", "1", "--min-ram", "64", *as_json, "one"),
    )
    same("image", "list", *as_json)
    same("image", "list", "--long", *as_json)
    same("image", "list", "--tag", "t1", "--property", "os_distro=debian", *as_json)
    same("image", "list", "--name", "one", "--status", "active", "--sort", "name:asc", *as_json)
    same("image", "list", "--tag", "t3", *as_json)
    same("image", "list", "--private", *as_json)
    same("image", "show", *as_json, "one")
    same("image", "show", status=2)  # the usage
    same(
        *("image", "set", "--name", "renamed", "--property", "a=b", "--min-disk", "3"),
        *("--tag", "t3", "--protected", "one"),
    )
    shown = json.loads(same("image", "show", *as_json, "renamed"))
    assert shown["tags"] and shown["properties"]["a"] == "b" and shown["protected"] is True
    same("image", "unset", "--property", "a", "--tag", "t1", "renamed")
    same("image", "unset", "--property", "a", "renamed", status=1)
    same("image", "show", *as_json, "renamed")
    same("image", "save", "--file", "@home/saved", "renamed")
    for site in both:
        run("cmp", source, site.path("saved"))
    same("image", "delete", "renamed", status=1)
    same("image", "set", "--unprotected", "renamed")
    same("image", "delete", "renamed")
    same("image", "show", "renamed", status=1)
    same("image", "list", *as_json)


def test_openstack_deactivates_hides_and_shares(both, tmp_path):
    def same(*words, status=0):
        return assert_same(both, "openstack", *words, status=status)

    as_json = ("-f", "json")
    same(*image_create("--file", tmp_path / "disk.img", "--shared", *as_json, "image"))
    same("image", "set", "--deactivate", "image")
    same("image", "show", "-c", "status", *as_json, "image")
    same("image", "save", "--file", "@home/closed", "image")
    same("image", "set", "--activate", "image")
    same("image", "show", "-c", "status", *as_json, "image")
    same("image", "set", "--hidden", "image")
    same("image", "list", *as_json)
    same("image", "list", "--hidden", *as_json)
    same("image", "set", "--unhidden", "image")
    same("image", "add", "project", *as_json, "image", PROJECT)
    same("image", "member", "list", *as_json, "image")
    same("image", "add", "project", *as_json, "image", PROJECT, status=1)
    same("image", "set", "--private", "image")
    same("image", "add", "project", *as_json, "image", PROJECT, status=1)
    same("image", "set", "--community", "image")
    same("image", "list", "--community", *as_json)


def test_glance_creates_uploads_lists_updates_and_downloads(both, tmp_path):
    def same(*words, status=0):
        return assert_same(both, "glance", *words, status=status)

    source = tmp_path / "disk.img"
    ids = {}
    for site in both:
        rest = Rest(site.url)
        ids[site.name] = rest.create(name="image", disk_format="raw", container_format="bare")["id"]

    def each(command, *words, status=0):
        """The command with each site's image."""
        outcomes = [
            site.run("glance", command, *(word.replace("@id", ids[site.name]) for word in words))
            for site in both
        ]
        assert outcomes[1] == outcomes[0], (command, words)
        assert outcomes[1][0] == status, outcomes
        return outcomes[1][1]

    same(
        *("image-create", "--name", "created", "--disk-format", "raw", "--container-format"),
        *("bare", "--file", str(source), "--property", "os_distro=debian", "--tags", "t1"),
    )
    each("image-upload", "--file", str(source), "@id")
    each("image-show", "@id")
    each("image-upload", "--file", str(source), "@id", status=1)
    same("image-list")
    same("image-list", "--sort", "name:desc", "--limit", "1")
    same("image-list", "--sort-key", "size", "--sort-dir", "asc", "--page-size", "1")
    same("image-list", "--property-filter", "os_distro=debian")
    same("image-list", "--tag", "t1")
    same("image-list", "--visibility", "private")
    same("image-list", "--sort", "nonsense", status=1)
    each("image-update", "--name", "renamed", "--property", "a=b", "--min-ram", "64", "@id")
    each("image-update", "--remove-property", "a", "@id")
    each("image-tag-update", "@id", "t2")
    each("image-tag-delete", "@id", "t2")
    each("image-tag-delete", "@id", "t2", status=1)
    each("image-download", "--file", "@home/downloaded", "@id")
    for site in both:
        run("cmp", source, site.path("downloaded"))
    each("image-deactivate", "@id")
    each("image-show", "@id")
    each("image-reactivate", "@id")
    each("member-create", "@id", PROJECT)
    each("member-create", "@id", PROJECT, status=1)
    each("member-list", "--image-id", "@id")
    each("member-update", "@id", PROJECT, "accepted")
    each("member-update", "@id", PROJECT, "perhaps", status=2)
    each("member-get", "@id", PROJECT)
    each("member-delete", "@id", PROJECT)
    each("member-delete", "@id", PROJECT, status=1)
    same("stores-info")
    same("usage")
    each("image-delete", "@id")
    each("image-show", "@id", status=1)
    each("image-delete", "@id", status=1)


def test_glance_stages(both, tmp_path):
    source = tmp_path / "disk.img"
    outcomes = []
    for site in both:
        image = Rest(site.url).create(name="staged")["id"]
        outcomes.append(
            [
                site.run("glance", "image-stage", "--file", str(source), image),
                site.run("glance", "image-show", image),
                site.run("glance", "image-download", "--file", "@home/none", image),
                site.run("glance", "image-delete", image),
            ]
        )
    assert outcomes[1] == outcomes[0]


SDK = """\
import hashlib, sys, openstack
url, source, target = sys.argv[1:]
cloud = openstack.connect(auth_type="none", endpoint=url, image_api_version="2",
                          image_endpoint_override=url)
formats = {"disk_format": "raw", "container_format": "bare"}
image = cloud.create_image("sdk", filename=source, validate_checksum=True, wait=True,
                           meta={"os_distro": "debian"}, tags=["t1"], **formats)
print(image.status, image.size, image.checksum, image.tags, image.os_distro)
again = cloud.create_image("sdk", filename=source, validate_checksum=True, **formats)
print("the same image:", again.id == image.id)
print([found.name for found in cloud.image.images(tag="t1", sort="name:asc")])
print(cloud.image.find_image("sdk").id == image.id, cloud.image.find_image("nope"))
cloud.image.download_image(image, output=target, stream=False)
print(hashlib.md5(open(target, "rb").read()).hexdigest() == image.checksum)
image = cloud.image.update_image(image, name="renamed", os_version="12")
print(image.name, image.os_version)
cloud.image.add_tag(image, "t2")
cloud.image.remove_tag(image, "t1")
print(cloud.image.get_image(image).tags)
cloud.image.deactivate_image(image)
print(cloud.image.get_image(image).status)
cloud.image.reactivate_image(image)
member = cloud.image.add_member(image, member_id="p2")
print(member.status, [each.member_id for each in cloud.image.members(image)])
print(cloud.image.update_member("p2", image, status="accepted").status)
cloud.image.remove_member("p2", image)
print(list(cloud.image.members(image)))
print([store.id for store in cloud.image.stores()])
cloud.delete_image(image.id, wait=True)
print(list(cloud.image.images()))
"""


def test_the_sdk_creates_with_checksums_uploads_and_verifies(both, tmp_path):
    source = packaged("ipxe.iso")
    outputs = []
    for site in both:
        target = site.path("downloaded")
        script = ("/usr/bin/python3", "-c", SDK, site.url, source, target)
        outputs.append(run(*script, home=site.folder, timeout=120).stdout)
        run("cmp", source, target)
    assert outputs[1] == outputs[0]
    assert outputs[1].splitlines()[0] == (
        f"active {source.stat().st_size} {md5sum(source)} ['t1'] debian"
    )

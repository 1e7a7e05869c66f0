# SPDX-License-Identifier: Apache-2.0
"""One image, both doors: what the Image API changes the mount shows within a second, and back."""

import errno
import os

import pytest

from support.expectations import fails_with
from support.processes import run, wait_until


@pytest.fixture
def image(mount, rest, small_source):
    """An active image that came through the mount; its id."""
    run("cp", small_source, mount / "image")
    return mount.xattr("image", "id")


def shows(mount, name, **attributes):
    """Within a second the mount has these values; None stands for no such attribute."""

    def equal():
        for key, value in attributes.items():
            try:
                if mount.xattr(name, key) != value:
                    return False
            except OSError as error:
                if error.errno != errno.ENODATA or value is not None:
                    return False
        return True

    wait_until(equal, 1, f"{attributes} on the mount")


@pytest.mark.parametrize(
    "key, value, text",
    [
        ("os_distro", "debian", "debian"),
        ("os_distro", "", ""),
        ("a key/with: everything", "ünï", "ünï"),
        ("min_disk", 7, "7"),
        ("min_ram", 2147483647, "2147483647"),
        ("protected", True, "true"),
        ("visibility", "community", "community"),
        ("owner", "p1", "p1"),
        ("tags", ["b", "a", "c,d"], "a,b,c%2Cd"),
    ],
)
def test_a_patch_shows_in_getfattr(mount, rest, image, key, value, text):
    pointer = key.replace("~", "~0").replace("/", "~1")
    rest.patch(image, {"op": "add", "path": f"/{pointer}", "value": value})
    shows(mount, "image", **{key: text})
    script = ("getfattr", "--only-values", "-n", f"user.glance.{key}", mount / "image")
    assert run(*script).stdout == text


@pytest.mark.parametrize(
    "key, text, value",
    [
        ("os_distro", "debian", "debian"),
        ("a key: x", "ünï", "ünï"),
        ("min_disk", "7", 7),
        ("protected", "true", True),
        ("visibility", "public", "public"),
        ("owner", "p1", "p1"),
        ("tags", "b,a,c%2Cd", ["a", "b", "c,d"]),
    ],
)
def test_setfattr_shows_in_the_api_at_once(mount, rest, image, key, text, value):
    run("setfattr", "-n", f"user.glance.{key}", "-v", text, mount / "image")
    assert rest.image(image)[key] == value


def test_removals_show_on_the_other_side(mount, rest, image):
    rest.patch(image, {"op": "add", "path": "/os_distro", "value": "debian"})
    shows(mount, "image", os_distro="debian")
    rest.patch(image, {"op": "remove", "path": "/os_distro"})
    shows(mount, "image", os_distro=None)
    run("setfattr", "-n", "user.glance.os_type", "-v", "linux", mount / "image")
    run("setfattr", "-x", "user.glance.os_type", mount / "image")
    assert "os_type" not in rest.image(image)


def test_tags_go_both_ways(mount, rest, image):
    rest.request("PUT", f"/v2/images/{image}/tags/prod", expect=204)
    shows(mount, "image", tags="prod")
    mount.set_xattr("image", "tags", "prod,test")
    assert rest.image(image)["tags"] == ["prod", "test"]
    rest.request("DELETE", f"/v2/images/{image}/tags/prod", expect=204)
    shows(mount, "image", tags="test")
    assert [found["id"] for found in rest.images(tag="test")] == [image]


def test_renames_go_both_ways(mount, rest, image):
    rest.replace(image, "name", "renamed")
    wait_until(lambda: mount.names() == ["renamed"], 1, "the new name")
    os.rename(mount / "renamed", mount / "again")
    assert rest.image(image)["name"] == "again"


def test_what_one_side_refuses_the_other_refuses_too(mount, rest, image):
    for key, text in [("min_disk", "-1"), ("visibility", "secret"), ("name", "n" * 256)]:
        with fails_with("EINVAL"):
            mount.set_xattr("image", key, text)
        value = int(text) if key == "min_disk" else text
        rest.patch(image, {"op": "add", "path": f"/{key}", "value": value}, expect=400)
    for key in ("status", "size", "created_at"):
        with fails_with("EPERM"):
            mount.set_xattr("image", key, "1")
        rest.patch(image, {"op": "add", "path": f"/{key}", "value": "1"}, expect=403)


def test_a_closed_image_stays_readable_for_administrators_of_the_api_only(mount, rest, image):
    rest.request("POST", f"/v2/images/{image}/actions/deactivate", expect=204)
    shows(mount, "image", status="deactivated")
    with fails_with("EACCES"):
        os.close(os.open(mount / "image", os.O_RDONLY))
    rest.request("POST", f"/v2/images/{image}/actions/reactivate", expect=204)
    shows(mount, "image", status="active")
    os.close(os.open(mount / "image", os.O_RDONLY))


def test_a_protected_image_stays_on_both_sides(mount, rest, image):
    rest.replace(image, "protected", True)
    shows(mount, "image", protected="true")
    with fails_with("EPERM"):
        os.unlink(mount / "image")
    mount.set_xattr("image", "protected", "false")
    rest.delete(image)
    wait_until(lambda: mount.names() == [], 1, "the deletion")
    assert rest.images() == []


def test_rm_is_a_deletion(mount, rest, image):
    os.unlink(mount / "image")
    assert rest.request("GET", f"/v2/images/{image}").status == 404
    assert rest.images() == []

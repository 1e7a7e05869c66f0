# SPDX-License-Identifier: Apache-2.0
"""PATCH of images: both JSON Patch dialects of the Image API."""

import json

import pytest

from support.rest import JSON_PATCH

OLD_JSON_PATCH = "application/openstack-images-v2.0-json-patch"


@pytest.fixture
def image(rest):
    return rest.create(name="before", os_distro="debian", tags=["t1"])


def add(key, value):
    return {"op": "add", "path": f"/{key}", "value": value}


def replace(key, value):
    return {"op": "replace", "path": f"/{key}", "value": value}


def remove(key):
    return {"op": "remove", "path": f"/{key}"}


@pytest.mark.smoke
def test_operations_apply_in_order_and_the_answer_is_the_image(rest, image):
    answer = rest.patch(
        image["id"],
        replace("name", "after"),
        add("os_version", "11"),
        replace("os_version", "12"),
        remove("os_distro"),
        add("tags", ["t2", "t1"]),
        replace("min_disk", 5),
        replace("protected", True),
        replace("visibility", "community"),
        replace("os_hidden", True),
    ).json()
    assert answer == rest.image(image["id"])
    assert (answer["name"], answer["os_version"]) == ("after", "12")
    assert "os_distro" not in answer
    assert sorted(answer["tags"]) == ["t1", "t2"]
    assert (answer["min_disk"], answer["protected"]) == (5, True)
    assert (answer["visibility"], answer["os_hidden"]) == ("community", True)


def test_one_bad_operation_leaves_everything_as_it_was(rest, image):
    rest.patch(image["id"], replace("name", "after"), remove("no_such"), expect=409)
    rest.patch(image["id"], add("new", "x"), replace("min_disk", "five"), expect=400)
    rest.patch(image["id"], add("new", "x"), replace("status", "active"), expect=403)
    assert rest.image(image["id"]) == image


@pytest.mark.parametrize(
    "operation, status",
    [
        (add("os_distro", "ubuntu"), 200),
        (add("new", "x"), 200),
        (add("name", "x"), 200),
        (replace("os_distro", "ubuntu"), 200),
        (remove("os_distro"), 200),
        (replace("name", None), 200),
        (replace("owner", "project"), 200),
        (replace("disk_format", "qcow2"), 200),
        (replace("container_format", "bare"), 200),
        (remove("no_such"), 409),
        (replace("no_such", "x"), 409),
        (remove("name"), 403),
        (remove("tags"), 403),
        (remove("owner"), 403),
        (replace("id", "00000000-0000-4000-8000-000000000000"), 403),
        (replace("status", "active"), 403),
        (replace("checksum", "0" * 32), 403),
        (add("size", 1), 403),
        (add("os_hash_value", "0" * 128), 403),
        (add("self", "x"), 403),
        (remove("created_at"), 403),
        (add("deleted", "x"), 403),
        (add("location", "x"), 403),
        (add("os_glance_x", "x"), 403),
        (replace("min_ram", -1), 400),
        (replace("min_ram", "1"), 400),
        (replace("protected", "true"), 400),
        (replace("visibility", "secret"), 400),
        (replace("name", "n" * 256), 400),
        (replace("tags", "t"), 400),
        (replace("disk_format", "floppy"), 400),
        (add("os_version", 12), 400),
        (add("os_version", None), 400),
        ({"op": "test", "path": "/name", "value": "before"}, 400),
        ({"op": "move", "path": "/name", "from": "/os_distro"}, 400),
        ({"path": "/name", "value": "x"}, 400),
        ({"op": "add", "path": "/name"}, 400),
        ({"op": "add", "value": "x"}, 400),
        ({"op": "add", "path": "name", "value": "x"}, 400),
        ({"op": "add", "path": "/a//b", "value": "x"}, 400),
        ({"op": "add", "path": "/a/b", "value": "x"}, 400),
        ({"op": "add", "path": "/tags/-", "value": "x"}, 400),
        ({"op": "add", "path": "/a/", "value": "x"}, 400),
        ({"op": "add", "path": "/a~2", "value": "x"}, 400),
        ({"op": "add", "path": "/a~", "value": "x"}, 400),
        ("text", 400),
    ],
    ids=json.dumps,
)
def test_each_operation_has_its_status(rest, image, operation, status):
    rest.patch(image["id"], operation, expect=status)
    if status != 200:
        assert rest.image(image["id"]) == image


def test_pointer_escapes_name_slash_and_tilde(rest, image):
    answer = rest.patch(image["id"], add("a~1b~0c", "x"), add("", "empty name")).json()
    assert answer["a/b~c"] == "x"
    assert answer[""] == "empty name"


def test_the_old_dialect_knows_the_same_verbs(rest, image):
    answer = rest.patch(
        image["id"],
        {"replace": "/name", "value": "after"},
        {"add": "/new", "value": "x"},
        {"remove": "/os_distro"},
        media_type=OLD_JSON_PATCH,
    ).json()
    assert (answer["name"], answer["new"]) == ("after", "x")
    assert "os_distro" not in answer


@pytest.mark.parametrize(
    "operation, status",
    [
        ({"add": "/os_distro", "value": "x"}, 409),
        ({"add": "/name", "value": "x"}, 409),
        ({"replace": "/no_such", "value": "x"}, 409),
        ({"add": "/a", "replace": "/a", "value": "x"}, 400),
        ({"value": "x"}, 400),
        ({"op": "add", "path": "/a", "value": "x"}, 400),
    ],
    ids=json.dumps,
)
def test_the_old_dialect_is_strict(rest, image, operation, status):
    rest.patch(image["id"], operation, media_type=OLD_JSON_PATCH, expect=status)
    assert rest.image(image["id"]) == image


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json-patch+json", "text/plain", ""]
)
def test_other_media_types_are_415_and_the_right_ones_named(rest, image, media_type):
    answer = rest.patch(image["id"], replace("name", "x"), media_type=media_type, expect=415)
    assert answer.headers["Accept-Patch"] == f"{OLD_JSON_PATCH}, {JSON_PATCH}"
    assert rest.image(image["id"]) == image


def test_parameters_of_the_media_type_are_tolerated(rest, image):
    rest.patch(image["id"], replace("name", "x"), media_type=f"{JSON_PATCH}; charset=utf-8")
    assert rest.image(image["id"])["name"] == "x"


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"3", b'[["add"]]'], ids=ascii)
def test_a_body_that_is_no_list_of_objects_is_400(rest, image, body):
    headers = {"Content-Type": JSON_PATCH}
    path = f"/v2/images/{image['id']}"
    assert rest.request("PATCH", path, body, headers).status == 400
    assert rest.image(image["id"]) == image


def test_an_unknown_image_is_404(rest):
    rest.patch("00000000-0000-4000-8000-000000000000", replace("name", "x"), expect=404)


def test_the_formats_of_an_image_with_data_stay(rest):
    image = rest.create_raw("fixed", b"data")
    for key, value in [("disk_format", "qcow2"), ("container_format", "ovf")]:
        answer = rest.patch(image["id"], replace(key, value), expect=403)
        assert "can be only replaced for a queued image." in answer.body.decode()
    assert rest.image(image["id"]) == image


def test_a_removed_property_revives_its_row(rest, image, catalog_dir):
    rest.patch(image["id"], remove("os_distro"))
    rest.patch(image["id"], add("os_distro", "again"))
    query = "SELECT value, deleted FROM image_properties WHERE image_id = ?"
    assert catalog_dir.rows(query, image["id"]) == [{"value": "again", "deleted": 0}]


def test_more_than_128_properties_or_tags_are_413(rest, image):
    rest.patch(image["id"], *(add(f"p{i}", "") for i in range(127)))
    rest.patch(image["id"], add("one_more", ""), expect=413)
    rest.patch(image["id"], add("tags", [f"t{i}" for i in range(129)]), expect=413)
    assert rest.image(image["id"])["tags"] == ["t1"]

# SPDX-License-Identifier: Apache-2.0
"""POST, GET and DELETE of images."""

import re
import uuid

import pytest

from support.rest import JSON_PATCH

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"


def test_an_empty_object_makes_a_queued_image_with_every_attribute(rest):
    response = rest.request("POST", "/v2/images", {}, expect=201)
    image = response.json()
    image_id = image["id"]
    assert str(uuid.UUID(image_id)) == image_id
    assert TIME.match(image["created_at"])
    assert image == {
        "id": image_id,
        "name": None,
        "status": "queued",
        "visibility": "shared",
        "protected": False,
        "os_hidden": False,
        "checksum": None,
        "os_hash_algo": None,
        "os_hash_value": None,
        "owner": None,
        "size": None,
        "virtual_size": None,
        "container_format": None,
        "disk_format": None,
        "created_at": image["created_at"],
        "updated_at": image["created_at"],
        "tags": [],
        "min_ram": 0,
        "min_disk": 0,
        "self": f"/v2/images/{image_id}",
        "file": f"/v2/images/{image_id}/file",
        "schema": "/v2/schemas/image",
    }
    assert response.headers["Location"] == f"{rest.url}/v2/images/{image_id}"
    assert rest.image(image_id) == image


@pytest.mark.smoke
def test_an_image_is_made_shown_and_deleted(rest):
    wanted = {
        "name": "héllo ✓",
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "private",
        "protected": False,
        "os_hidden": True,
        "min_disk": 10,
        "min_ram": 2147483647,
        "tags": ["db", "web"],
        "os_distro": "debian",
        "empty": "",
    }
    image = rest.create(**wanted)
    assert {key: image[key] for key in wanted} == wanted
    shown = rest.request("GET", f"/v2/images/{image['id']}", expect=200)
    assert shown.json() == image
    assert "héllo ✓".encode() in shown.body
    response = rest.delete(image["id"])
    assert response.body == b""
    for method in ("GET", "DELETE"):
        assert rest.request(method, f"/v2/images/{image['id']}").status == 404


def test_an_id_can_be_chosen_once_and_never_again(rest):
    chosen = str(uuid.uuid4())
    assert rest.create(id=chosen)["id"] == chosen
    assert rest.request("POST", "/v2/images", {"id": chosen}).status == 409
    rest.delete(chosen)
    assert rest.request("POST", "/v2/images", {"id": chosen}).status == 409


def test_duplicate_tags_collapse(rest):
    assert sorted(rest.create(tags=["a", "b", "a"])["tags"]) == ["a", "b"]


def test_digests_in_a_new_image_are_ignored(rest):
    image = rest.create(os_hash_algo="sha512", os_hash_value="0" * 128)
    assert image["os_hash_algo"] is None
    assert image["os_hash_value"] is None


@pytest.mark.parametrize(
    "key, value",
    [
        ("status", "active"),
        ("size", 1),
        ("virtual_size", 1),
        ("checksum", "0" * 32),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("updated_at", "2020-01-01T00:00:00Z"),
        ("self", "/x"),
        ("file", "/x"),
        ("schema", "/x"),
        ("location", "http://x"),
        ("deleted", "true"),
        ("deleted_at", "x"),
        ("os_glance_import_task", "x"),
    ],
)
def test_read_only_and_reserved_attributes_of_a_new_image_are_403(rest, key, value):
    assert rest.request("POST", "/v2/images", {key: value}).status == 403
    assert rest.images() == []


@pytest.mark.parametrize(
    "attributes",
    [
        {"id": "not-a-uuid"},
        {"name": 5},
        {"name": "n" * 256},
        {"name": "penguin 🐧"},
        {"visibility": "secret"},
        {"visibility": None},
        {"protected": "yes"},
        {"os_hidden": "true"},
        {"min_disk": -1},
        {"min_disk": 2147483648},
        {"min_ram": "64"},
        {"min_ram": 1.5},
        {"disk_format": "floppy"},
        {"container_format": "box"},
        {"tags": "a"},
        {"tags": [1]},
        {"tags": ["t" * 256]},
        {"os_distro": 3},
        {"os_distro": None},
        {"os_distro": {"a": "b"}},
        {"p" * 256: "x"},
    ],
    ids=lambda attributes: str(attributes)[:40],
)
def test_bad_values_in_a_new_image_are_400(rest, attributes):
    response = rest.request("POST", "/v2/images", attributes)
    assert response.status == 400
    assert rest.images() == []


@pytest.mark.parametrize("name", ["", "n" * 255, " ", "a/b", ".", "é" * 255, "new\nline"])
def test_names_up_to_255_characters_are_kept(rest, name):
    image = rest.create(name=name)
    assert image["name"] == name
    assert rest.image(image["id"])["name"] == name


@pytest.mark.parametrize("name", ["", "with space", "a/b", "a:b", "ключ", "p" * 255])
def test_property_names_are_free(rest, name):
    image = rest.create(**{name: "value"})
    assert rest.image(image["id"])[name] == "value"


@pytest.mark.parametrize("value", ["v" * 65_535, "é" * 32_767])
def test_a_property_value_of_64_kib_is_kept(rest, value):
    assert rest.create(note=value)["note"] == value


@pytest.mark.parametrize("value", ["v" * 65_536, "é" * 32_768])
def test_a_longer_property_value_is_400_and_told_its_limit(rest, value):
    image = rest.create(name="image")
    refusals = [
        rest.request("POST", "/v2/images", {"note": value}, expect=400),
        rest.patch(image["id"], {"op": "add", "path": "/note", "value": value}, expect=400),
    ]
    for refusal in refusals:
        assert "'note' is too long: it has 65536 bytes, 65535 are allowed" in refusal.body.decode()
    assert rest.images() == [image]


def test_a_long_name_is_400_and_told_its_limit(rest):
    for body in ({"name": "n" * 256}, {"n" * 256: "v"}, {"tags": ["n" * 256]}):
        refusal = rest.request("POST", "/v2/images", body, expect=400)
        assert "is too long: it has 256 characters, 255 are allowed" in refusal.body.decode()


def test_129_properties_are_too_many(rest):
    assert rest.request("POST", "/v2/images", {f"p{i}": "" for i in range(128)}).status == 201
    assert rest.request("POST", "/v2/images", {f"p{i}": "" for i in range(129)}).status == 413


@pytest.mark.parametrize(
    "body", [b"", b"{", b"3", b'"text"', b"[]", b'{"name": "\xff"}', b'{"name": "a"} x'], ids=ascii
)
def test_a_body_that_is_no_json_object_is_400(rest, body):
    headers = {"Content-Type": "application/json"}
    assert rest.request("POST", "/v2/images", body, headers).status == 400
    assert rest.images() == []


@pytest.mark.parametrize("image_id", [NO_SUCH_ID, "nope", "a" * 200, "..%2F..%2Fetc"])
def test_an_unknown_id_is_404(rest, image_id):
    for method in ("GET", "DELETE"):
        assert rest.request(method, f"/v2/images/{image_id}").status == 404


def test_a_protected_image_is_not_deleted(rest):
    image = rest.create_raw("kept", b"data", protected=True)
    response = rest.delete(image["id"], expect=403)
    assert f"Image {image['id']} is protected and cannot be deleted." in response.body.decode()
    assert rest.download(image["id"]) == b"data"
    rest.replace(image["id"], "protected", False)
    rest.delete(image["id"])


def test_deletion_removes_the_data_and_keeps_the_row(rest, catalog_dir):
    image = rest.create_raw("gone", b"data", os_distro="debian", tags=["t"])
    assert catalog_dir.data_files() == [image["id"]]
    rest.delete(image["id"])
    assert catalog_dir.data_files() == []
    row = catalog_dir.image_row(image["id"])
    assert (row["deleted"], row["status"], row["checksum"]) == (1, "deleted", image["checksum"])
    for table in ("image_properties", "image_tags", "image_locations"):
        assert catalog_dir.rows(f"SELECT deleted FROM {table}") == [{"deleted": 1}]


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/v2/images/{id}"),
        ("DELETE", "/v2/images/{id}"),
    ],
)
def test_a_body_where_none_belongs_is_400(rest, method, path):
    image_id = rest.create()["id"]
    response = rest.request(method, path.format(id=image_id), b"{}")
    assert response.status == 400
    assert "A body is not expected with this request." in response.body.decode()
    assert rest.image(image_id)["id"] == image_id


def test_every_answer_carries_a_request_id_and_keeps_the_clients(rest):
    first = rest.request("GET", "/v2/images", expect=200).headers["X-Openstack-Request-Id"]
    second = rest.request("GET", "/v2/images", expect=200).headers["X-Openstack-Request-Id"]
    assert re.match(r"^req-[0-9a-f-]{36}$", first)
    assert first != second
    headers = {"X-Openstack-Request-Id": "req-mine"}
    answer = rest.request("GET", f"/v2/images/{NO_SUCH_ID}", None, headers, expect=404)
    assert answer.headers["X-Openstack-Request-Id"] == "req-mine"


def test_updated_at_follows_changes(rest, catalog_dir):
    image = rest.create()
    before = catalog_dir.image_row(image["id"])["updated_at"]
    headers = {"Content-Type": JSON_PATCH}
    rest.request("PATCH", f"/v2/images/{image['id']}", [], headers, expect=200)
    assert catalog_dir.image_row(image["id"])["updated_at"] == before
    rest.replace(image["id"], "name", "new")
    assert catalog_dir.image_row(image["id"])["updated_at"] > before

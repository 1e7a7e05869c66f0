# SPDX-License-Identifier: Apache-2.0
"""What the server tells of itself: stores, import methods, usage, health, schemas."""

import pytest

from support.configs import ConfiguredCatalog


@pytest.fixture
def catalog(tmp_path):
    return ConfiguredCatalog(tmp_path / "catalog", stores=True)


@pytest.fixture
def stores(bridges, catalog):
    """A bridge whose store has an id."""
    return bridges.start(catalog).rest


def test_no_import_method_is_offered_yet(rest):
    assert rest.request("GET", "/v2/info/import", expect=200).json() == {
        "import-methods": {
            "description": "Import methods available.",
            "type": "array",
            "value": [],
        }
    }
    created = rest.request("POST", "/v2/images", {}, expect=201)
    assert "OpenStack-image-import-methods" not in created.headers


def test_usage_is_empty(rest):
    assert rest.request("GET", "/v2/info/usage", expect=200).json() == {"usage": {}}


def test_a_single_store_has_no_name(rest):
    for path in ("/v2/info/stores", "/v2/info/stores/detail"):
        answer = rest.request("GET", path, None, {"Accept": "text/plain"}, expect=404)
        assert "Multi backend is not supported at this site." in answer.body.decode()
    image = rest.create_raw("image", b"data")
    assert "stores" not in image
    assert rest.request("DELETE", f"/v2/stores/file/{image['id']}").status == 404


def test_a_store_with_an_id_is_listed_and_named(stores, catalog):
    store = {"id": "fast", "description": "on flash", "default": "true"}
    assert stores.request("GET", "/v2/info/stores", expect=200).json() == {"stores": [store]}
    properties = {
        "data_dir": str(catalog.store),
        "chunk_size": 65536,
        "thin_provisioning": False,
    }
    detailed = store | {"type": "file", "properties": properties}
    answer = stores.request("GET", "/v2/info/stores/detail", expect=200)
    assert answer.json() == {"stores": [detailed]}

    created = stores.request("POST", "/v2/images", {}, expect=201)
    assert created.headers["OpenStack-image-store-ids"] == "fast"
    assert "stores" not in created.json()
    image = stores.create_raw("image", b"data")
    assert image["stores"] == "fast"
    assert stores.list_page()["images"][0]["stores"] == "fast"


def test_an_upload_may_name_the_store(stores):
    image = stores.create(disk_format="raw", container_format="bare")
    answer = stores.put_data(image["id"], b"data", {"X-Image-Meta-Store": "slow"}, expect=400)
    assert "Store for identifier slow not found" in answer.body.decode()
    assert stores.image(image["id"])["status"] == "queued"
    stores.put_data(image["id"], b"data", {"X-Image-Meta-Store": "fast"}, expect=204)
    assert stores.image(image["id"])["status"] == "active"


def test_data_cannot_be_removed_from_their_only_store(stores):
    image = stores.create_raw("image", b"data")
    answer = stores.request("DELETE", f"/v2/stores/fast/{image['id']}", expect=403)
    assert "Cannot delete image data from the only store containing it." in answer.body.decode()
    assert stores.request("DELETE", f"/v2/stores/slow/{image['id']}").status == 409
    assert stores.request("DELETE", "/v2/stores/fast/nope").status == 404
    queued = stores.create(name="queued")
    assert stores.request("DELETE", f"/v2/stores/fast/{queued['id']}").status == 409
    assert stores.download(image["id"]) == b"data"


def test_stores_with_ids_bring_their_versions(stores, rest):
    def versions(server):
        document = server.request("GET", "/versions", expect=200).json()
        return [version["id"] for version in document["versions"]]

    old = ["v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"]
    assert versions(rest) == ["v2.15", "v2.9", *old]
    assert versions(stores) == ["v2.15", *(f"v2.{minor}" for minor in range(13, 7, -1)), *old]
    assert rest.request("GET", "/v2.13/images").status == 300
    assert stores.request("GET", "/v2.13/images").status == 200


def test_an_operator_takes_the_server_out_of_service_by_a_file(bridges, tmp_path):
    switch = tmp_path / "disabled"
    sections = ["[healthcheck]", f"disable_by_file_path = {switch}"]
    rest = bridges.start(ConfiguredCatalog(tmp_path / "catalog", sections=sections)).rest
    assert rest.request("GET", "/healthcheck", expect=200).body == b"OK"
    switch.touch()
    answer = rest.request("GET", "/healthcheck", expect=503)
    assert answer.body == b"DISABLED BY FILE"
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert rest.request("GET", "/v2/images").status == 200
    switch.unlink()
    assert rest.request("GET", "/healthcheck").status == 200


def test_the_image_schema_names_what_clients_may_send(rest):
    schema = rest.request("GET", "/v2/schemas/image", expect=200).json()
    assert schema["name"] == "image"
    assert schema["additionalProperties"] == {"type": "string"}
    assert "stores" not in schema["properties"]
    assert None in schema["properties"]["disk_format"]["enum"]
    read_only = {name for name, each in schema["properties"].items() if each.get("readOnly")}
    assert read_only == {
        "checksum",
        "created_at",
        "direct_url",
        "file",
        "os_hash_algo",
        "os_hash_value",
        "schema",
        "self",
        "size",
        "status",
        "updated_at",
        "virtual_size",
    }
    custom = {name for name, each in schema["properties"].items() if "is_base" in each}
    assert "os_distro" in custom and "name" not in custom


@pytest.mark.parametrize("value", ["x", "", "00000000-0000-4000-8000-00000000000g"])
def test_known_properties_are_held_to_their_schema(rest, value):
    assert rest.request("POST", "/v2/images", {"kernel_id": value}).status == 400
    policy = {"cinder_encryption_key_deletion_policy": value}
    assert rest.request("POST", "/v2/images", policy).status == 400
    image = rest.create(kernel_id="00000000-0000-4000-8000-000000000000")
    rest.patch(image["id"], {"op": "add", "path": "/kernel_id", "value": value}, expect=400)
    assert rest.image(image["id"]) == image


def test_a_kernel_that_is_null_is_none(rest):
    kernel = "00000000-0000-4000-8000-000000000000"
    assert "kernel_id" not in rest.create(kernel_id=None)
    image = rest.create(kernel_id=kernel)
    assert image["kernel_id"] == kernel
    answer = rest.patch(image["id"], {"op": "replace", "path": "/kernel_id", "value": None})
    assert "kernel_id" not in answer.json()

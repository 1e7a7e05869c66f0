# SPDX-License-Identifier: Apache-2.0
"""How clients find out what the server speaks."""

import pytest


def test_versions_lists_the_api_with_reachable_links(rest):
    versions = rest.request("GET", "/versions", expect=200).json()["versions"]
    assert [version["status"] for version in versions].count("CURRENT") == 1
    assert versions[0]["status"] == "CURRENT"
    known = [version["id"] for version in versions]
    assert known[-9:] == ["v2.9", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"]
    for version in versions:
        assert version["links"] == [{"rel": "self", "href": f"{rest.url}/v2/"}]


@pytest.mark.parametrize("path", ["/", "/nothing", "/v1/images", "/v3/images", "/v2.99/images"])
def test_everything_outside_of_the_api_is_300_with_the_versions(rest, path):
    response = rest.request("GET", path, expect=300)
    assert response.json() == rest.request("GET", "/versions").json()


@pytest.mark.parametrize("path", ["//v2/images", "/v2//images", "///v2///images"])
def test_of_several_slashes_one_counts(rest, path):
    image = rest.create(name="a")["id"]
    assert rest.request("GET", path, expect=200).json()["images"][0]["id"] == image
    assert rest.request("GET", f"{path}//{image}", expect=200).json()["id"] == image
    assert rest.request("GET", f"{path}//", expect=404)
    assert rest.request("PUT", f"{path}/{image}/tags//blue", expect=204)
    assert rest.image(image)["tags"] == ["blue"]


def test_links_follow_the_host_that_the_client_used(rest):
    response = rest.request("GET", "/", None, {"Host": "images.localhost:8080"}, expect=300)
    hrefs = {version["links"][0]["href"] for version in response.json()["versions"]}
    assert hrefs == {"http://images.localhost:8080/v2/"}


def test_v2_redirects_to_its_slash(rest):
    response = rest.request("GET", "/v2", expect=302)
    assert response.headers["Location"] == f"{rest.url}/v2/"


@pytest.mark.parametrize("prefix", ["/v2", "/v2.0", "/v2.3", "/v2.9"])
def test_minor_versions_are_synonyms(rest, prefix):
    image_id = rest.create(name="same")["id"]
    image = rest.request("GET", f"{prefix}/images/{image_id}", expect=200).json()
    assert image == rest.image(image_id)


def test_the_accept_header_can_name_the_version(rest):
    image_id = rest.create()["id"]
    headers = {"Accept": "application/vnd.openstack.images-v2"}
    response = rest.request("GET", "/images", None, headers, expect=200)
    assert [image["id"] for image in response.json()["images"]] == [image_id]


def test_healthcheck_is_ok(rest):
    response = rest.request("GET", "/healthcheck", expect=200)
    assert response.body == b"OK"


def test_the_image_schema_describes_what_images_have(rest):
    schema = rest.request("GET", "/v2/schemas/image", expect=200).json()
    assert schema["name"] == "image"
    assert schema["additionalProperties"] == {"type": "string"}
    properties = schema["properties"]
    assert set(rest.create()) <= set(properties)
    assert "stores" not in properties
    assert properties["id"]["type"] == "string"
    assert "qcow2" in properties["disk_format"]["enum"]
    assert "bare" in properties["container_format"]["enum"]
    assert sorted(properties["visibility"]["enum"]) == ["community", "private", "public", "shared"]
    for key in ("status", "size", "checksum", "created_at", "self"):
        assert properties[key]["readOnly"] is True
    assert "readOnly" not in properties["name"]
    assert [link["rel"] for link in schema["links"]] == ["self", "enclosure", "describedby"]


def test_the_list_schema_holds_the_image_schema(rest):
    schema = rest.request("GET", "/v2/schemas/images", expect=200).json()
    image = rest.request("GET", "/v2/schemas/image", expect=200).json()
    assert schema["name"] == "images"
    assert schema["properties"]["images"]["items"] == image
    assert {"first", "next", "schema"} <= set(schema["properties"])


def test_an_unknown_schema_is_404(rest):
    assert rest.request("GET", "/v2/schemas/nothing").status == 404


def test_options_is_200(rest):
    assert rest.request("OPTIONS", "/v2/images").status == 200


def test_one_connection_serves_many_requests(rest):
    connection = rest.connect()
    connection.connect()
    used = connection.sock
    for path, status in [("/v2/images", 200), ("/v2/images/nope", 404), ("/versions", 200)] * 5:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == status
        assert connection.sock is used
    connection.close()

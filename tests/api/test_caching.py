# SPDX-License-Identifier: Apache-2.0
"""What caches between client and server may keep: nothing that depends on who asks."""

import pytest

PATHS = [
    "/v2/images",
    "/v2/images/ID",
    "/v2/images/ID/file",
    "/v2/images/ID/members",
    "/v2/info/usage",
    "/v2/images/nope",
    "/v2/info/stores",
    "/v2/info/stores/detail",
]
SAME_FOR_ALL = ["/versions", "/v2/schemas/image", "/v2/schemas/images", "/v2/info/import"]


@pytest.fixture
def image(rest):
    return rest.create_raw("image", b"data")


@pytest.mark.parametrize("path", PATHS)
def test_what_depends_on_the_caller_is_private(rest, image, path):
    answer = rest.request("GET", path.replace("ID", image["id"]))
    assert answer.headers.get_all("Cache-Control") == ["private"]


@pytest.mark.parametrize("path", SAME_FOR_ALL)
def test_what_is_the_same_for_all_may_be_kept(rest, path):
    assert "Cache-Control" not in rest.request("GET", path, expect=200).headers


@pytest.mark.parametrize("path", ["/v2/images/ID", "/v2/images/ID/file"])
def test_partial_and_unchanged_answers_are_private_too(rest, image, path):
    path = path.replace("ID", image["id"])
    whole = rest.request("HEAD", path, expect=200).headers
    assert whole["Cache-Control"] == "private"
    unchanged = rest.request("GET", path, None, {"If-None-Match": whole["ETag"]}, expect=304)
    assert unchanged.headers["Cache-Control"] == "private"
    assert unchanged.headers["ETag"] == whole["ETag"]
    assert "Content-Type" not in unchanged.headers


def test_a_part_of_the_data_is_private(rest, image):
    part = rest.get_data(image["id"], {"Range": "bytes=1-2"}, expect=206)
    assert part.headers["Cache-Control"] == "private"


def test_what_a_change_answers_is_private(rest):
    created = rest.request("POST", "/v2/images", {}, expect=201)
    assert created.headers["Cache-Control"] == "private"
    operation = {"op": "add", "path": "/name", "value": "x"}
    assert rest.patch(created.json()["id"], operation).headers["Cache-Control"] == "private"

# SPDX-License-Identifier: Apache-2.0
"""PUT and DELETE of single tags."""

from urllib.parse import quote

import pytest

NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def image(rest):
    return rest.create(name="tagged", tags=["old"])["id"]


def path(image_id, tag):
    return f"/v2/images/{image_id}/tags/{quote(tag, safe='')}"


def tags(rest, image_id):
    return sorted(rest.image(image_id)["tags"])


@pytest.mark.smoke
def test_a_tag_is_put_any_number_of_times_and_deleted_once(rest, image):
    for _ in range(2):
        answer = rest.request("PUT", path(image, "new"), expect=204)
        assert answer.body == b""
        assert tags(rest, image) == ["new", "old"]
    rest.request("DELETE", path(image, "new"), expect=204)
    assert tags(rest, image) == ["old"]
    assert rest.request("DELETE", path(image, "new")).status == 404


@pytest.mark.parametrize("tag", ["with space", "ünï", "a,b", "100%", "a+b", "A", "t" * 255])
def test_a_tag_may_hold_any_character_but_a_slash(rest, image, tag):
    rest.request("PUT", path(image, tag), expect=204)
    assert tags(rest, image) == sorted(["old", tag])
    assert [found["id"] for found in rest.images(tag=tag)] == [image]
    rest.request("DELETE", path(image, tag), expect=204)
    assert tags(rest, image) == ["old"]


def test_tags_differ_by_case(rest, image):
    rest.request("PUT", path(image, "Old"), expect=204)
    assert tags(rest, image) == ["Old", "old"]


def test_a_tag_of_more_than_255_characters_is_400(rest, image):
    assert rest.request("PUT", path(image, "t" * 256)).status == 400
    assert tags(rest, image) == ["old"]


def test_a_body_is_not_expected(rest, image):
    for method in ("PUT", "DELETE"):
        answer = rest.request(method, path(image, "old"), b"x", {"Accept": "text/plain"})
        assert answer.status == 400
        assert "A body is not expected with this request." in answer.body.decode()


def test_tags_of_unknown_images_are_404(rest):
    for image_id in (NO_SUCH_ID, "nope"):
        assert rest.request("PUT", path(image_id, "t")).status == 404
        assert rest.request("DELETE", path(image_id, "t")).status == 404


def test_other_methods_are_405(rest, image):
    answer = rest.request("GET", path(image, "old"), expect=405)
    assert answer.headers["Allow"] == "PUT, DELETE"


def test_the_129th_tag_is_413(rest, image):
    rest.replace(image, "tags", [f"t{i}" for i in range(128)])
    assert rest.request("PUT", path(image, "one more")).status == 413
    rest.request("PUT", path(image, "t5"), expect=204)
    assert len(tags(rest, image)) == 128


def test_a_tag_that_comes_back_gets_a_row_of_its_own(rest, image, catalog_dir):
    rest.request("DELETE", path(image, "old"), expect=204)
    rest.request("PUT", path(image, "old"), expect=204)
    rows = catalog_dir.rows("SELECT value, deleted FROM image_tags ORDER BY id")
    assert rows == [{"value": "old", "deleted": 1}, {"value": "old", "deleted": 0}]

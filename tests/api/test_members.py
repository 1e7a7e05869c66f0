# SPDX-License-Identifier: Apache-2.0
"""Sharing images with projects."""

import re

import pytest

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def image(rest):
    """A shared image; `image.members` is its members' path."""
    return rest.create(name="shared", visibility="shared")["id"]


def members_path(image_id, member=None):
    return f"/v2/images/{image_id}/members" + (f"/{member}" if member else "")


def add(rest, image_id, member, expect=200):
    return rest.request("POST", members_path(image_id), {"member": member}, expect=expect)


def member_ids(rest, image_id):
    answer = rest.request("GET", members_path(image_id), expect=200).json()
    return [member["member_id"] for member in answer["members"]]


def test_a_member_is_added_shown_listed_answered_for_and_removed(rest, image):
    member = add(rest, image, "p2").json()
    assert TIME.match(member["created_at"])
    assert member == {
        "member_id": "p2",
        "image_id": image,
        "status": "pending",
        "created_at": member["created_at"],
        "updated_at": member["created_at"],
        "schema": "/v2/schemas/member",
    }
    path = members_path(image, "p2")
    assert rest.request("GET", path, expect=200).json() == member
    assert rest.request("GET", members_path(image), expect=200).json() == {
        "members": [member],
        "schema": "/v2/schemas/members",
    }
    for status in ("accepted", "rejected", "pending"):
        changed = rest.request("PUT", path, {"status": status}, expect=200).json()
        assert changed == member | {"status": status, "updated_at": changed["updated_at"]}
        assert rest.request("GET", path, expect=200).json() == changed
    gone = rest.request("DELETE", path, expect=204)
    assert gone.body == b""
    assert rest.request("GET", path).status == 404
    assert member_ids(rest, image) == []


def test_members_are_listed_in_the_order_of_their_addition(rest, image):
    for member in ("p3", "p1", "p2"):
        add(rest, image, member)
    assert member_ids(rest, image) == ["p3", "p1", "p2"]


def test_a_member_that_comes_back_is_pending_again_and_has_one_row(rest, image, catalog_dir):
    add(rest, image, "p2")
    rest.request("PUT", members_path(image, "p2"), {"status": "accepted"}, expect=200)
    rest.request("DELETE", members_path(image, "p2"), expect=204)
    assert add(rest, image, "p2").json()["status"] == "pending"
    rows = catalog_dir.rows("SELECT member, status, deleted, can_share FROM image_members")
    assert rows == [{"member": "p2", "status": "pending", "deleted": 0, "can_share": 0}]


@pytest.mark.parametrize(
    "body, text",
    [
        (b"", "Body expected in request."),
        (b"{", "Malformed JSON in request body."),
        (b"[]", "Expected a member in the form"),
        (b"{}", "Member to be added not specified"),
        (b'{"member": ""}', "Member can't be empty"),
        (b'{"member": 5}', "The member must be a string."),
        (b'{"member": null}', "The member must be a string."),
        ('{"member": "\U0001f600"}'.encode(), "Param values can't contain 4 byte unicode."),
        (b'{"member": "%s"}' % (b"m" * 256), "Member is too long"),
    ],
)
def test_a_bad_member_is_400(rest, image, body, text):
    answer = rest.request("POST", members_path(image), body, {"Accept": "text/plain"}, expect=400)
    assert text in answer.body.decode()
    assert member_ids(rest, image) == []


@pytest.mark.parametrize(
    "body, text",
    [
        (b"", "Body expected in request."),
        (b"[]", "Expected a status in the form"),
        (b"{}", "Status not specified"),
        (b'{"status": "maybe"}', 'Status must be "pending", "accepted" or "rejected".'),
        (b'{"status": 1}', "The status must be a string."),
    ],
)
def test_a_bad_answer_is_400(rest, image, body, text):
    member = add(rest, image, "p2").json()
    path = members_path(image, "p2")
    answer = rest.request("PUT", path, body, {"Accept": "text/plain"}, expect=400)
    assert text in answer.body.decode()
    assert rest.request("GET", path, expect=200).json() == member


def test_an_image_has_each_member_once(rest, image):
    add(rest, image, "p2")
    answer = add(rest, image, "p2", expect=409)
    assert f"Member p2 is duplicated for image {image}" in answer.body.decode()


@pytest.mark.parametrize("visibility", ["private", "public", "community"])
def test_only_shared_images_have_members(rest, visibility):
    image = rest.create(visibility=visibility)["id"]
    assert rest.request("GET", members_path(image)).status == 403
    add(rest, image, "p2", expect=403)
    assert rest.request("GET", members_path(image, "p2")).status == 404
    assert rest.request("PUT", members_path(image, "p2"), {"status": "accepted"}).status == 403
    assert rest.request("DELETE", members_path(image, "p2")).status == 403


def test_members_rest_while_the_image_is_private(rest, image):
    add(rest, image, "p2")
    rest.replace(image, "visibility", "private")
    assert rest.request("GET", members_path(image)).status == 403
    rest.replace(image, "visibility", "shared")
    assert member_ids(rest, image) == ["p2"]


def test_unknown_images_and_members_are_404(rest, image):
    for path in (members_path(NO_SUCH_ID), members_path("nope")):
        assert rest.request("GET", path).status == 404
        assert rest.request("POST", path, {"member": "p2"}).status == 404
    for path in (members_path(NO_SUCH_ID, "p2"), members_path(image, "p2")):
        assert rest.request("GET", path).status == 404
        assert rest.request("PUT", path, {"status": "accepted"}).status == 404
        assert rest.request("DELETE", path).status == 404


def test_a_deleted_image_takes_its_members_along(rest, image, catalog_dir):
    add(rest, image, "p2")
    rest.delete(image)
    assert rest.request("GET", members_path(image)).status == 404
    assert catalog_dir.rows("SELECT deleted FROM image_members") == [{"deleted": 1}]


def test_a_member_id_may_hold_any_character(rest, image):
    for member, encoded in [("a b", "a%20b"), ("ünï", "%C3%BCn%C3%AF"), ("100%", "100%25")]:
        add(rest, image, member)
        path = members_path(image, encoded)
        assert rest.request("GET", path, expect=200).json()["member_id"] == member


def test_the_129th_member_is_413(rest, image):
    for i in range(128):
        add(rest, image, f"p{i}")
    answer = add(rest, image, "one more", expect=413)
    assert "Attempted: 129, Maximum: 128" in answer.body.decode()
    assert len(member_ids(rest, image)) == 128

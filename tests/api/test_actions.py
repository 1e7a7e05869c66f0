# SPDX-License-Identifier: Apache-2.0
"""Deactivating and reactivating images."""

import pytest

NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"


def act(rest, image_id, action, body=None, expect=204):
    return rest.request("POST", f"/v2/images/{image_id}/actions/{action}", body, expect=expect)


@pytest.fixture
def image(rest):
    return rest.create_raw("image", b"data")


def test_an_image_is_closed_and_opened_any_number_of_times(rest, image):
    for action, status in [("deactivate", "deactivated"), ("reactivate", "active")]:
        for _ in range(2):
            assert act(rest, image["id"], action).body == b""
            now = rest.image(image["id"])
            assert now == image | {"status": status, "updated_at": now["updated_at"]}


def test_a_closed_image_is_listed_edited_and_deleted_and_open_to_administrators(rest, image):
    act(rest, image["id"], "deactivate")
    assert [each["id"] for each in rest.images(status="deactivated")] == [image["id"]]
    assert rest.download(image["id"]) == b"data"
    rest.replace(image["id"], "name", "renamed")
    assert rest.image(image["id"])["name"] == "renamed"
    assert rest.put_data(image["id"], b"other").status == 409
    rest.delete(image["id"])


def test_an_image_without_data_is_403(rest):
    queued = rest.create(name="queued")
    for action in ("deactivate", "reactivate"):
        text = act(rest, queued["id"], action, expect=403).body.decode()
        assert f"Not allowed to {action} image in status 'queued'" in text.replace("&#x27;", "'")
    assert rest.image(queued["id"]) == queued


def test_unknown_images_and_actions_are_404(rest, image):
    for image_id in (NO_SUCH_ID, "nope"):
        act(rest, image_id, "deactivate", expect=404)
        act(rest, image_id, "reactivate", expect=404)
    act(rest, image["id"], "explode", expect=404)


def test_a_body_is_not_expected(rest, image):
    act(rest, image["id"], "deactivate", body=b"{}", expect=400)
    assert rest.image(image["id"])["status"] == "active"


def test_other_methods_are_405(rest, image):
    answer = rest.request("GET", f"/v2/images/{image['id']}/actions/deactivate", expect=405)
    assert answer.headers["Allow"] == "POST"

# SPDX-License-Identifier: Apache-2.0
"""PUT …/stage: data that wait for an import."""

import contextlib

import pytest

from support.configs import ConfiguredCatalog
from support.processes import wait_until
from support.rest import OCTETS

NO_SUCH_ID = "00000000-0000-4000-8000-000000000000"


def stage(rest, image_id, data, headers=None, expect=None):
    headers = OCTETS | (headers or {})
    return rest.request("PUT", f"/v2/images/{image_id}/stage", data, headers, expect=expect)


def half_staged(rest, image, size):
    """A stage of `size` bytes that has begun with 1000 of them; its connection."""
    connection = rest.begin_put(f"/v2/images/{image['id']}/stage", size, b"x" * 1000)
    wait_until(lambda: rest.image(image["id"])["status"] == "uploading", 5, "the stage")
    return connection


def staged(catalog_dir):
    """The staged data by image id; unfinished ones by `.uploads/<id>`."""
    folder = catalog_dir.path / "staging"
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def image(rest):
    return rest.create(name="image")


def test_staged_data_wait_and_the_image_has_their_size(rest, image, catalog_dir):
    assert stage(rest, image["id"], b"0123456789", expect=204).body == b""
    now = rest.image(image["id"])
    assert now == image | {"status": "uploading", "size": 10, "updated_at": now["updated_at"]}
    assert staged(catalog_dir) == {image["id"]: b"0123456789"}
    assert catalog_dir.data_files() == []
    assert rest.get_data(image["id"]).status == 204
    assert rest.put_data(image["id"], b"x").status == 409
    assert stage(rest, image["id"], b"x").status == 409
    rest.delete(image["id"])
    assert staged(catalog_dir) == {}


def test_chunks_and_nothing_at_all_can_be_staged(rest, image, catalog_dir):
    chunks = iter([b"abc", b"", b"defg"])
    stage(rest, image["id"], chunks, expect=204)
    empty = rest.create(name="empty")
    stage(rest, empty["id"], b"", expect=204)
    assert rest.image(image["id"])["size"] == 7
    assert rest.image(empty["id"])["size"] == 0
    assert staged(catalog_dir) == {image["id"]: b"abcdefg", empty["id"]: b""}


def test_only_queued_images_can_be_staged_and_only_as_octets(rest, image):
    active = rest.create_raw("active", b"data")
    assert stage(rest, active["id"], b"x").status == 409
    assert stage(rest, NO_SUCH_ID, b"x").status == 404
    assert stage(rest, "nope", b"x").status == 404
    assert stage(rest, image["id"], b"x", {"Content-Type": "text/plain"}).status == 415
    assert stage(rest, image["id"], b"x", {"X-Openstack-Image-Size": "two"}).status == 400
    assert rest.image(image["id"]) == image


def test_data_of_another_size_than_announced_are_taken_back(rest, image, catalog_dir):
    for data in (b"x", b"xyz", iter([b"x"]), iter([b"xyz"])):
        answer = stage(rest, image["id"], data, {"X-Openstack-Image-Size": "2"})
        assert answer.status == 400
        now = rest.image(image["id"])
        assert now == image | {"updated_at": now["updated_at"]}
        assert staged(catalog_dir) == {}


def test_a_client_that_vanishes_leaves_the_image_queued(rest, image, catalog_dir):
    connection = half_staged(rest, image, 1_000_000)
    connection.close()
    wait_until(lambda: rest.image(image["id"])["status"] == "queued", 5, "the end of the stage")
    assert staged(catalog_dir) == {}


def test_an_image_that_is_deleted_while_it_is_staged_is_gone(rest, image, catalog_dir):
    connection = half_staged(rest, image, 2000)
    rest.delete(image["id"])
    with contextlib.suppress(ConnectionError):
        connection.send(b"x" * 1000)
    assert connection.getresponse().status == 410
    connection.close()
    assert staged(catalog_dir) == {}


def test_a_bridge_that_was_killed_takes_the_data_back_when_it_starts(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir)
    image = bridge.rest.create(name="image")
    connection = half_staged(bridge.rest, image, 2000)
    bridge.crash()
    connection.close()
    rest = bridges.start(catalog_dir).rest
    assert rest.image(image["id"])["status"] == "queued"
    assert staged(catalog_dir) == {}


def test_limits_hold(bridges, tmp_path):
    catalog = ConfiguredCatalog(tmp_path / "catalog", ["image_size_cap = 4"])
    rest = bridges.start(catalog).rest
    image = rest.create(name="image")
    assert stage(rest, image["id"], b"12345").status == 413
    assert stage(rest, image["id"], iter([b"12345"])).status == 413
    assert rest.image(image["id"])["status"] == "queued"
    stage(rest, image["id"], b"1234", expect=204)
    assert (catalog.staging / image["id"]).read_bytes() == b"1234"


def test_sites_without_glance_direct_have_no_staging(bridges, tmp_path):
    options = ["enabled_import_methods = [web-download]"]
    rest = bridges.start(ConfiguredCatalog(tmp_path / "catalog", options)).rest
    image = rest.create(name="image")
    answer = stage(rest, image["id"], b"x", {"Accept": "text/plain"}, expect=404)
    assert "'glance-direct' method is not available at this site." in answer.body.decode()

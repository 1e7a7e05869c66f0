# SPDX-License-Identifier: Apache-2.0
"""Locations that an administrator registers, where they are shown."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.configs import ConfiguredCatalog
from support.images import md5sum
from support.processes import SLOW, words


@pytest.fixture
def catalog(tmp_path):
    options = ["show_multiple_locations = True", "show_image_direct_url = True"]
    return ConfiguredCatalog(tmp_path / "catalog", options)


@pytest.fixture
def rest(bridges, catalog):
    return bridges.start(catalog).rest


def url(catalog, name):
    return f"file://{catalog.store / name}"


def put(catalog, name, data=b"hello"):
    """A file in the store that is no image's yet; its URL."""
    (catalog.store / name).write_bytes(data)
    return url(catalog, name)


def add(rest, image_id, location, position="-", expect=200, **more):
    value = {"url": location, "metadata": {}} | more
    operation = {"op": "add", "path": f"/locations/{position}", "value": value}
    return rest.patch(image_id, operation, expect=expect)


def remove(rest, image_id, position, expect=200):
    return rest.patch(
        image_id, {"op": "remove", "path": f"/locations/{position}"}, expect=expect
    )


@pytest.fixture
def queued(rest):
    return rest.create(name="queued", disk_format="raw", container_format="bare")["id"]


def test_an_uploaded_image_shows_where_it_lies(rest, catalog):
    image = rest.create_raw("image", b"data")
    where = url(catalog, image["id"])
    assert image["direct_url"] == where
    assert image["locations"] == [{"url": where, "metadata": {"store": "file"}}]
    assert rest.create(name="empty")["locations"] == []


def test_a_file_of_the_store_becomes_an_image(rest, catalog, queued):
    location = put(catalog, "disk.img")
    image = add(rest, queued, location).json()
    assert (image["status"], image["size"], image["checksum"]) == ("active", 5, None)
    assert image["locations"] == [{"url": location, "metadata": {}}]
    assert rest.image(queued) == image
    assert rest.download(queued) == b"hello"
    rest.delete(queued)
    assert catalog.data_files() == []


def test_digests_can_come_with_it(rest, catalog, queued):
    location = put(catalog, "disk.img")
    checksum = md5sum(catalog.store / "disk.img")
    hashes = {"os_hash_algo": "sha512", "os_hash_value": "ab" * 64, "checksum": checksum}
    image = add(rest, queued, location, validation_data=hashes).json()
    assert {key: image[key] for key in hashes} == hashes
    assert rest.get_data(queued, expect=200).headers["Content-MD5"] == checksum


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "file://{store}/../glance.sqlite",
        "file://{store}/missing",
        "file://{store}/.uploads",
        "file://{store}/",
        "{store}/disk.img",
        "filesystem://{store}/disk.img",
        "swift+config://x/y/z",
        "http://127.0.0.1:1/disk.img",
        "",
    ],
)
def test_nothing_else_does(rest, catalog, queued, location):
    put(catalog, "disk.img")
    before = rest.image(queued)
    answer = add(rest, queued, location.format(store=catalog.store), expect=400)
    assert "Invalid location" in answer.body.decode()
    assert rest.image(queued) == before
    assert catalog.data_files() == ["disk.img"]


def test_a_location_that_cannot_be_stored_is_refused(rest, catalog, queued):
    location = put(catalog, "disk.img")
    answer = add(rest, queued, location + "x" * 256, expect=400)
    assert "'url' of a location is too long" in answer.body.decode()
    answer = add(rest, queued, location, metadata={"key": "x" * 65_536}, expect=400)
    assert "'metadata' of a location is too long" in answer.body.decode()
    assert rest.image(queued)["locations"] == []


def test_a_pipe_among_the_data_is_refused_at_once(rest, catalog, queued):
    """Who opens it waits for somebody at its other end."""
    os.mkfifo(catalog.store / "pipe")
    rest.patience = 5 * SLOW
    for position in ("-", "0"):
        add(rest, queued, url(catalog, "pipe"), position, expect=400)
    operation = {"url": url(catalog, "pipe"), "metadata": {}}
    rest.patch(queued, {"op": "replace", "path": "/locations", "value": [operation]}, expect=400)
    assert rest.image(queued)["status"] == "queued"
    rest.delete(queued)


def test_nobody_waits_for_a_slow_store(bridges, catalog, tmp_path):
    """While the data that are registered are looked at, others change other images."""
    bridge, delay = bridges.start(catalog), 4 * SLOW
    rest, location = bridge.rest, put(catalog, "disk.img")
    queued = rest.create(name="queued", disk_format="raw", container_format="bare")["id"]
    trace = tmp_path / "trace"
    slow_open = f"inject=openat:delay_enter={int(delay * 1_000_000)}"
    strace = ["strace", "-f", "-o", trace, "-P", "disk.img", "-e", "trace=openat"]
    attached = words([*strace, "-e", slow_open, "-p", bridge.pid])
    with subprocess.Popen(attached, stderr=subprocess.PIPE) as tracer:
        assert b"attached" in tracer.stderr.readline()
        with ThreadPoolExecutor(1) as threads:
            registration = threads.submit(add, rest, queued, location)
            waits = []
            while not registration.done():
                begin = time.monotonic()
                rest.create(name="other")
                waits.append(time.monotonic() - begin)
        tracer.terminate()
    assert "disk.img" in trace.read_text()
    assert registration.result().json()["status"] == "active"
    assert len(waits) > 1 and max(waits) < delay / 2


def test_another_images_data_stay_its_own(rest, catalog, queued):
    other = rest.create_raw("other", b"hello")
    add(rest, queued, url(catalog, other["id"]), expect=400)
    assert rest.download(other["id"]) == b"hello"


@pytest.mark.parametrize("spelling", ["/{}", "./{}", "x/../{}", ".//.//{}", "../{store}/{}"])
def test_one_file_is_one_location_however_it_is_spelled(rest, catalog, spelling):
    image = rest.create_raw("image", b"hello")
    own = image["id"]
    again = url(catalog, "") + "/" + spelling.format(own, store=catalog.store.name)
    answer = add(rest, own, again, expect=400)
    assert f"The location {url(catalog, own)} already exists" in answer.body.decode()
    both = add(rest, own, put(catalog, "copy")).json()["locations"]
    remove(rest, own, 1)
    assert rest.image(own)["locations"] == both[:1]
    assert rest.download(own) == b"hello"


def test_an_odd_spelling_is_kept_as_the_store_has_it(rest, catalog, queued):
    where = put(catalog, "disk.img")
    odd = where.replace("disk.img", "./x/..//disk.img")
    assert add(rest, queued, odd).json()["locations"] == [{"url": where, "metadata": {}}]
    edited = [{"url": odd, "metadata": {"k": "v"}}]
    operation = {"op": "replace", "path": "/locations", "value": edited}
    rest.patch(queued, operation)
    assert rest.image(queued)["locations"] == [{"url": where, "metadata": {"k": "v"}}]
    assert rest.download(queued) == b"hello"


def add_to_database(catalog, image_id, location):
    with catalog.write() as database:
        database.execute(
            "INSERT INTO image_locations (image_id, value, meta_data, created_at, deleted, status)"
            " VALUES (?, ?, '{}', '2026-01-01 00:00:00', 0, 'active')",
            (image_id, location),
        )


@pytest.mark.parametrize("spelling", ["{}", "/{}", "./{}", "x/../{}"])
def test_data_stay_as_long_as_a_location_names_them(rest, catalog, queued, spelling):
    """Though others have written into the database what nobody is let do here."""
    image = rest.create_raw("image", b"hello")["id"]
    again = f"file://{catalog.store}/{spelling.format(image)}"
    add_to_database(catalog, image, again)
    add(rest, queued, put(catalog, "copy"))
    add_to_database(catalog, queued, again)
    assert [each["url"] for each in remove(rest, image, 0).json()["locations"]] == [again]
    assert rest.download(image) == b"hello"
    rest.delete(image)
    (catalog.store / "copy").unlink()
    assert rest.download(queued) == b"hello"
    rest.delete(queued)
    assert catalog.data_files() == []


@pytest.mark.parametrize("tail", ["/", "/.", "\0", "\0.img"])
def test_what_follows_a_files_name_makes_no_other_location(rest, catalog, tail):
    image = rest.create_raw("image", b"hello")["id"]
    add(rest, image, url(catalog, image) + tail, expect=400)
    assert rest.download(image) == b"hello"


def lost(path):
    path.unlink()


def of_another_size(path):
    path.write_bytes(b"hello, hello")


@pytest.mark.parametrize("spoil", [lost, of_another_size])
def test_the_first_location_that_can_be_read_serves(bridges, catalog, spoil):
    bridge = bridges.start(catalog)
    image = bridge.rest.create(disk_format="raw", container_format="bare")["id"]
    for name in ("first", "second"):
        add(bridge.rest, image, put(catalog, name))
    bridge.expect_errors("cannot be opened", "have another size", "recorded")
    spoil(catalog.store / "first")
    assert bridge.rest.get_data(image, expect=200).body == b"hello"
    (catalog.store / "second").unlink()
    assert bridge.rest.get_data(image).status == (204 if spoil is lost else 500)


def test_data_in_a_store_that_is_not_configured_are_named_so(bridges, catalog):
    bridge = bridges.start(catalog)
    image = bridge.rest.create_raw("elsewhere", b"data")["id"]
    with catalog.write() as database:
        database.execute("UPDATE image_locations SET value = 'rbd://pool/image/snap'")
    bridge.expect_errors("'rbd'")
    answer = bridge.rest.get_data(image, expect=501)
    assert "no store is configured for the location's scheme 'rbd'" in answer.body.decode()
    bridge.rest.delete(image)


def test_a_location_goes_with_its_data(rest, catalog):
    image = rest.create_raw("image", b"hello")
    copy = put(catalog, "copy")
    both = add(rest, image["id"], copy, position=0).json()
    assert [each["url"] for each in both["locations"]] == [copy, url(catalog, image["id"])]
    assert rest.image(image["id"]) == both
    left = remove(rest, image["id"], 1).json()
    assert left["locations"] == [{"url": copy, "metadata": {}}]
    assert catalog.data_files() == ["copy"]
    assert rest.download(image["id"]) == b"hello"
    remove(rest, image["id"], 0, expect=403)


def test_metadata_can_be_edited(rest, catalog):
    image = rest.create_raw("image", b"hello")
    locations = [{"url": url(catalog, image["id"]), "metadata": {"store": "file", "k": ["v", 1]}}]
    operation = {"op": "replace", "path": "/locations", "value": locations}
    assert rest.patch(image["id"], operation).json()["locations"] == locations
    assert rest.image(image["id"])["locations"] == locations
    assert rest.download(image["id"]) == b"hello"


def test_operations_on_locations_and_others_are_one(rest, catalog, queued):
    location = put(catalog, "disk.img")
    value = {"url": location, "metadata": {}}
    before = rest.image(queued)
    rest.patch(
        queued,
        {"op": "add", "path": "/locations/-", "value": value},
        {"op": "remove", "path": "/no_such"},
        expect=409,
    )
    assert rest.image(queued) == before
    answer = rest.patch(
        queued,
        {"op": "replace", "path": "/name", "value": "renamed"},
        {"op": "add", "path": "/locations/-", "value": value},
    ).json()
    assert (answer["name"], answer["status"]) == ("renamed", "active")


def test_where_locations_are_not_shown_they_are_not_changed(bridges, tmp_path):
    hidden = ConfiguredCatalog(tmp_path / "hidden")
    rest = bridges.start(hidden).rest
    image = rest.create_raw("image", b"hello")
    assert "locations" not in image and "direct_url" not in image
    add(rest, image["id"], put(hidden, "copy"), expect=403)
    remove(rest, image["id"], 0, expect=403)
    operation = {"op": "replace", "path": "/locations", "value": [{"url": "x", "metadata": {}}]}
    rest.patch(image["id"], operation, expect=403)
    assert rest.image(image["id"]) == image


def test_the_11th_location_is_413(rest, catalog):
    image = rest.create_raw("image", b"hello")
    for i in range(9):
        add(rest, image["id"], put(catalog, f"copy{i}"))
    add(rest, image["id"], put(catalog, "one_more"), expect=413)
    assert len(rest.image(image["id"])["locations"]) == 10

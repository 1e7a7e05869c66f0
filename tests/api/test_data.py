# SPDX-License-Identifier: Apache-2.0
"""Upload and download of image data."""

import hashlib
import random
import socket

import pytest

from support.images import packaged
from support.processes import SLOW, wait_until
from support.rest import OCTETS

DATA = random.Random(7).randbytes(1000)


@pytest.fixture
def queued(rest):
    return rest.create(name="data", disk_format="raw", container_format="bare")["id"]


@pytest.fixture
def active(rest):
    return rest.create_raw("data", DATA)["id"]


def chunks(data, size=65_537):
    """The data as an iterable: http.client then sends it in chunks, without a length."""
    return (data[i : i + size] for i in range(0, len(data), size))


@pytest.mark.smoke
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_upload_is_stored_hashed_and_served_back(rest, queued, catalog_dir, chunked):
    data = random.Random(8).randbytes(3_000_000)
    response = rest.put_data(queued, chunks(data) if chunked else data, expect=204)
    assert response.body == b""
    image = rest.image(queued)
    assert (image["status"], image["size"]) == ("active", len(data))
    assert image["virtual_size"] == len(data)
    assert image["checksum"] == hashlib.md5(data).hexdigest()
    assert image["os_hash_algo"] == "sha512"
    assert image["os_hash_value"] == hashlib.sha512(data).hexdigest()
    assert catalog_dir.data_file(queued).read_bytes() == data
    assert catalog_dir.spools() == []

    download = rest.get_data(queued, expect=200)
    assert download.body == data
    assert download.headers["Content-Type"] == "application/octet-stream"
    assert download.headers["Content-Length"] == str(len(data))
    assert download.headers["Content-MD5"] == image["checksum"]


def test_a_real_iso_arrives_whole(rest):
    data = packaged("grub-rescue-cdrom.iso").read_bytes()
    image = rest.create(name="grub", disk_format="iso", container_format="bare")
    rest.put_data(image["id"], data, expect=204)
    assert rest.download(image["id"]) == data
    assert rest.image(image["id"])["disk_format"] == "iso"


def test_an_empty_upload_makes_an_active_image_of_no_bytes(rest, queued):
    rest.put_data(queued, b"", expect=204)
    image = rest.image(queued)
    assert (image["status"], image["size"]) == ("active", 0)
    assert image["checksum"] == hashlib.md5(b"").hexdigest()
    assert rest.get_data(queued, expect=200).body == b""


def test_an_image_without_data_answers_204(rest, queued):
    response = rest.get_data(queued, expect=204)
    assert response.body == b""


def test_data_can_be_put_once_only(rest, active):
    response = rest.put_data(active, b"other", expect=409)
    assert "Image status transition from active to saving is not allowed" in response.body.decode()
    assert rest.download(active) == DATA


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "", "octet-stream"])
def test_another_content_type_is_415(rest, queued, content_type):
    path = f"/v2/images/{queued}/file"
    response = rest.request("PUT", path, DATA, {"Content-Type": content_type})
    assert response.status == 415
    assert rest.image(queued)["status"] == "queued"


@pytest.mark.parametrize(
    "formats, missing",
    [
        ({}, "Properties disk_format, container_format must be set prior to saving data."),
        ({"disk_format": "raw"}, "Property container_format must be set prior to saving data."),
        ({"container_format": "bare"}, "Property disk_format must be set prior to saving data."),
    ],
)
def test_formats_must_be_set_before_the_data(rest, formats, missing):
    image = rest.create(**formats)
    response = rest.put_data(image["id"], DATA, expect=400)
    assert missing in response.body.decode()
    assert rest.image(image["id"])["status"] == "queued"


def test_data_of_an_unknown_image_is_404(rest):
    unknown = "00000000-0000-4000-8000-000000000000"
    assert rest.get_data(unknown).status == 404
    assert rest.put_data(unknown, DATA).status == 404


@pytest.mark.parametrize(
    "value, first, last",
    [
        ("bytes=0-9", 0, 9),
        ("bytes=0-0", 0, 0),
        ("bytes=990-", 990, 999),
        ("bytes=-10", 990, 999),
        ("bytes=500-5000", 500, 999),
        ("bytes=-5000", 0, 999),
        ("bytes=0-", 0, 999),
        ("bytes=999-999", 999, 999),
    ],
)
def test_a_range_is_206_with_those_bytes(rest, active, value, first, last):
    response = rest.get_data(active, {"Range": value}, expect=206)
    assert response.body == DATA[first : last + 1]
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/1000"
    assert response.headers["Content-Length"] == str(last + 1 - first)
    assert response.headers["Content-MD5"] == hashlib.md5(DATA).hexdigest()


@pytest.mark.parametrize(
    "value", ["bytes=1000-", "bytes=5000-6000", "bytes=9-1", "bytes=a-b", "bytes=-", "lines=1-2"]
)
def test_a_range_outside_of_the_image_is_416(rest, active, value):
    assert rest.get_data(active, {"Range": value}).status == 416


def test_several_ranges_are_400(rest, active):
    assert rest.get_data(active, {"Range": "bytes=0-1,5-6"}).status == 400


def test_a_content_range_in_the_request_acts_like_a_range(rest, active):
    response = rest.get_data(active, {"Content-Range": "bytes 2-5/*"}, expect=206)
    assert response.body == DATA[2:6]


class RawUpload:
    """An upload by hand, which can stop anywhere."""

    def __init__(self, rest, image_id, *headers):
        self.socket = socket.create_connection((rest.host, rest.port), timeout=10 * SLOW)
        lines = [
            f"PUT /v2/images/{image_id}/file HTTP/1.1",
            f"Host: {rest.host}:{rest.port}",
            "Content-Type: application/octet-stream",
            *headers,
        ]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        return self.socket.recv(65536).decode()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# More than the server takes in before it hands on to the store.
FIRST_PART = b"x" * 3_000_000


def send_first_part(upload, catalog_dir, prefix=b"", suffix=b""):
    """Sends the beginning of a body and waits for it to be on its way into the store."""
    upload.send(prefix + FIRST_PART + suffix)
    wait_until(lambda: catalog_dir.spooled_bytes() >= 1 << 20, 10, "spooled bytes")


@pytest.mark.parametrize(
    "header, prefix, suffix",
    [
        ("Content-Length: 5000000", b"", b""),
        ("Transfer-Encoding: chunked", b"2dc6c0\r\n", b"\r\n"),
        ("Transfer-Encoding: chunked", b"4c4b40\r\n", b""),
    ],
    ids=["length", "between chunks", "inside a chunk"],
)
def test_a_vanishing_client_leaves_the_image_queued_and_no_spool(
    rest, queued, catalog_dir, header, prefix, suffix
):
    with RawUpload(rest, queued, header) as upload:
        send_first_part(upload, catalog_dir, prefix, suffix)
        assert rest.image(queued)["status"] == "saving"
        assert rest.get_data(queued).status == 204
    wait_until(lambda: rest.image(queued)["status"] == "queued", 10, "queued again")
    image = rest.image(queued)
    assert (image["size"], image["checksum"]) == (None, None)
    assert catalog_dir.spools() == []
    assert catalog_dir.data_files() == []
    rest.put_data(queued, DATA, expect=204)
    assert rest.download(queued) == DATA


def test_expect_continue_is_answered_before_the_body(rest, queued):
    with RawUpload(rest, queued, "Content-Length: 4", "Expect: 100-continue") as upload:
        assert upload.receive().startswith("HTTP/1.1 100 ")
        upload.send(b"data")
        assert upload.receive().startswith("HTTP/1.1 204 ")
    assert rest.download(queued) == b"data"


def test_an_upload_that_cannot_succeed_is_refused_before_the_body(rest, active):
    with RawUpload(rest, active, "Content-Length: 5000000", "Expect: 100-continue") as upload:
        assert upload.receive().startswith("HTTP/1.1 409 ")


def test_deleting_the_image_during_its_upload_ends_in_410(rest, queued, catalog_dir):
    with RawUpload(rest, queued, f"Content-Length: {2 * len(FIRST_PART)}") as upload:
        send_first_part(upload, catalog_dir)
        rest.delete(queued)
        upload.send(FIRST_PART)
        assert upload.receive().startswith("HTTP/1.1 410 ")
    wait_until(lambda: catalog_dir.spools() == [], 10, "an empty spool")
    assert catalog_dir.data_files() == []


def test_a_download_goes_on_when_the_image_is_deleted(rest):
    data = random.Random(9).randbytes(20 << 20)
    image = rest.create_raw("gone", data)
    connection = rest.connect()
    connection.request("GET", f"/v2/images/{image['id']}/file")
    answer = connection.getresponse()
    first = answer.read(1000)
    rest.delete(image["id"])
    assert first + answer.read() == data
    connection.close()


@pytest.mark.smoke
def test_a_crash_of_the_bridge_leaves_the_image_queued(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir)
    kept = bridge.rest.create_raw("kept", DATA)["id"]
    queued = bridge.rest.create(name="q", disk_format="raw", container_format="bare")["id"]
    with RawUpload(bridge.rest, queued, "Content-Length: 5000000") as upload:
        send_first_part(upload, catalog_dir)
        bridge.crash()

    rest = bridges.start(catalog_dir).rest
    assert rest.image(queued)["status"] == "queued"
    assert catalog_dir.spools() == []
    assert catalog_dir.data_files() == [kept]
    assert rest.download(kept) == DATA
    rest.put_data(queued, DATA, expect=204)
    assert rest.download(queued) == DATA


def test_acknowledged_uploads_survive_a_crash_of_the_bridge(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir)
    images = [bridge.rest.create_raw(f"image{i}", DATA + b"%d" % i)["id"] for i in range(5)]
    bridge.crash()
    rest = bridges.start(catalog_dir).rest
    for i, image_id in enumerate(images):
        assert rest.image(image_id)["status"] == "active"
        assert rest.download(image_id) == DATA + b"%d" % i


def test_sigterm_lets_a_running_download_finish(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir)
    data = random.Random(10).randbytes(30 << 20)
    image = bridge.rest.create_raw("long", data)
    connection = bridge.rest.connect()
    connection.request("GET", f"/v2/images/{image['id']}/file")
    answer = connection.getresponse()
    first = answer.read(1000)
    bridge.process.terminate()
    assert first + answer.read() == data
    connection.close()
    bridge.wait()
    assert bridge.process.returncode == 0


@pytest.mark.parametrize("path", ["file", "stage"])
@pytest.mark.parametrize("value", ["bytes 4-7/8", "bytes 0-7/8", "bytes */8", "nonsense"])
def test_a_part_of_an_image_is_not_taken_for_the_whole(rest, path, value):
    image = rest.create(disk_format="raw", container_format="bare")
    target = f"/v2/images/{image['id']}/{path}"
    answer = rest.request("PUT", target, b"tail", OCTETS | {"Content-Range": value}, expect=400)
    assert f"Content-Range '{value}'" in answer.body.decode()
    assert rest.image(image["id"]) == image
    rest.request("PUT", target, b"headtail", OCTETS, expect=204)

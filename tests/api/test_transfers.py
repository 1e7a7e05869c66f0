# SPDX-License-Identifier: Apache-2.0
"""Uploads and downloads under abuse: digests that do not fit, clients that vanish, images that are
deleted or uploaded twice, stores that are full or have lost data."""

import base64
import errno
import hashlib
import os
import random
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.processes import SLOW, run, wait_until
from support.raw import RawConnection, request

DATA = random.Random(11).randbytes(300_000)
OCTETS = "Content-Type: application/octet-stream"


@pytest.fixture
def queued(rest):
    return rest.create(disk_format="raw", container_format="bare")["id"]


def encoded(algorithm, data=DATA):
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


def assert_untouched(rest, catalog_dir, image):
    """As if there had been no upload."""
    record = rest.image(image)
    assert (record["status"], record["size"], record["checksum"]) == ("queued", None, None)
    assert (catalog_dir.spools(), catalog_dir.data_files()) == ([], [])


# ── digests ──────────────────────────────────────────────────────────────────────────────────────

DIGESTS = {
    "Content-MD5": ("Content-MD5", lambda data: encoded("md5", data)),
    "Content-MD5 in hex": ("Content-MD5", lambda data: hashlib.md5(data).hexdigest()),
    "md5": ("Repr-Digest", lambda data: f"md5=:{encoded('md5', data)}:"),
    "sha-256": ("Repr-Digest", lambda data: f"sha-256=:{encoded('sha256', data)}:"),
    "sha-512": ("Repr-Digest", lambda data: f"sha-512=:{encoded('sha512', data)}:"),
    "Content-Digest": ("Content-Digest", lambda data: f"sha-256=:{encoded('sha256', data)}:"),
    "with an unknown one": (
        "Repr-Digest", lambda data: f"crc32c=:AAAA:, sha-256=:{encoded('sha256', data)}:",
    ),
}


@pytest.mark.parametrize("field, digest", DIGESTS.values(), ids=DIGESTS.keys())
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_announced_digests_are_checked_before_the_image_turns_active(
    rest, queued, catalog_dir, field, digest, chunked
):
    body = iter([DATA]) if chunked else DATA
    response = rest.put_data(queued, body, {field: digest(DATA + b"x")}, expect=400)
    assert "was announced" in response.body.decode()
    assert_untouched(rest, catalog_dir, queued)

    body = iter([DATA]) if chunked else DATA
    rest.put_data(queued, body, {field: digest(DATA)}, expect=204)
    assert rest.image(queued)["status"] == "active"
    assert rest.download(queued) == DATA


@pytest.mark.parametrize(
    "field, value",
    [
        ("Content-MD5", "nonsense"),
        ("Content-MD5", encoded("sha256")),
        ("Repr-Digest", "sha-256=nonsense"),
        ("Repr-Digest", f"sha-256=:{encoded('md5')}:"),
        ("Content-Digest", f"md5=:{encoded('md5')}"),
        ("Repr-Digest", f"md5=:{encoded('md5')}:, md5=:{encoded('md5', b'')}:"),
    ],
)
def test_a_malformed_digest_is_400(rest, queued, catalog_dir, field, value):
    rest.put_data(queued, DATA, {field: value}, expect=400)
    assert_untouched(rest, catalog_dir, queued)


@pytest.mark.parametrize("size", [0, len(DATA) - 1, len(DATA) + 1, 1 << 40])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_another_size_than_announced_is_refused(rest, queued, catalog_dir, size, chunked):
    headers = {"x-openstack-image-size": str(size)}
    response = rest.put_data(queued, iter([DATA]) if chunked else DATA, headers)
    # No store here has room for a TiB.
    assert response.status == (413 if size == 1 << 40 else 400)
    assert_untouched(rest, catalog_dir, queued)


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5", "0x10", "99999999999999999999"])
def test_a_malformed_size_is_400(rest, queued, catalog_dir, text):
    rest.put_data(queued, DATA, {"x-openstack-image-size": text}, expect=400)
    assert_untouched(rest, catalog_dir, queued)


def test_the_announced_size_may_be_right(rest, queued):
    rest.put_data(queued, iter([DATA]), {"x-openstack-image-size": str(len(DATA))}, expect=204)
    assert rest.image(queued)["size"] == len(DATA)


# ── clients that vanish, race and delete ─────────────────────────────────────────────────────────


def reset(connection):
    """Ends the connection as a crashed machine does: without a farewell."""
    linger = struct.pack("ii", 1, 0)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@pytest.mark.parametrize("sent", [0, 1, len(DATA) // 2, len(DATA) - 1])
@pytest.mark.parametrize("hard", [False, True], ids=["closed", "reset"])
def test_a_client_that_vanishes_leaves_the_image_queued(rest, queued, catalog_dir, sent, hard):
    with RawConnection(rest) as connection:
        fields = (OCTETS, f"Content-Length: {len(DATA)}")
        connection.send(request(f"PUT /v2/images/{queued}/file", *fields))
        # Not the spool: that is there before the image's status changes.
        wait_until(lambda: rest.image(queued)["status"] == "saving", 10, "the upload's begin")
        connection.send(DATA[:sent])
        if hard:
            reset(connection)
    wait_until(lambda: rest.image(queued)["status"] == "queued", 10, "the upload's end")
    assert_untouched(rest, catalog_dir, queued)


def test_of_several_uploads_of_one_image_one_wins(rest, queued, catalog_dir):
    uploads = 8
    start = threading.Barrier(uploads)

    def upload(number):
        start.wait()
        return rest.put_data(queued, bytes([number]) * 3_000_000).status

    with ThreadPoolExecutor(uploads) as pool:
        statuses = list(pool.map(upload, range(uploads)))
    assert sorted(statuses) == [204] + [409] * (uploads - 1)
    winner = statuses.index(204)
    assert rest.download(queued) == bytes([winner]) * 3_000_000
    assert (catalog_dir.spools(), catalog_dir.data_files()) == ([], [queued])


def test_many_slow_downloads_outlive_the_images_deletion(rest):
    data = random.Random(12).randbytes(8 << 20)
    image = rest.create_raw("gone", data)["id"]
    connections = [RawConnection(rest) for _ in range(20)]
    for connection in connections:
        connection.send(request(f"GET /v2/images/{image}/file", "Connection: close"))
    firsts = [connection.socket.recv(100) for connection in connections]
    rest.delete(image)
    rest.get_data(image, expect=404)
    for first, connection in zip(firsts, connections):
        body = first
        while piece := connection.socket.recv(1 << 20):
            body += piece
        assert body.endswith(data)
        connection.__exit__()


# ── stores and databases in trouble ──────────────────────────────────────────────────────────────


@pytest.fixture
def small_store(catalog_dir, tmp_path):
    """A store with room for 4 MiB."""
    catalog_dir.store.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", "size=4M", "glancefs-test", catalog_dir.store)
    yield catalog_dir.store
    run("umount", catalog_dir.store)


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_full_store_is_413_and_loses_nothing(small_store, bridges, catalog_dir, chunked):
    bridge = bridges.start(catalog_dir)
    rest = bridge.rest
    kept = rest.create_raw("kept", bytes(1 << 20))["id"]
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    data = random.Random(13).randbytes(5 << 20)
    body = (data[i : i + 100_000] for i in range(0, len(data), 100_000)) if chunked else data
    answer = rest.put_data(image, body, expect=413)
    assert "There is not enough space in the store" in answer.body.decode()
    assert os.strerror(errno.ENOSPC) not in answer.body.decode()
    assert rest.image(image)["status"] == "queued"
    assert (catalog_dir.spools(), catalog_dir.data_files()) == ([], [kept])
    rest.put_data(image, data[: 2 << 20], expect=204)
    bridge.stop()


def test_an_image_over_the_cap_is_413(bridges, catalog_dir):
    rest = bridges.start(catalog_dir.config(DEFAULT={"image_size_cap": 100_000})).rest
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    for body in (DATA, iter([DATA])):
        rest.put_data(image, body, expect=413)
        assert_untouched(rest, catalog_dir, image)


def test_a_project_over_its_quota_is_413(bridges, catalog_dir):
    rest = bridges.start(catalog_dir.config(user_storage_quota=2 * len(DATA))).rest
    kept = [rest.create_raw(name, DATA)["id"] for name in ("first", "second")]
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    for body in (b"x", iter([b"x"])):
        rest.put_data(image, body, expect=413)
        assert rest.image(image)["status"] == "queued"
    rest.delete(kept[0])
    rest.put_data(image, DATA, expect=204)


def test_lost_data_are_answered_as_glance_does(bridge, rest, catalog_dir):
    image = rest.create_raw("lost", DATA)["id"]
    os.remove(catalog_dir.data_file(image))
    bridge.expect_errors(rf"image {image}: opening image data ")
    assert rest.get_data(image, expect=204).body == b""
    assert rest.image(image)["status"] == "active"


def test_data_of_another_size_are_not_served(bridge, rest, catalog_dir):
    image = rest.create_raw("cut", DATA)["id"]
    os.truncate(catalog_dir.data_file(image), 1000)
    bridge.expect_errors(rf"image {image}: 300000 bytes recorded, 1000 in the store", "failed: corr")
    response = rest.get_data(image, expect=500)
    assert str(catalog_dir.store) not in response.body.decode()


def slow_download(rest, image):
    """A connection whose client has read only the begin of a download."""
    connection = RawConnection(rest)
    connection.send(request(f"GET /v2/images/{image}/file"))
    assert connection.socket.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
    return connection


def test_data_that_are_cut_while_they_are_sent_are_our_fault(bridge, rest, catalog_dir):
    image = rest.create_raw("cut", bytes(64 << 20))["id"]
    bridge.expect_errors(f"/v2/images/{image}/file: the answer broke off: ")
    with slow_download(rest, image) as connection:
        os.truncate(catalog_dir.data_file(image), 0)
        received = 0
        while piece := connection.socket.recv(1 << 20):
            received += len(piece)
        assert received < 64 << 20

    def metrics():
        return rest.request("GET", "/metrics", expect=200).body.decode()

    wait_until(lambda: 'glance_api_errors_total{kind="corrupt"} 1\n' in metrics(), 5, "the count")
    assert "connection_lost" not in metrics()
    line = f'"GET /v2/images/{image}/file HTTP/1.1" '
    (accessed,) = [each for each in bridge.log.read_text().splitlines() if line in each]
    assert accessed.partition(line)[2].startswith("200 ")
    assert "[error]" in bridge.log.read_text()


def test_a_client_that_leaves_a_download_is_no_error(bridge, rest):
    image = rest.create_raw("left", bytes(64 << 20))["id"]
    with slow_download(rest, image):
        pass
    line = f'"GET /v2/images/{image}/file HTTP/1.1" '

    def accesses():
        return [each for each in bridge.log.read_text().splitlines() if line in each]

    wait_until(accesses, 10, "the line of the access log")
    (accessed,) = accesses()
    assert accessed.partition(line)[2].startswith("499 ")


def test_a_store_that_is_gone_is_503_and_no_business_of_clients(bridge, rest, queued, catalog_dir):
    """As when its filesystem is not mounted: neither the image nor the caller's rights are at fault."""
    bridge.expect_errors("unavailable: ")
    away = catalog_dir.store.with_name("away")
    catalog_dir.store.rename(away)
    answer = rest.put_data(queued, DATA, expect=503)
    assert int(answer.headers["Retry-After"]) > 0
    assert str(catalog_dir.store) not in answer.body.decode()
    away.rename(catalog_dir.store)
    rest.put_data(queued, DATA, expect=204)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_database_that_stays_locked_is_503(bridge, rest, queued, catalog_dir):
    """SQLite is waited for half a minute, by however many writers; readers never wait."""
    bridge.expect_errors("failed: busy: database: ")
    rest.patience = 90 * SLOW
    with catalog_dir.write() as database:
        database.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            works = [(rest.put_data, DATA)] + [(rest.delete, 503)] * 3
            blocked = [pool.submit(work, queued, argument) for work, argument in works]
            while not all(each.done() for each in blocked):
                assert rest.image(queued)["status"] == "queued"
            for each in blocked:
                assert each.result().status == 503
                assert "sqlite" not in each.result().body.decode()
                assert int(each.result().headers["Retry-After"]) > 0
        assert time.monotonic() - start < 45 * SLOW
    rest.put_data(queued, DATA, expect=204)


def announcing(rest, line, *fields):
    """A request whose body is welcome and has not been sent; its connection."""
    connection = RawConnection(rest)
    connection.send(request(line, "Expect: 100-continue", *fields))
    invitation = connection.socket.recv(1000)
    assert invitation == b"HTTP/1.1 100 Continue\r\n\r\n"
    return connection


def resident(bridge):
    """The bytes of memory that the bridge has now."""
    status = Path(f"/proc/{bridge.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) << 10


@pytest.mark.memory
@pytest.mark.parametrize("kind", ["json", "upload"])
def test_memory_is_taken_by_what_has_come_and_not_by_what_was_announced(bridge, rest, kind):
    clients = 200
    if kind == "json":
        requests = [("POST /v2/images", "Content-Type: application/json", "Content-Length: 1000000")] * clients
    else:
        ids = [rest.create(disk_format="raw", container_format="bare")["id"] for _ in range(clients)]
        fields = (OCTETS, "Content-Length: 1000000")
        requests = [(f"PUT /v2/images/{image}/file", *fields) for image in ids]
    before = resident(bridge)
    with ExitStack() as connections:
        for each in requests:
            connections.enter_context(announcing(rest, *each)).send(b"{")
        rest.images()
        assert resident(bridge) - before < clients * (64 << 10) * SLOW


@pytest.mark.memory
def test_memory_does_not_grow_with_what_is_transferred(bridge, rest, big_source):
    def peak():
        status = Path(f"/proc/{bridge.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) << 10

    data = big_source.read_bytes()
    images = [rest.create(disk_format="raw", container_format="bare")["id"] for _ in range(8)]
    rest.create_raw("warm", data[:1000])
    before = peak()
    with ThreadPoolExecutor(8) as pool:
        for response in pool.map(lambda image: rest.put_data(image, data), images):
            assert response.status == 204
        for body in pool.map(rest.download, images):
            assert body == data
    assert peak() - before < (64 << 20) * SLOW  # of a GiB that passed through

# SPDX-License-Identifier: Apache-2.0
"""Memory that a crowd of clients took is given back when it has gone."""

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.certificates import make_certificate
from support.processes import SLOW, wait_until
from support.raw import RawConnection, request
from support.rest import Rest

MIB = 1 << 20
pytestmark = pytest.mark.memory


def memory(bridge, kind="VmRSS"):
    """The bytes of memory that the bridge has now, or had at most (VmHWM)."""
    status = Path(f"/proc/{bridge.pid}/status").read_text(encoding="ascii")
    return int(status.split(f"{kind}:")[1].split()[0]) << 10


def waits_until_given_back(bridge, before, rest):
    wait_until(lambda: memory(bridge) - before < rest * SLOW, 30, f"less than {before + rest} bytes")


@pytest.fixture
def large_images(rest, catalog_dir):
    """A hundred images with a MB of properties each."""
    ids = [rest.create(name=f"large{number}")["id"] for number in range(100)]
    add_properties(catalog_dir, ids, 20)
    return ids


def add_properties(catalog_dir, ids, count):
    """Gives the images so many properties of 50 KB."""
    with catalog_dir.write() as database:
        database.execute("BEGIN")
        for image in ids:
            (known,) = database.execute(
                "SELECT COUNT(*) FROM image_properties WHERE image_id = ?", (image,)
            ).fetchone()
            database.executemany(
                "INSERT INTO image_properties (image_id, name, value, created_at, deleted)"
                " VALUES (?, ?, ?, '2026-01-01 00:00:00', 0)",
                [(image, f"key{known + number}", "x" * 50_000) for number in range(count)],
            )
        database.execute("COMMIT")


def test_pages_of_large_images_are_bounded_and_followed_to_the_end(rest, large_images):
    page = rest.list_page(limit=100)
    assert 1 <= len(page["images"]) < 100
    assert "next" in page
    seen = [image["id"] for image in rest.images(limit=100)]
    assert len(seen) == len(set(seen)) == 100
    assert set(seen) == set(large_images)
    assert len(rest.list_page(limit=1)["images"]) == 1


def test_an_image_that_is_larger_than_a_page_is_a_page(rest, catalog_dir, large_images):
    add_properties(catalog_dir, [large_images[50]], 100)
    seen = [each["id"] for each in rest.images(limit=100)]
    assert len(seen) == 100
    assert set(seen) == set(large_images)


def test_many_lists_of_large_images_take_little_memory_and_give_it_back(bridge, rest, large_images):
    rest.list_page(limit=1)
    before = memory(bridge)
    assert len(large_images) == 100
    rest.patience *= 3
    with ThreadPoolExecutor(16) as pool:
        for answer in pool.map(lambda _: rest.request("GET", "/v2/images?limit=100"), range(16)):
            assert answer.status == 200
    assert memory(bridge, "VmHWM") - before < 300 * MIB
    waits_until_given_back(bridge, before, 40 * MIB)


# ── handshakes ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def certificate(tmp_path):
    return make_certificate(tmp_path, "first")


@pytest.fixture
def secure(bridges, catalog_dir, certificate):
    """A bridge with TLS and room for 100 handshakes at a time."""
    keys = {"max_handshakes": 100, "header_timeout": 60}
    files = {"cert_file": certificate[0], "key_file": certificate[1]}
    return bridges.start(catalog_dir.config(DEFAULT=files, glancefs=keys))


def client_hello():
    """What a client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    connection = context.wrap_bio(incoming, outgoing, server_hostname="glance")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", client_hello()],
                         ids=["nothing", "a begin", "a hello"])
def test_half_open_handshakes_cost_kilobytes_and_keep_nobody_out(secure, certificate, said):
    context = ssl.create_default_context(cafile=certificate[0])
    rest = Rest(secure.url, context)
    rest.images()
    before = memory(secure)
    clients = 1500
    with ExitStack() as crowd:
        for _ in range(clients):
            connection = socket.create_connection((rest.host, rest.port), timeout=20 * SLOW)
            crowd.enter_context(connection)
            connection.sendall(said)
        start = time.monotonic()
        with RawConnection(rest, context) as connection:
            connection.send(request("GET /versions"))
            assert connection.response().status == 200
        assert time.monotonic() - start < 5 * SLOW
        assert memory(secure) - before < clients * 32 * 1024 * SLOW
    waits_until_given_back(secure, before, 24 * MIB)

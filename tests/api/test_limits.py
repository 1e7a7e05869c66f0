# SPDX-License-Identifier: Apache-2.0
"""What one client may take of the server, and that the others do not notice."""

import json
import socket
import time

import pytest

from support.processes import SLOW, program, run, wait_until
from support.raw import RawConnection, request

OCTETS = "Content-Type: application/octet-stream"
JSON_TYPE = "Content-Type: application/json"


@pytest.fixture
def configured(bridges, catalog_dir):
    """Starts a bridge with keys in [glancefs]: configured(header_timeout=1)."""
    return lambda **keys: bridges.start(catalog_dir.config(glancefs=keys))


@pytest.fixture
def queued(rest):
    return rest.create(disk_format="raw", container_format="bare")["id"]


def status_of(rest, data):
    with RawConnection(rest) as connection:
        connection.send(data)
        return connection.response().status


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fields, status",
    [
        (["X: " + "x" * 15_000], 200),
        (["X: " + "x" * 17_000], 431),
        (["X: " + "x" * 1_000_000], 431),
        ([f"X{i}: {'x' * 1000}" for i in range(20)], 431),
        (["X: 1"] * 90, 200),
        (["X: 1"] * 101, 431),
        (["X-Openstack-Request-Id: " + "x" * 64], 200),
        (["X-Openstack-Request-Id: " + "x" * 65], 431),
    ],
)
def test_a_head_of_more_than_16_kib_is_431(rest, fields, status):
    assert status_of(rest, request("GET /versions", *fields)) == status
    assert rest.images() == []


@pytest.mark.parametrize(
    "size, status", [(8000, 200), (8193, 414), (16_500, 414), (1_000_000, 414)]
)
def test_a_target_of_more_than_8_kib_is_414(rest, size, status):
    assert status_of(rest, request("GET /versions?x=" + "x" * size)) == status
    assert status_of(rest, request("GET /versions")) == 200


def test_an_endless_first_line_is_414(rest):
    assert status_of(rest, b"GET /" + b"x" * 1_000_000) == 414


@pytest.mark.parametrize("chunked", [False, True])
def test_a_json_body_of_more_than_1_mib_is_413(rest, chunked):
    body = json.dumps({"name": "a", "p": "x" * (1 << 20)}).encode()
    data = iter([body[:1000], body[1000:]]) if chunked else body
    connection = rest.connect()
    headers = {"Content-Type": "application/json"} | ({"Transfer-Encoding": "chunked"} if chunked else {})
    connection.request("POST", "/v2/images", body=data, encode_chunked=True, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 413
    assert "The request's body is too large." in answer.read().decode()
    connection.close()
    assert rest.images() == []


def test_json_of_64_levels_is_read_and_of_more_is_400(rest):
    def nested(depth):
        return b"[" * depth + b"]" * depth

    answer = rest.request("POST", "/v2/images", nested(64))
    assert "nested" not in answer.body.decode()
    for depth in (65, 1000, 500_000):
        assert rest.request("POST", "/v2/images", nested(depth)).status == 400


def test_a_chunk_line_without_end_is_400(rest, queued):
    fields = (OCTETS, "Transfer-Encoding: chunked")
    head = request(f"PUT /v2/images/{queued}/file", *fields)
    assert status_of(rest, head + b"5;" + b"a" * 5000) == 400
    assert status_of(rest, head + b"0\r\n" + b"X: a\r\n" * 5000) == 400
    assert rest.image(queued)["status"] == "queued"


def test_limits_come_from_the_configuration(configured):
    rest = configured(
        max_header_size=2048,
        max_header_fields=10,
        max_uri_size=1024,
        max_json_size=1024,
        max_json_depth=2,
    ).rest
    assert status_of(rest, request("GET /versions", *["X: 1"] * 11)) == 431
    assert rest.request("POST", "/v2/images", {"tags": [["deep"]]}).status == 400
    assert "nested too deep" in rest.request("POST", "/v2/images", {"tags": [["deep"]]}).body.decode()
    assert rest.request("POST", "/v2/images", {"tags": ["flat"]}).status == 201
    assert status_of(rest, request("GET /versions", "X: " + "x" * 2100)) == 431
    assert status_of(rest, request("GET /versions?" + "x" * 1100)) == 414
    assert rest.request("POST", "/v2/images", {"name": "x", "p": "x" * 1024}).status == 413
    assert rest.request("POST", "/v2/images", {"name": "x"}).status == 201


@pytest.mark.parametrize(
    "line, allowed",
    [
        ("max_header_size = many", "allowed: 1024 to 1048576"),
        ("max_header_size = 10", "allowed: 1024 to 1048576"),
        ("max_json_depth = 1001", "allowed: 1 to 1000"),
        ("max_header_fields = 0", "allowed: 1 to 10000"),
        ("max_connections = 0", "allowed: 1 to 1000000"),
        ("max_handshakes = 0", "allowed: 1 to 1000000"),
        ("header_timeout = 0", "allowed: 1 to 86400"),
        ("drain_timeout = -1", "allowed: 0 to 86400"),
        ("min_body_rate = fast", "allowed: 0 to 1073741824"),
        ("metrics = perhaps", "allowed: true, false, yes, no, on, off, 1, 0"),
        ("access_log = here", "allowed: /PATH, off"),
    ],
)
def test_a_bad_limit_is_an_error_that_names_file_line_and_key(tmp_path, line, allowed):
    config = tmp_path / "glance-api.conf"
    config.write_text(f"[database]\nconnection = sqlite:////nowhere/x\n[glancefs]\n{line}\n")
    result = run(program("glance-api-bridge"), config, check=False)
    key, value = line.split(" = ")
    assert result.returncode == 2
    assert result.stderr.startswith(f"glance-api-bridge: {config}:4: [glancefs] {key}: '{value}' ")
    assert result.stderr.endswith(f"{allowed}\n")


# ── times ────────────────────────────────────────────────────────────────────────────────────────


def test_a_slow_head_is_408(configured):
    rest = configured(header_timeout=1).rest
    with RawConnection(rest) as connection:
        connection.send(b"GET /versions HTTP/1.1\r\nHost")
        assert connection.response().status == 408
        assert connection.is_closed()


def test_a_head_that_trickles_is_408_all_the_same(configured):
    rest = configured(header_timeout=1).rest
    start = time.monotonic()
    with RawConnection(rest) as connection:
        connection.socket.settimeout(0.05)
        answer = b""
        for byte in request("GET /versions", "X: " + "x" * 10_000):
            connection.send(bytes([byte]))
            try:
                answer = connection.socket.recv(65536)
                break
            except TimeoutError:
                pass
        assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - start < 5 * SLOW


def test_a_silent_connection_is_closed_without_a_word(configured):
    rest = configured(header_timeout=1, keepalive_timeout=1).rest
    with RawConnection(rest) as connection:
        assert connection.is_closed()
    with RawConnection(rest) as connection:
        connection.send(request("GET /versions"))
        assert connection.response().status == 200
        assert connection.is_closed()


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_a_slow_body_is_408_and_leaves_the_image_queued(configured, catalog_dir, framing):
    rest = configured(body_grace=1, min_body_rate=1000).rest
    queued = rest.create(disk_format="raw", container_format="bare")["id"]
    with RawConnection(rest) as connection:
        connection.send(request(f"PUT /v2/images/{queued}/file", OCTETS, framing, body=b"2\r\nxx"))
        assert connection.response().status == 408
        assert connection.is_closed()
    assert rest.image(queued)["status"] == "queued"
    assert catalog_dir.spools() == []


def test_a_body_that_trickles_is_408(configured):
    rest = configured(body_grace=1, min_body_rate=1000).rest
    with RawConnection(rest) as connection:
        connection.send(request("POST /v2/images", JSON_TYPE, "Content-Length: 100000"))
        connection.socket.settimeout(0.05)
        for _ in range(int(200 * SLOW)):
            connection.send(b"x")
            try:
                answer = connection.socket.recv(65536)
                break
            except TimeoutError:
                pass
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_is_fast_enough_may_take_longer_than_the_grace(configured):
    rest = configured(body_grace=1, min_body_rate=1000).rest
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    start = time.monotonic()

    def pieces():
        while time.monotonic() - start < 2.5:
            yield b"x" * 100_000
            time.sleep(0.2)  # the rate is what is tested

    rest.put_data(image, pieces(), expect=204)
    assert rest.image(image)["status"] == "active"


def test_a_reader_that_takes_nothing_loses_its_connection(configured):
    bridge = configured(body_grace=1, min_body_rate=1000)
    image = bridge.rest.create_raw("big", bytes(30 << 20))["id"]
    with RawConnection(bridge.rest) as connection:
        connection.send(request(f"GET /v2/images/{image}/file"))
        wait_until(lambda: " 499 " in bridge.log.read_text(), 10, "the end of the download")


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def test_a_connection_too_many_is_503(configured):
    bridge = configured(max_connections=2)
    with RawConnection(bridge.rest) as first, RawConnection(bridge.rest) as second:
        for connection in (first, second):
            connection.send(request("GET /versions"))
            assert connection.response().status == 200
        with RawConnection(bridge.rest) as third:
            refusal = third.response()
            assert (refusal.status, refusal.headers["Retry-After"]) == (503, "1")
            assert third.is_closed()
        first.send(request("GET /versions"))
        assert first.response().status == 200

    def is_served():
        with RawConnection(bridge.rest) as connection:
            connection.send(request("GET /versions"))
            answer = connection.response()  # or none: who is refused may be cut off while he asks
            return answer is not None and answer.status == 200

    wait_until(is_served, 5, "room for a connection")


def test_clients_that_begin_and_do_not_go_on_do_not_keep_others_waiting(rest):
    crowd = [RawConnection(rest) for _ in range(500)]
    try:
        for number, connection in enumerate(crowd):
            connection.send(b"GET /versions HTTP/1.1\r\nHost"[: number % 27])
        for _ in range(20):
            start = time.monotonic()
            assert rest.request("GET", "/healthcheck").body == b"OK"
            assert time.monotonic() - start < 0.5 * SLOW
    finally:
        for connection in crowd:
            connection.__exit__()


# ── bodies that are not wanted ───────────────────────────────────────────────────────────────────


def test_expect_continue_is_refused_with_the_answer_itself(rest, queued):
    fields = (OCTETS, "Expect: 100-continue", "Content-Length: 5")
    with RawConnection(rest) as connection:
        connection.send(request("PUT /v2/images/nope/file", *fields))
        assert connection.response().status == 404
        # Whether the body still comes is not known: only closing is safe.
        assert connection.is_closed()
    with RawConnection(rest) as connection:
        connection.send(request("GET /versions", "Expect: 100-continue"))
        assert connection.response().status == 200
        connection.send(request("GET /versions", "Expect: a miracle"))
        assert connection.response().status == 417
    for empty in ("Expect:", "Expect:  \t"):
        assert status_of(rest, request("GET /versions", empty)) == 200
    assert rest.image(queued)["status"] == "queued"


def test_a_small_refused_body_is_skipped_and_the_connection_kept(rest):
    with RawConnection(rest) as connection:
        body = b"x" * 60_000
        head = request("PUT /v2/images/nope/file", OCTETS, f"Content-Length: {len(body)}")
        connection.send(head + body + request("GET /versions"))
        assert connection.response().status == 404
        assert connection.response().status == 200


def test_a_large_refused_body_ends_the_connection_and_the_answer_is_read(rest):
    with RawConnection(rest) as connection:
        head = request("PUT /v2/images/nope/file", OCTETS, "Content-Length: 30000000")
        connection.send(head)
        response = connection.response()
        assert (response.status, response.headers["Connection"]) == (404, "close")
        connection.send(b"x" * 1_000_000)
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.is_closed()
    image = rest.create_raw("full", b"data")["id"]
    refused = rest.put_data(image, b"x" * 20_000_000)  # http.client sends all before it reads
    assert refused.status == 409


@pytest.mark.parametrize("coding, status", [("gzip", 415), ("br, gzip", 415), ("identity", 204)])
def test_a_content_coding_is_415(rest, queued, coding, status):
    response = rest.put_data(queued, b"data", {"Content-Encoding": coding})
    assert response.status == status
    if status == 415:
        assert response.headers["Accept-Encoding"] == "identity"
        assert rest.image(queued)["status"] == "queued"
    body = {"name": "x"}
    answer = rest.request("POST", "/v2/images", body, {"Content-Encoding": coding})
    assert answer.status == (415 if status == 415 else 201)


# ── the patience of Glance ───────────────────────────────────────────────────────────────────────


def configured_socket_timeout(bridges, catalog_dir, seconds):
    return bridges.start(catalog_dir.config(DEFAULT={"client_socket_timeout": seconds})).rest


def test_client_socket_timeout_ends_an_upload_that_has_stopped(bridges, catalog_dir):
    rest = configured_socket_timeout(bridges, catalog_dir, 1)
    queued = rest.create(disk_format="raw", container_format="bare")["id"]
    with RawConnection(rest) as connection:
        head = request(f"PUT /v2/images/{queued}/file", OCTETS, "Content-Length: 10")
        connection.send(head + b"data")
        start = time.monotonic()
        assert connection.response().status == 408
        assert time.monotonic() - start < 10 * SLOW
    assert rest.image(queued)["status"] == "queued"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", ["", 900, 0])
def test_a_pause_of_a_minute_ends_no_transfer(bridges, catalog_dir, seconds):
    rest = configured_socket_timeout(bridges, catalog_dir, seconds)
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    full = rest.create_raw("full", bytes(30 << 20))["id"]
    with RawConnection(rest) as up, RawConnection(rest) as down:
        up.send(request(f"PUT /v2/images/{image}/file", OCTETS, "Content-Length: 8", body=b"data"))
        down.send(request(f"GET /v2/images/{full}/file"))
        time.sleep(65)  # the pause is what is tested
        up.send(b"data")
        assert up.response().status == 204
        assert len(down.response().body) == 30 << 20
    assert rest.download(image) == b"datadata"


def test_a_paused_download_is_given_more_time_than_a_paused_upload(bridges, catalog_dir):
    rest = configured_socket_timeout(bridges, catalog_dir, 2)
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    full = rest.create_raw("full", bytes(30 << 20))["id"]
    with RawConnection(rest) as up, RawConnection(rest) as down:
        down.send(request(f"GET /v2/images/{full}/file"))
        up.send(request(f"PUT /v2/images/{image}/file", OCTETS, "Content-Length: 8", body=b"data"))
        assert up.response().status == 408  # after as long a pause as the download's
        assert len(down.response().body) == 30 << 20


# ── what is said again ───────────────────────────────────────────────────────────────────────────


def long_requests(image):
    value = "v" * 900_000
    schema = "application/openstack-images-v2.1-json-patch"
    yield "POST", "/v2/images", {"name": "x", "visibility": value}, {}
    yield "POST", "/v2/images", {"name": "x", "id": value}, {}
    yield "POST", "/v2/images", {"name": "x", "disk_format": value}, {}
    yield "POST", "/v2/images", {"name": "x", value: 1}, {}
    yield "POST", "/v2/images", f'{{"{value}": "a", "{value}": "b"}}'[:900_000].encode(), {}
    patch = {"Content-Type": schema}
    yield "PATCH", f"/v2/images/{image}", [{"op": value, "path": "/name", "value": "x"}], patch
    yield "PATCH", f"/v2/images/{image}", [{"op": "add", "path": f"/{value}", "value": 1}], patch
    yield "PATCH", f"/v2/images/{image}", [{"op": "replace", "path": value, "value": "x"}], patch
    yield "POST", f"/v2/images/{image}/members", {"member": value}, {}
    yield "PUT", f"/v2/images/{image}/members/x", {"status": value}, {}
    yield "GET", "/v2/images?sort_key=" + "k" * 8000, None, {}
    yield "GET", "/v2/images/" + "i" * 8000, None, {}
    yield "DELETE", "/v2/images/" + "i" * 8000, None, {}
    yield "PUT", f"/v2/images/{image}/file", b"x", {"Content-Type": "t" * 12_000}
    yield "POST", "/v2/images", {"name": "x"}, {"Content-Type": "t" * 12_000}
    yield "M" * 8000, "/v2/images", None, {}


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/plain"])
def test_an_error_repeats_little_of_the_request(bridge, rest, accept):
    image = rest.create(name="image", visibility="shared")["id"]
    bridge.expect_errors("")
    for method, path, body, headers in long_requests(image):
        answer = rest.request(method, path, body, headers | {"Accept": accept})
        assert 400 <= answer.status < 500 or answer.status == 501, (method, path[:40], answer.status)
        assert len(answer.body) < 8192, (method, path[:40], answer.body[:200])
    lines = bridge.log.read_text().splitlines()
    assert all(len(line) < 20_000 for line in lines)

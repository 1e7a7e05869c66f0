# SPDX-License-Identifier: Apache-2.0
"""Uploads that are refused before their data have come. Most clients send all of them before they
look for the answer; they must find it, and not a broken connection."""

import json
import subprocess
import time

import pytest

from support.clients import OpenStackCli
from support.processes import SLOW, environment, run
from support.rest import OCTETS

PIECE = bytes(1 << 20)
PIECES = 300  # more than any buffer between us holds, and than was read once


@pytest.fixture
def full(rest):
    """An image that has its data already."""
    return rest.create_raw("full", b"data")["id"]


def chunks(count=PIECES):
    return (PIECE for _ in range(count))


def path_of(case, full):
    return {"409": f"/v2/images/{full}/file", "404": "/v2/images/nope/file",
            "413": f"/v2/images/{full}/file", "415": f"/v2/images/{full}/file"}[case]


@pytest.mark.parametrize("case", ["409", "404", "415"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_who_sends_all_before_he_listens_hears_the_refusal(rest, full, case, framing):
    headers = OCTETS | ({"Content-Encoding": "gzip"} if case == "415" else {})
    connection = rest.connect()
    connection.putrequest("PUT", path_of(case, full))
    size = {"length": ("Content-Length", str(PIECES * len(PIECE))),
            "chunked": ("Transfer-Encoding", "chunked")}[framing]
    for name, value in [*headers.items(), size]:
        connection.putheader(name, value)
    connection.endheaders()
    for piece in chunks():
        connection.send(piece if framing == "length" else b"100000\r\n" + piece + b"\r\n")
    if framing == "chunked":
        connection.send(b"0\r\n\r\n")
    answer = connection.getresponse()
    assert answer.status == int(case)
    assert answer.read()
    connection.close()
    assert rest.download(full) == b"data"


def test_who_announces_less_than_he_sends_is_not_read_for_ever(rest, full):
    connection = rest.connect()
    connection.putrequest("PUT", path_of("409", full))
    for name, value in [*OCTETS.items(), ("Content-Length", str(len(PIECE)))]:
        connection.putheader(name, value)
    connection.endheaders()
    with pytest.raises(ConnectionError):
        for piece in chunks():
            connection.send(piece)
    connection.close()


def test_a_slow_refused_upload_is_read_for_longer_than_any_fixed_time(rest, full):
    connection = rest.connect()
    connection.putrequest("PUT", path_of("409", full))
    for name, value in [*OCTETS.items(), ("Transfer-Encoding", "chunked")]:
        connection.putheader(name, value)
    connection.endheaders()
    start = time.monotonic()
    while time.monotonic() - start < 13:  # it was 10 s once
        connection.send(b"10000\r\n" + PIECE[:65536] + b"\r\n")
        time.sleep(0.1)  # the rate is what is tested
    connection.send(b"0\r\n\r\n")
    assert connection.getresponse().status == 409
    connection.close()


def test_an_upload_over_the_cap_that_is_refused_on_the_way_is_read_to_its_end(bridges, catalog_dir):
    rest = bridges.start(catalog_dir.config(DEFAULT={"image_size_cap": 300 << 20})).rest
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    assert rest.put_data(image, chunks(302), expect=413).body
    assert rest.image(image)["status"] == "queued"


# ── the clients that people have ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "large.img"
    with open(path, "wb") as file:
        file.truncate(300 << 20)
    return path


@pytest.mark.parametrize("how", ["file", "pipe"])
def test_curl_shows_the_refusal(rest, full, large, how):
    url = f"{rest.url}/v2/images/{full}/file"
    options = ("--silent", "--show-error", "--write-out", "%{http_code}",
               "--header", "Content-Type: application/octet-stream")
    if how == "file":
        result = run("curl", *options, "-T", large, url, check=False)
    else:
        with open(large, "rb") as data:
            result = subprocess.run(["curl", *options, "-T", "-", url], stdin=data, text=True,
                                    capture_output=True, env=environment(), timeout=60 * SLOW,
                                    check=False)
    assert result.stdout.endswith("409")
    assert "Broken pipe" not in result.stderr


REQUESTS = """
import json, requests, sys
with open(sys.argv[2], "rb") as data:
    body = iter(lambda: data.read(65536), b"")
    answer = requests.put(sys.argv[1], data=body, headers=json.loads(sys.argv[3]))
print(answer.status_code)
"""


def test_python_requests_shows_the_refusal(rest, full, large):
    url = f"{rest.url}/v2/images/{full}/file"
    result = run("/usr/bin/python3", "-c", REQUESTS, url, large, json.dumps(OCTETS))
    assert result.stdout == "409\n"


def test_glance_shows_the_refusal(glance, rest, full, large):
    result = glance("image-upload", "--file", large, full, check=False)
    assert result.returncode != 0
    assert "409" in result.stderr
    assert "Broken pipe" not in result.stderr
    assert rest.download(full) == b"data"


def test_openstack_shows_the_refusal(warm_programs, bridges, catalog_dir, large, tmp_path):
    bridge = bridges.start(catalog_dir.config(DEFAULT={"image_size_cap": 1 << 20}))
    openstack = OpenStackCli(warm_programs, bridge.url, tmp_path / "home")
    result = openstack("image", "create", "--file", large, "--disk-format", "raw", "x", check=False)
    assert result.returncode != 0
    assert "413" in result.stderr
    assert "Broken pipe" not in result.stderr

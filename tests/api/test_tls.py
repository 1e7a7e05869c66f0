# SPDX-License-Identifier: Apache-2.0
"""The same service over TLS, by cert_file and key_file."""

import contextlib
import os
import random
import signal
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.certificates import make_certificate
from support.processes import program, run, wait_until
from support.raw import RawConnection, request
from support.rest import Rest

DATA = random.Random(31).randbytes(20 << 20)


@pytest.fixture
def files(tmp_path):
    return make_certificate(tmp_path, "first")


@pytest.fixture
def bridge(bridges, catalog_dir, files):
    certificate, key = files
    return bridges.start(
        catalog_dir.config(
            DEFAULT={"cert_file": certificate, "key_file": key}, glancefs={"header_timeout": 2}
        )
    )


@pytest.fixture
def context(files):
    return ssl.create_default_context(cafile=files[0])


@pytest.fixture
def rest(bridge, context):
    assert bridge.url.startswith("https://127.0.0.1:")
    return Rest(bridge.url, context)


def test_images_go_both_ways(rest):
    image = rest.create_raw("a", DATA)
    assert image["status"] == "active"
    assert rest.download(image["id"]) == DATA
    part = rest.get_data(image["id"], {"Range": "bytes=1000000-1999999"}, expect=206)
    assert part.body == DATA[1_000_000:2_000_000]
    chunked = rest.create(disk_format="raw", container_format="bare")["id"]
    rest.put_data(chunked, iter([DATA[:100_000], DATA[100_000:]]), expect=204)
    assert rest.download(chunked) == DATA


def test_many_transfers_at_once(rest):
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(lambda i: rest.create_raw(f"{i}", DATA)["id"], range(8)))
        for body in pool.map(rest.download, images):
            assert body == DATA


def test_links_say_https(rest):
    versions = rest.request("GET", "/versions").json()["versions"]
    assert versions[0]["links"][0]["href"] == f"{rest.url}/v2/"
    created = rest.request("POST", "/v2/images", {"name": "a"}, expect=201)
    assert created.headers["Location"].startswith(f"{rest.url}/v2/images/")


def test_a_connection_is_kept_and_ends_with_a_farewell(rest, context):
    with RawConnection(rest, context) as connection:
        for _ in range(3):
            connection.send(request("GET /versions"))
            assert connection.response().status == 200
        connection.send(request("GET /versions", "Connection: close"))
        assert connection.response().status == 200
        assert connection.is_closed()  # ssl raises where close_notify is missing


def test_limits_hold_inside_of_tls(rest, context):
    with RawConnection(rest, context) as connection:
        connection.send(b"GET /versions HTTP/1.1\r\nHost")
        assert connection.response().status == 408
    with RawConnection(rest, context) as connection:
        connection.send(b"GET /versions HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n")
        assert connection.response().status == 400


def test_a_client_that_never_shakes_hands_is_let_go(rest):
    with socket.create_connection((rest.host, rest.port), timeout=20) as connection:
        assert connection.recv(100) == b""


def test_plain_http_is_no_tls(rest):
    with RawConnection(rest) as connection:
        connection.send(request("GET /versions"))
        assert connection.response() is None


def test_a_refused_upload_is_read_so_that_the_refusal_is_heard(rest):
    image = rest.create_raw("full", b"data")["id"]
    piece = DATA[: 1 << 20]
    for body in (iter([piece] * 300), piece * 20):
        assert rest.put_data(image, body, expect=409).body


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_of_tls_are_refused(rest, context):
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="protocol version|NO_PROTOCOLS"):
        RawConnection(rest, context)


def served_name(rest):
    """Whom the server says to be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with RawConnection(rest, context) as connection:
        data = connection.socket.getpeercert(binary_form=True)
    text = run("openssl", "x509", "-noout", "-subject", input=ssl.DER_cert_to_PEM_cert(data)).stdout
    return text.strip().rpartition("CN = ")[2]


def test_sighup_takes_a_renewed_certificate_and_keeps_open_connections(
    bridge, rest, context, tmp_path
):
    with RawConnection(rest, context) as old:
        old.send(request("GET /versions"))
        assert old.response().status == 200
        assert served_name(rest) == "first"
        make_certificate(tmp_path, "second")
        bridge.process.send_signal(signal.SIGHUP)
        wait_until(lambda: served_name(rest) == "second", 10, "the new certificate")
        old.send(request("GET /versions"))
        assert old.response().status == 200


def test_a_broken_certificate_does_not_replace_a_good_one(bridge, rest, files):
    files[0].write_text("broken")
    bridge.expect_errors("keeping the old certificate: .*cert.pem")
    bridge.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "keeping the old certificate" in bridge.log.read_text(), 10, "the refusal")
    assert served_name(rest) == "first"


@pytest.mark.parametrize("which", ["cert_file", "key_file"])
@pytest.mark.parametrize("content", [None, "nonsense"])
def test_a_file_that_cannot_be_used_is_named(catalog_dir, files, which, content):
    path = dict(zip(("cert_file", "key_file"), files))[which]
    path.unlink()
    if content:
        path.write_text(content)
    config = catalog_dir.config(DEFAULT={"cert_file": files[0], "key_file": files[1]})
    arguments = (config, "--create", "--bind", "127.0.0.1:0")
    result = run(program("glance-api-bridge"), *arguments, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith(f"glance-api-bridge: {path}: cannot use it as the ")
    assert f"({which})" in result.stderr


def test_a_key_of_another_certificate_is_named(catalog_dir, files, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    _, key = make_certificate(other, "other")
    config = catalog_dir.config(DEFAULT={"cert_file": files[0], "key_file": key})
    arguments = (config, "--create", "--bind", "127.0.0.1:0")
    result = run(program("glance-api-bridge"), *arguments, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith(f"glance-api-bridge: {key}: cannot use it as the key (key_file)")


def test_data_that_are_cut_while_they_are_sent_are_our_fault(bridge, rest, context, catalog_dir):
    image = rest.create_raw("cut", bytes(64 << 20))["id"]
    bridge.expect_errors(f"/v2/images/{image}/file: the answer broke off: ")
    with RawConnection(rest, context) as connection:
        connection.send(request(f"GET /v2/images/{image}/file"))
        assert connection.socket.recv(12) == b"HTTP/1.1 200"
        os.truncate(catalog_dir.data_file(image), 0)
        with contextlib.suppress(ssl.SSLEOFError):  # no farewell: this is not the answer's end
            while connection.socket.recv(1 << 20):
                pass
    counted = 'glance_api_errors_total{kind="corrupt"} 1\n'
    wait_until(lambda: counted in rest.request("GET", "/metrics").body.decode(), 5, "the count")
    (accessed,) = [line for line in bridge.log.read_text().splitlines() if "/file HTTP/1.1" in line
                   and '"GET ' in line]
    assert '" 200 ' in accessed

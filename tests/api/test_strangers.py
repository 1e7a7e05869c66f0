# SPDX-License-Identifier: Apache-2.0
"""A bridge without authentication is for programs of its users, not for web pages that they look at:
neither under a page's own name (DNS rebinding) nor across sites."""

import json
import socket

import pytest

from support.processes import run
from support.raw import RawConnection, request
from support.rest import JSON_PATCH

FORM = "application/x-www-form-urlencoded"


def answer(rest, line, *fields, host=None, body=b""):
    if body:
        fields = (*fields, f"Content-Length: {len(body)}")
    with RawConnection(rest) as connection:
        connection.send(request(line, *fields, host=host or f"{rest.host}:{rest.port}", body=body))
        return connection.response()


# ── hosts ────────────────────────────────────────────────────────────────────────────────────────

OURS = ["localhost", "LocalHost:1", "localhost.", "images.localhost", "127.0.0.1", "127.9.9.9:80",
        "[::1]:9292", "[::ffff:127.0.0.1]"]
STRANGERS = ["evil.example", "evil.example:9292", "localhost.evil.example", "evillocalhost", "10.0.0.1",
             "127.0.0.1.evil.example", "[2001:db8::1]", "[::ffff:10.0.0.1]", "0.0.0.0", "[]", ":9292"]


def test_loopback_names_are_ours(rest):
    for host in OURS:
        assert answer(rest, "GET /v2/images", host=host).status == 200, host


@pytest.mark.parametrize("path", ["/v2/images", "/versions", "/healthcheck", "/metrics", "/v2/nothing"])
def test_a_name_that_is_not_ours_is_403_and_told_what_is(rest, path):
    for host in STRANGERS:
        refusal = answer(rest, f"GET {path}", "Accept: text/plain", host=host)
        assert refusal.status == 403, host
        assert "public_endpoint" in refusal.body.decode()


def test_of_an_absolute_target_the_host_counts(rest):
    assert answer(rest, "GET http://evil.example/v2/images").status == 403
    assert answer(rest, "GET http://localhost/v2/images", host="evil.example").status == 200


def test_http_1_0_needs_no_host(rest):
    with RawConnection(rest) as connection:
        connection.send(b"GET /v2/images HTTP/1.0\r\n\r\n")
        assert connection.response().status == 200


def test_the_public_endpoints_host_is_ours(bridges, catalog_dir):
    endpoint = {"public_endpoint": "https://images.example:8443/glance"}
    rest = bridges.start(catalog_dir.config(DEFAULT=endpoint)).rest
    for host in ("images.example", "Images.Example:8443", "localhost"):
        assert answer(rest, "GET /v2/images", host=host).status == 200
    for host in ("example", "other.images.example"):
        assert answer(rest, "GET /v2/images", host=host).status == 403
    for origin, status in [("https://images.example:8443", 200), ("https://images.example", 403)]:
        assert answer(rest, "GET /v2/images", f"Origin: {origin}").status == status


def own_address():
    """An address of this machine that is none of loopback's, or nothing."""
    addresses = json.loads(run("ip", "-json", "-4", "address").stdout)
    found = [each["local"] for link in addresses for each in link["addr_info"]]
    return next((address for address in found if not address.startswith("127.")), None)


@pytest.fixture
def other_address():
    address = own_address()
    if address is not None:
        yield address
        return
    address = "192.0.2.17"  # of the range that is nobody's: RFC 5737
    run("ip", "address", "add", f"{address}/32", "dev", "lo")
    yield address
    run("ip", "address", "del", f"{address}/32", "dev", "lo")


def test_who_serves_other_machines_answers_to_the_address_that_was_reached(
    bridges, catalog_dir, other_address
):
    arguments = ("--bind", "0.0.0.0:0", "--create", "--allow-unauthenticated")
    rest = bridges.start(catalog_dir, *arguments).rest
    rest.host = other_address
    for host, status in [(other_address, 200), (f"{other_address}:9292", 200), ("localhost", 200),
                         ("198.51.100.1", 403), ("evil.example", 403)]:
        assert answer(rest, "GET /v2/images", host=host).status == status


def test_a_name_to_listen_on_is_ours(bridges, catalog_dir):
    name = socket.gethostname()
    arguments = ("--bind", f"{name}:0", "--create", "--allow-unauthenticated")
    rest = bridges.start(catalog_dir, *arguments).rest
    assert answer(rest, "GET /v2/images", host=f"{name}:9292").status == 200
    assert answer(rest, "GET /v2/images", host=f"x{name}").status == 403


# ── sites ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fields",
    [
        ("Origin: http://evil.example",),
        ("Origin: null",),
        ("Origin:",),
        ("Origin: http://127.0.0.1",),
        ("Origin: https://{own}",),
        ("Sec-Fetch-Site: cross-site",),
        ("Sec-Fetch-Site: Cross-Site", "Origin: http://{own}"),
    ],
)
def test_a_page_of_another_site_is_403_and_changes_nothing(rest, fields):
    image = rest.create(name="kept")["id"]
    fields = [field.format(own=f"{rest.host}:{rest.port}") for field in fields]
    for method in ("GET", "DELETE", "OPTIONS"):
        assert answer(rest, f"{method} /v2/images/{image}", *fields).status == 403
    body = b'{"name": "theirs"}'
    fields.append("Content-Type: application/json")
    assert answer(rest, "POST /v2/images", *fields, body=body).status == 403
    assert [each["name"] for each in rest.images()] == ["kept"]


@pytest.mark.parametrize(
    "fields",
    [
        ("Origin: http://{own}", "Sec-Fetch-Site: same-origin"),
        ("Sec-Fetch-Site: none",),
        ("Sec-Fetch-Site: same-site",),
    ],
)
def test_our_own_pages_and_the_address_bar_are_served(rest, fields):
    fields = [field.format(own=f"{rest.host}:{rest.port}") for field in fields]
    assert answer(rest, "GET /v2/images", *fields).status == 200


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("call", ["POST image", "POST member", "PUT member", "PATCH", "PUT file"])
def test_what_a_form_can_send_is_415_and_changes_nothing(rest, call):
    image = rest.create(name="kept", visibility="shared")["id"]
    method, _, kind = call.partition(" ")
    path = {"image": "/v2/images", "file": f"/v2/images/{image}/file", "": f"/v2/images/{image}",
            "member": f"/v2/images/{image}/members" + ("/x" if method == "PUT" else "")}[kind]
    body = b'[{"op": "replace", "path": "/name", "value": "x"}]' if kind == "" else b'{"member": "x"}'
    for media_type in ("text/plain", FORM, "multipart/form-data; boundary=x", "", None):
        fields = [] if media_type is None else [f"Content-Type: {media_type}"]
        assert answer(rest, f"{method} {path}", *fields, body=body).status == 415, media_type
    assert [(each["name"], each["status"]) for each in rest.images()] == [("kept", "queued")]
    assert rest.request("GET", f"/v2/images/{image}/members").json()["members"] == []


def test_json_is_taken_as_what_it_is(rest):
    for kind in ("application/json", "Application/JSON; charset=UTF-8", "application/octet-stream"):
        body = b'{"name": "a"}'
        assert answer(rest, "POST /v2/images", f"Content-Type: {kind}", body=body).status == 201


def test_a_request_without_a_body_needs_no_type(rest):
    image = rest.create_raw("a", b"data")["id"]
    for fields in [(), ("Content-Length: 0",), ("Content-Length: 0", f"Content-Type: {FORM}")]:
        assert answer(rest, f"POST /v2/images/{image}/actions/deactivate", *fields).status == 204
        assert answer(rest, f"POST /v2/images/{image}/actions/reactivate", *fields).status == 204
        assert answer(rest, f"PUT /v2/images/{image}/tags/blue", *fields).status == 204


def test_curl_works_with_a_file_and_with_json(rest, small_source):
    def curl(*arguments):
        silent = ("--silent", "--show-error", "--output", "-", "--write-out", "%{http_code}")
        return run("curl", *silent, *arguments).stdout

    url = f"{rest.url}/v2/images"
    draft = '{"name": "a", "disk_format": "raw", "container_format": "bare"}'
    assert curl("--data", draft, url).endswith("415")
    assert curl("--json", draft, url).endswith("201")
    assert curl("--header", "Content-Type: application/json", "--data", draft, url).endswith("201")
    for image in rest.images():
        octets = ("--header", "Content-Type: application/octet-stream")
        assert curl("-T", small_source, *octets, f"{url}/{image['id']}/file") == "204"
        patch = '[{"op": "add", "path": "/k", "value": "v"}]'
        typed = ("--header", f"Content-Type: {JSON_PATCH}")
        assert curl("-X", "PATCH", *typed, "--data", patch, f"{url}/{image['id']}").endswith("200")
        assert rest.download(image["id"]) == small_source.read_bytes()

# SPDX-License-Identifier: Apache-2.0
"""The shape of errors, which the clients parse."""

import contextlib
import http.client
import json
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.processes import SLOW

HTML = b"""<html>
 <head>
  <title>404 Not Found</title>
 </head>
 <body>
  <h1>404 Not Found</h1>
  No image found with ID nope<br /><br />



 </body>
</html>"""

JSON = {
    "message": "No image found with ID nope<br /><br />\n\n\n",
    "code": "404 Not Found",
    "title": "Not Found",
}

TEXT = b"404 Not Found\n\nNo image found with ID nope\n\n   "


def error(rest, accept):
    headers = {} if accept is None else {"Accept": accept}
    return rest.request("GET", "/v2/images/nope", None, headers, expect=404)


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json, text/html"])
def test_html_where_anything_or_html_is_accepted(rest, accept):
    response = error(rest, accept)
    assert response.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert response.body == HTML


def test_json_where_json_is_asked_for(rest):
    response = error(rest, "application/json")
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.body) == JSON


@pytest.mark.parametrize("accept", [None, "", "text/plain", "application/octet-stream"])
def test_text_everywhere_else(rest, accept):
    response = error(rest, accept)
    assert response.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert response.body == TEXT


def test_html_is_escaped(rest):
    path = "/v2/images/%3Cscript%3E'%22"
    body = rest.request("GET", path, None, {"Accept": "*/*"}, expect=404).body.decode()
    assert "<script>" not in body
    assert "&lt;script&gt;&#x27;&quot;" in body


def test_the_error_of_a_delete_names_the_image(rest):
    response = rest.request("DELETE", "/v2/images/nope", None, {"Accept": "text/plain"})
    assert "Failed to find image nope to delete" in response.body.decode()


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("HEAD", "/v2/images", {"GET", "POST"}),
        ("PUT", "/v2/images", {"GET", "POST"}),
        ("POST", "/v2/images/{id}", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("POST", "/v2/images/{id}/file", {"GET", "HEAD", "PUT"}),
    ],
)
def test_a_wrong_method_is_405_and_the_right_ones_are_named(rest, method, path, allowed):
    path = path.format(id="00000000-0000-4000-8000-000000000000")
    response = rest.request(method, path, expect=405)
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_a_target_that_holds_nul_is_400(rest):
    assert rest.request("GET", "/v2/images/%00").status == 400


@pytest.mark.parametrize("path", ["/v2/", "/v2/images/", "/v2/nothing", "/v2/images/a/b/c"])
def test_an_unknown_path_of_the_api_is_404(rest, path):
    assert rest.request("GET", path).status == 404


def test_an_unknown_method_is_501(rest):
    assert rest.request("BREW", "/v2/nothing").status == 501


def exchange(rest, request):
    """Sends raw bytes and returns the status of the first answer, or None if there is none."""
    with socket.create_connection((rest.host, rest.port), timeout=10 * SLOW) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        return response.status


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /v2/images HTTP/1.1\r\n\r\n",
        b"GET /v2/images HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /v2/images HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        b"POST /v2/images HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v2/images HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n{}",
        b"POST /v2/images HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST /v2/images HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\n{}",
    ],
    ids=[
        "no HTTP",
        "no Host",
        "two Hosts",
        "obs-fold",
        "two lengths",
        "length and chunked",
        "gzip, chunked",
        "negative length",
    ],
)
def test_ambiguous_requests_are_refused_and_the_server_lives_on(rest, request_):
    assert exchange(rest, request_) in (400, 501)
    assert rest.images() == []


def test_a_huge_header_is_refused(rest):
    request = b"GET /v2/images HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n"
    assert exchange(rest, request) in (400, 431, None)
    assert rest.images() == []


def test_a_huge_json_body_is_refused(rest):
    assert rest.request("POST", "/v2/images", b"[" * 50_000).status == 400
    assert rest.images() == []


@pytest.mark.parametrize("body", [b"5;" + b"a" * 2_000_000, b"0\r\nX: " + b"a" * 2_000_000])
def test_an_endless_chunk_line_or_trailer_is_refused(rest, body):
    """Or one client could fill the server's memory."""
    connection = rest.connect()
    connection.putrequest("POST", "/v2/images")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    with contextlib.suppress(ConnectionError):  # it is not read to its end
        connection.send(body)
    answer = connection.getresponse()
    assert answer.status == 400
    connection.close()


SECRET = "table_secrets: words of its own"


@pytest.mark.parametrize("change", ["INSERT", "UPDATE"])
def test_words_of_the_database_go_to_the_log_alone(bridge, rest, catalog_dir, change):
    image = rest.create(name="image")["id"]
    catalog_dir.execute(
        f"CREATE TRIGGER refuse BEFORE {change} ON images BEGIN SELECT RAISE(ABORT, '{SECRET}'); END"
    )
    if change == "INSERT":
        answers = [rest.request("POST", "/v2/images", {"name": "another"})]
    else:
        patch = [{"op": "replace", "path": "/name", "value": "new"}]
        headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        path = f"/v2/images/{image}"
        answers = [
            rest.request("PATCH", path, patch, headers),
            rest.request("PUT", f"{path}/tags/blue"),
            rest.request("DELETE", path),
        ]
    for answer in answers:
        assert answer.status == 409
        body = answer.body.decode()
        assert "The catalog's storage failed; the server's log says more." in body
        assert "secret" not in body and "database" not in body
        (line,) = [
            line
            for line in bridge.log.read_text().splitlines()
            if answer.headers["X-Openstack-Request-Id"] in line and SECRET in line
        ]
        assert "[warning]" in line
    assert [each["name"] for each in rest.images()] == ["image"]


def test_readers_do_not_wait_for_blocked_writers(rest, catalog_dir):
    image = rest.create()["id"]
    patch = [{"op": "add", "path": "/k", "value": "v"}]
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    with sqlite3.connect(catalog_dir.database, isolation_level=None) as database:
        database.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(16) as pool:
            path = f"/v2/images/{image}"
            blocked = [pool.submit(rest.request, "PATCH", path, patch, headers) for _ in range(16)]
            assert rest.request("GET", "/v2/images?limit=1").status == 200
            assert not any(each.done() for each in blocked)
            database.execute("ROLLBACK")
            assert [each.result().status for each in blocked] == [200] * 16

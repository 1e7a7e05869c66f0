# SPDX-License-Identifier: Apache-2.0
"""GET /metrics: what Prometheus reads."""

import re

import pytest

from support.processes import wait_until
from support.raw import RawConnection, request

SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-z]+)="([^"]*)"')
OCTETS = "Content-Type: application/octet-stream"


@pytest.fixture
def value(rest):
    """The value of one series, 0 where there is none: value("name", label="x")."""

    def read(name, **labels):
        response = rest.request("GET", "/metrics", expect=200)
        read.answered += len(response.body)
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        for line in response.body.decode().splitlines():
            if line.startswith("#"):
                continue
            found, text, number = SAMPLE.fullmatch(line).groups()
            if found == name and dict(LABEL.findall(text or "")) == labels:
                return float(number)
        return 0

    read.answered = 0  # bytes, which count as sent too, sooner or later
    return read


@pytest.fixture
def reaches(value):
    """Waits until the series has that value: a request is counted when its answer has been sent."""

    def wait(expected, name, **labels):
        wait_until(lambda: value(name, **labels) == expected, 5, f"{name} {labels} of {expected}")

    return wait


def test_requests_are_counted_by_method_route_and_status(rest, value, reaches):
    image = rest.create_raw("a", b"data")["id"]
    rest.request("GET", "/v2/images/nope", expect=404)
    name = "glance_api_requests_total"
    reaches(1, name, method="POST", route="images", status="201")
    reaches(1, name, method="PUT", route="images/{image_id}/file", status="204")
    reaches(1, name, method="GET", route="images/{image_id}", status="200")
    reaches(1, name, method="GET", route="images/{image_id}", status="404")
    seconds = "glance_api_request_duration_seconds"
    labels = {"method": "GET", "route": "images/{image_id}"}
    reaches(2, f"{seconds}_count", **labels)
    reaches(2, f"{seconds}_bucket", le="+Inf", **labels)
    assert 0 < value(f"{seconds}_sum", **labels) < 20
    rest.delete(image)
    reaches(1, name, method="DELETE", route="images/{image_id}", status="204")


def test_errors_are_counted_by_kind(rest, reaches):
    active = rest.create_raw("a", b"data")["id"]
    rest.request("GET", "/v2/images/nope", expect=404)
    rest.put_data(active, b"x", expect=409)
    rest.request("POST", "/v2/images", b"{", expect=400)
    rest.request("BREW", "/v2/nothing", expect=501)
    with RawConnection(rest) as connection:
        connection.send(b"nonsense\r\n\r\n")
        assert connection.response().status == 400
    name = "glance_api_errors_total"
    reaches(1, name, kind="not_found")
    reaches(1, name, kind="conflict")
    reaches(2, name, kind="invalid")
    reaches(1, name, kind="unsupported")
    reaches(1, "glance_api_requests_total", method="other", route="none", status="501")


def test_bytes_are_counted_both_ways(rest, value):
    data = bytes(3_000_000)
    image = rest.create_raw("a", data)["id"]
    received, sent = value("glance_api_received_bytes_total"), value("glance_api_sent_bytes_total")
    assert received > len(data)
    rest.download(image)
    rest.get_data(image, {"Range": "bytes=0-9"})
    least = sent + len(data) + 10
    wait_until(lambda: value("glance_api_sent_bytes_total") > least, 5, "the count of the bytes")
    grown = value("glance_api_sent_bytes_total") - sent
    assert grown < least - sent + value.answered + 5000  # and what create_raw() was answered


def test_what_is_going_on_can_be_seen(rest, value):
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    with RawConnection(rest) as upload:
        upload.send(request(f"PUT /v2/images/{image}/file", OCTETS, "Content-Length: 10"))
        wait_until(lambda: value("glance_api_uploads_in_flight") == 1, 5, "the upload")
        assert value("glance_api_connections") >= 2
    wait_until(lambda: value("glance_api_uploads_in_flight") == 0, 5, "the upload's end")
    wait_until(lambda: value("glance_api_connections") == 1, 5, "the connection's end")
    kinds = ("connection_lost", "invalid")
    wait_until(
        lambda: sum(value("glance_api_errors_total", kind=kind) for kind in kinds) == 1,
        5,
        "the count of the error",
    )


def test_a_refused_request_is_told_of_once_also_if_its_body_never_comes(bridge, rest, value):
    path = "/v2/images/nope/file"
    with RawConnection(rest) as connection:
        connection.send(request(f"PUT {path}", OCTETS, "Content-Length: 5"))
        assert connection.response().status == 404
    wait_until(lambda: value("glance_api_connections") == 1, 5, "the connection's end")
    labels = {"method": "PUT", "route": "images/{image_id}/file"}
    assert value("glance_api_request_duration_seconds_count", **labels) == 1
    assert value("glance_api_errors_total", kind="connection_lost") == 0
    assert bridge.log.read_text().count(f'"PUT {path} HTTP/1.1" ') == 1


def test_a_slow_client_counts_as_a_timeout(bridges, catalog_dir):
    rest = bridges.start(catalog_dir.config(glancefs={"header_timeout": 1})).rest
    with RawConnection(rest) as connection:
        connection.send(b"GET ")
        assert connection.response().status == 408
    counted = 'glance_api_errors_total{kind="timeout"} 1\n'
    wait_until(lambda: counted in rest.request("GET", "/metrics").body.decode(), 5, "the count")


def test_the_metrics_can_be_switched_off(bridges, catalog_dir):
    rest = bridges.start(catalog_dir.config(glancefs={"metrics": "off"})).rest
    assert rest.request("GET", "/metrics").status == 300

# SPDX-License-Identifier: Apache-2.0
"""Requests that two readers could understand differently are refused, and nothing behind them is
read: a proxy's idea of where a request ends must be ours."""

import pytest

from support.raw import RawConnection, request

JSON = "Content-Type: application/json"
# Behind each bad request lies a good one; answering it would be the smuggling.
SMUGGLED = request("DELETE /v2/images/{id}")
POST = b"POST /v2/images HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

HEADS = {
    "length and chunked": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
    "two equal lengths": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "empty length": POST + b"Content-Length: \r\n\r\n{}",
    "length with a blank inside": POST + b"Content-Length: 2 2\r\n\r\n{}",
    "length beyond 63 bits": POST + b"Content-Length: 9223372036854775808\r\n\r\n{}",
    "length beyond 64 bits": POST + b"Content-Length: 18446744073709551618\r\n\r\n{}",
    "blank before the colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "blank before the colon of a coding": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded line": POST + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "folded with a tab": POST + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n",
    "folded first line": b"POST /v2/images HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n",
    "bare LF": b"POST /v2/images HTTP/1.1\nHost: a\n\n",
    "bare LF after a field": POST + b"X: 1\nContent-Length: 2\r\n\r\n{}",
    "bare CR": POST + b"X: 1\rContent-Length: 2\r\n\r\n{}",
    "NUL": POST + b"X: a\0b\r\n\r\n",
    "NUL in a name": POST + b"X\0: a\r\n\r\n",
    "control character": POST + b"X: a\x01b\r\n\r\n",
    "no colon": POST + b"nonsense\r\n\r\n",
    "empty name": POST + b": a\r\n\r\n",
    "name that is no token": POST + b"X(y): a\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /v2/images HTTP/1.0\r\nHost: a\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity and chunked": POST
    + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "quoted chunked": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "chunked with a parameter": POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "vertical tab chunked": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "no Host": b"GET /v2/images HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /v2/images HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "Host with a path": b"GET /v2/images HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "Host with a user": b"GET /v2/images HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "target with a user": b"GET http://a@b/v2/images HTTP/1.1\r\nHost: b\r\n\r\n",
    "target without a host": b"GET http:///v2/images HTTP/1.1\r\nHost: b\r\n\r\n",
    "no version": b"GET /v2/images\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /v2/images HTTP/0.9\r\nHost: a\r\n\r\n",
    "HTTP/1.10": b"GET /v2/images HTTP/1.10\r\nHost: a\r\n\r\n",
    "HTTP/1.2 without a Host": b"GET /v2/images HTTP/1.2\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.1 in small letters": b"GET /v2/images http/1.1\r\nHost: a\r\n\r\n",
    "two blanks": b"GET  /v2/images HTTP/1.1\r\nHost: a\r\n\r\n",
    "tab for a blank": b"GET\t/v2/images HTTP/1.1\r\nHost: a\r\n\r\n",
    "blank in the target": b"GET /v2/im ages HTTP/1.1\r\nHost: a\r\n\r\n",
    "relative target": b"GET v2/images HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
}

NOT_IMPLEMENTED = {
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "unknown, chunked": POST + b"Transfer-Encoding: cow, chunked\r\n\r\n0\r\n\r\n",
}

BODIES = {
    "no size": b"\r\n",
    "not hexadecimal": b"xyz\r\n",
    "negative": b"-2\r\n{}\r\n0\r\n\r\n",
    "signed": b"+2\r\n{}\r\n0\r\n\r\n",
    "prefixed": b"0x2\r\n{}\r\n0\r\n\r\n",
    "blank before": b" 2\r\n{}\r\n0\r\n\r\n",
    "blank behind": b"2 \r\n{}\r\n0\r\n\r\n",
    "underscore": b"0_2\r\n{}\r\n0\r\n\r\n",
    "beyond 64 bits": b"10000000000000002\r\n{}\r\n0\r\n\r\n",
    "beyond 64 bits with zeros": b"00000000000000002\r\n{}\r\n0\r\n\r\n",
    "beyond 63 bits": b"8000000000000000\r\n{}\r\n0\r\n\r\n",
    "all bits": b"ffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "bare LF behind the size": b"2\n{}\r\n0\r\n\r\n",
    "bare CR behind the size": b"2\r{}\r\n0\r\n\r\n",
    "bare LF behind the data": b"2\r\n{}\n0\r\n\r\n",
    "bare LF at the end": b"2\r\n{}\r\n0\n\n",
    "longer than its size": b"2\r\n{}  \r\n0\r\n\r\n",
    "shorter than its size": b"4\r\n{}\r\n0\r\n\r\nxx",
    "control character in an extension": b"2;a=\x01\r\n{}\r\n0\r\n\r\n",
    "empty extension": b"2;\r\n{}\r\n0\r\n\r\n",
    "extension without a name": b"2;=a\r\n{}\r\n0\r\n\r\n",
    "extension without a value": b"2;a=\r\n{}\r\n0\r\n\r\n",
    "open quotes in an extension": b'2;a="b\r\n{}\r\n0\r\n\r\n',
    "blank in an extension": b"2;a b\r\n{}\r\n0\r\n\r\n",
    "blank behind an extension": b"2;a \r\n{}\r\n0\r\n\r\n",
    "malformed extension of the last chunk": b"2\r\n{}\r\n0;\r\n\r\n",
    "bare LF in an extension": b"2;a=b\nc\r\n{}\r\n0\r\n\r\n",
    "folded trailer": b"2\r\n{}\r\n0\r\nX: a\r\n b\r\n\r\n",
    "trailer without a colon": b"2\r\n{}\r\n0\r\nnonsense\r\n\r\n",
    "blank in a trailer's name": b"2\r\n{}\r\n0\r\nX : a\r\n\r\n",
}


@pytest.fixture
def victim(rest):
    return rest.create(name="victim")["id"]


def assert_refused(rest, victim, data, *statuses):
    """One answer with such a status, then the end; the request behind it has no effect."""
    with RawConnection(rest) as connection:
        connection.send(data + SMUGGLED.replace(b"{id}", victim.encode()))
        response = connection.response()
        assert response.status in statuses
        assert response.headers["Connection"] == "close"
        assert connection.response() is None
    assert [image["id"] for image in rest.images()] == [victim]


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_an_ambiguous_head_is_400_and_the_end(rest, victim, head):
    assert_refused(rest, victim, head, 400)


@pytest.mark.parametrize("head", NOT_IMPLEMENTED.values(), ids=NOT_IMPLEMENTED.keys())
def test_an_unknown_transfer_coding_is_501_and_the_end(rest, victim, head):
    assert_refused(rest, victim, head, 501)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_malformed_chunk_is_400_and_the_end(rest, victim, body):
    assert_refused(rest, victim, CHUNKED + body, 400)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_an_upload_with_a_malformed_chunk_leaves_the_image_queued(rest, catalog_dir, body):
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    fields = ("Content-Type: application/octet-stream", "Transfer-Encoding: chunked")
    with RawConnection(rest) as connection:
        connection.send(request(f"PUT /v2/images/{image}/file", *fields, body=body + b"0\r\n\r\n"))
        assert connection.response().status == 400
        assert connection.is_closed()
    assert rest.image(image)["status"] == "queued"
    assert (catalog_dir.spools(), catalog_dir.data_files()) == ([], [])


GOOD_BODIES = {
    "plain": b"2\r\n{}\r\n0\r\n\r\n",
    "leading zeros": b"0000000000000002\r\n{}\r\n0000\r\n\r\n",
    "capital and small digits": b"A\r\n{        }\r\n0\r\n\r\n",
    "one byte a chunk": b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "extensions": b'2;a;b=c;d="e f"\r\n{}\r\n0;x\r\n\r\n',
    "blanks around an extension": b"2 ; a = b\r\n{}\r\n0\r\n\r\n",
    "quotes in an extension": b'2;a="\\";"\r\n{}\r\n0\r\n\r\n',
    "trailers": b"2\r\n{}\r\n0\r\nX: a\r\nY:\r\n\r\n",
    "a forbidden trailer, which is dropped": b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
}


@pytest.mark.parametrize("body", GOOD_BODIES.values(), ids=GOOD_BODIES.keys())
def test_a_sound_chunked_body_is_understood_whole_or_byte_by_byte(rest, body):
    with RawConnection(rest) as connection:
        connection.send(CHUNKED + body)
        assert connection.response().status == 201
        for byte in CHUNKED + body:
            connection.send(bytes([byte]))
        assert connection.response().status == 201
        connection.send(request("GET /versions"))
        assert connection.response().status == 200
    assert len(rest.images()) == 2


@pytest.mark.parametrize("version", ["HTTP/1.2", "HTTP/1.9"])
def test_a_later_minor_version_is_served_as_1_1(rest, version):
    """RFC 9110 § 2.5."""
    with RawConnection(rest) as connection:
        head = CHUNKED.replace(b"HTTP/1.1", version.encode())
        connection.send(head + b"2\r\n{}\r\n0\r\n\r\n" + request("GET /versions"))
        assert connection.response().status == 201
        assert connection.response().status == 200


def test_blank_lines_before_a_request_are_skipped(rest):
    with RawConnection(rest) as connection:
        connection.send(b"\r\n\r\n" + request("GET /versions"))
        assert connection.response().status == 200


def test_the_host_of_an_absolute_target_counts_more_than_the_header(rest):
    with RawConnection(rest) as connection:
        connection.send(request("GET http://inside.localhost:81/versions", host="outside"))
        versions = connection.response().json()["versions"]
    assert {link["href"] for version in versions for link in version["links"]} == {
        "http://inside.localhost:81/v2/"
    }


def test_requests_sent_ahead_are_answered_in_order(rest):
    with RawConnection(rest) as connection:
        names = [f"image{i}" for i in range(50)]
        bodies = [b'{"name": "%s"}' % name.encode() for name in names]
        connection.send(
            b"".join(
                request("POST /v2/images", JSON, f"Content-Length: {len(body)}", body=body)
                for body in bodies
            )
        )
        assert [connection.response().json()["name"] for _ in names] == names

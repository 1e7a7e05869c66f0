# SPDX-License-Identifier: Apache-2.0
"""JSON that is none, or that other parsers take in their own way. Nothing of it may be a 500."""

import json

import pytest

from support.rest import JSON_PATCH

DEEP = 100_000

MALFORMED = {
    "nothing": b"",
    "blank": b" \n\t",
    "half an object": b'{"name": "x"',
    "half a string": b'{"name": "x',
    "half an escape": b'{"name": "\\u12"}',
    "no value": b'{"name":}',
    "a trailing comma": b'{"name": "x",}',
    "two documents": b'{"name": "x"}{"name": "y"}',
    "trailing garbage": b'{"name": "x"} x',
    "single quotes": b"{'name': 'x'}",
    "a comment": b'{"name": /* x */ "x"}',
    "a bare word": b"{name: 1}",
    "NaN": b'{"min_ram": NaN}',
    "Infinity": b'{"min_ram": Infinity}',
    "-Infinity": b'{"min_ram": -Infinity}',
    "a hexadecimal number": b'{"min_ram": 0x10}',
    "a leading zero": b'{"min_ram": 01}',
    "a plus": b'{"min_ram": +1}',
    "a naked point": b'{"min_ram": 1.}',
    "a control character": b'{"name": "a\nb"}',
    "a lone high surrogate": b'{"name": "\\ud800"}',
    "a lone low surrogate": b'{"name": "\\udc00"}',
    "surrogates the wrong way": b'{"name": "\\udc00\\ud800"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "an overlong form": b'{"name": "\xc0\xaf"}',
    "half a character": b'{"name": "\xe2\x82"}',
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "deep lists": b"[" * DEEP,
    "deep and closed": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "a key twice": b'{"name": "a", "name": "b"}',
    "a key twice inside": b'{"name": "a", "x": {"y": 1, "y": 2}}',
    "a NUL": b'{"name": "a\\u0000b"}',
    "a NUL in a key": b'{"a\\u0000b": "x"}',
    "a raw NUL": b'{"name": "a\x00b"}',
    "a list": b"[]",
    "a number": b"3",
    "a string": b'"name"',
    "null": b"null",
    "a huge integer": b'{"min_ram": ' + b"9" * 5000 + b"}",
    "a huge exponent": b'{"min_ram": 1e999999}',
    "a tiny exponent": b'{"min_ram": 1e-999999, "min_disk": "x"}',
    "a huge negative": b'{"min_disk": -' + b"9" * 400 + b"}",
    "64 bits and one": b'{"min_ram": 18446744073709551616}',
    "a number for a text": b'{"name": 1e5}',
}


def assert_refused(response):
    assert 400 <= response.status < 500, response
    assert response.body.startswith(f"{response.status} ".encode())
    assert len(response.body) < 1000


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_it_makes_no_image(rest, body):
    assert_refused(rest.request("POST", "/v2/images", body))
    assert rest.images() == []


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_it_patches_nothing_and_shares_with_nobody(rest, body):
    image = rest.create(name="image")
    path = f"/v2/images/{image['id']}"
    patches = [body, b'[{"op": "add", "path": "/x", "value": ' + body + b"}]"]
    for patch in patches:
        response = rest.request("PATCH", path, patch, {"Content-Type": JSON_PATCH})
        if (patch, response.status) != (b"[]", 200) and b'"name"}' not in patch:
            assert_refused(response)
    member = rest.request("POST", f"{path}/members", body)
    assert_refused(member)
    assert rest.request("GET", f"{path}/members", expect=200).json()["members"] == []
    left = rest.image(image["id"])
    left.pop("x", None)  # a text is a property like any other
    assert left == image | {"updated_at": left["updated_at"]}


@pytest.mark.parametrize(
    "body, expected",
    [
        (b'\xef\xbb\xbf{"name": "x"}', {"name": "x"}),
        (b' { "name" : "x" } \r\n', {"name": "x"}),
        (b'{"name": "\\u00e9\\/\\"\\\\"}', {"name": 'é/"\\'}),
        (b'{"min_ram": 1.0}', {"min_ram": 1}),
        (b'{"min_ram": 1e2}', {"min_ram": 100}),
        (b'{"min_ram": -0}', {"min_ram": 0}),
        (b'{"min_ram": 10e-1}', {"min_ram": 1}),
        (json.dumps({f"p{i}": "x" * 1000 for i in range(128)}).encode(), {"p127": "x" * 1000}),
    ],
    ids=ascii,
)
def test_what_is_json_is_taken(rest, body, expected):
    image = rest.request("POST", "/v2/images", body, expect=201).json()
    assert {key: image[key] for key in expected} == expected


@pytest.mark.parametrize("body", [b'{"name": "\xf0\x9f\x98\x80"}', b'{"name": "\\ud83d\\ude00"}'])
def test_characters_beyond_the_bmp_are_400(rest, body):
    assert_refused(rest.request("POST", "/v2/images", body))


def test_64_levels_are_read_and_no_more(rest):
    def nested(levels):
        return b'{"x": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    text = rest.request("POST", "/v2/images", nested(64), expect=400).body
    assert b"is not of type 'string'" in text
    text = rest.request("POST", "/v2/images", nested(66), expect=400).body
    assert b"nested too deep" in text


def test_a_million_small_things_are_refused_quickly(rest):
    many = b"[" + b",".join([b"{}"] * 300_000) + b"]"
    image = rest.create()
    path = f"/v2/images/{image['id']}"
    assert_refused(rest.request("PATCH", path, many, {"Content-Type": JSON_PATCH}))
    keys = b"{" + b",".join(b'"%d":""' % i for i in range(90_000)) + b"}"
    assert rest.request("POST", "/v2/images", keys).status == 413


def test_targets_of_all_kinds_are_answered(rest):
    for target in (
        "/v2/images?" + "&".join(["x"] * 2000),
        "/v2/images?" + "&".join(f"p{i}=" for i in range(2000)),
        "/v2/images?name=in:" + "," * 5000,
        "/v2/images?name=in:" + '"a",' * 2000,
        "/v2/images?sort=" + "name:asc," * 500 + "id",
        "/v2/images?" + "sort_key=name&" * 500,
        "/v2/images?limit=" + "9" * 5000,
        "/v2/images?size_min=-" + "9" * 5000,
        "/v2/images?created_at=gt:" + "9" * 5000,
        "/v2/images?marker=" + "a" * 5000,
        "/v2/images/" + "a" * 5000,
        "/v2/images/" + "%2F" * 2000,
        "/v2/images?tag=%00",
        "/v2/images?tag=%ff",
        "/v2/images?name=%F0%9F%98%80",
        "/v2/images?%5B%5D=%7B%7D",
        "/v2/images?=&&=x&x",
    ):
        assert rest.request("GET", target).status < 500, target[:60]

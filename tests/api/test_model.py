# SPDX-License-Identifier: Apache-2.0
"""Images and PATCH documents of all kinds, against the small model of support/image_model.py."""

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import image_model
from support.bridge import BridgeSet
from support.image_model import DEFAULTS, Refused
from support.rest import JSON_PATCH

# The same examples every time, so that a failure is the change's; HYPOTHESIS_SEED explores others.
EXAMPLES = settings(
    max_examples=200,
    deadline=None,
    database=None,
    derandomize="HYPOTHESIS_SEED" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Characters that have some meaning somewhere, and all others.
TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from("abc/~01 %\"'\\,:{}[]<>&;é✓\U0001f600\u0000\n\u007f\u2028"),
        st.characters(blacklist_categories=["Cs"]),
    ),
    max_size=12,
)
LONG_TEXT = st.sampled_from(["x" * 255, "x" * 256, "é" * 255, "é" * 256])
NUMBER = st.one_of(
    st.integers(-2, 3),
    st.sampled_from([2**31 - 1, 2**31, 2**53, 2**63, -(2**63), 10**30, 1.0, 0.5, 1e300, -0.0]),
)
SCALAR = st.one_of(st.none(), st.booleans(), NUMBER, TEXT, LONG_TEXT)
ANYTHING = st.one_of(
    SCALAR,
    st.lists(TEXT, max_size=4),
    st.lists(SCALAR, max_size=3),
    st.dictionaries(TEXT, SCALAR, max_size=2),
)
SENSIBLE = {
    "name": st.one_of(st.none(), TEXT, LONG_TEXT),
    "owner": st.one_of(st.none(), TEXT, LONG_TEXT),
    "visibility": st.sampled_from(["public", "private", "shared", "community", "secret", ""]),
    "protected": st.booleans(),
    "os_hidden": st.booleans(),
    "disk_format": st.sampled_from([None, "raw", "qcow2", "floppy"]),
    "container_format": st.sampled_from([None, "bare", "ova", "box"]),
    "min_disk": NUMBER,
    "min_ram": NUMBER,
    "tags": st.lists(TEXT, max_size=5),
}
PROPERTY = st.one_of(
    st.sampled_from(["os_distro", "a", "b", "", "a/b", "a~b", "os_glance_x", "locations"]),
    TEXT,
    LONG_TEXT,
)
OTHERS = st.sampled_from(sorted(image_model.READ_ONLY | image_model.RESERVED))
NAME = st.one_of(st.sampled_from(sorted(DEFAULTS)), PROPERTY, PROPERTY, OTHERS)


def value_of(name):
    return st.one_of(SENSIBLE.get(name, TEXT), SENSIBLE.get(name, TEXT), ANYTHING)


@st.composite
def bodies(draw):
    # The id is another matter, and these two are ignored.
    special = ("id", "os_hash_algo", "os_hash_value")
    names = draw(st.lists(NAME.filter(lambda name: name not in special), max_size=6))
    return {name: draw(value_of(name)) for name in names}


@st.composite
def good_bodies(draw):
    names = draw(st.lists(st.sampled_from(sorted(DEFAULTS)), unique=True))
    body = {name: draw(SENSIBLE[name]) for name in names}
    return body | draw(st.dictionaries(PROPERTY, TEXT, max_size=3))


def pointer(name):
    return "/" + name.replace("~", "~0").replace("/", "~1")


@st.composite
def operations(draw):
    if draw(st.integers(0, 9)) == 0:  # something odd
        operation = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "op": st.sampled_from(["add", "remove", "replace", "test", "", None, 3]),
                    "path": st.one_of(
                        TEXT.map(lambda text: "/" + text),
                        TEXT,
                        st.sampled_from(["/", "//", "/a/b", "/tags/-", "/a~", "/a~2", 3, None]),
                    ),
                    "value": ANYTHING,
                },
            )
        )
        return operation
    name = draw(NAME)
    verb = draw(st.sampled_from(["add", "replace", "remove"]))
    operation = {"op": verb, "path": pointer(name)}
    return operation if verb == "remove" else operation | {"value": draw(value_of(name))}


@pytest.fixture(scope="module")
def rest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    with BridgeSet(folder) as bridges:
        yield bridges.start(folder / "catalog").rest


def settable(image):
    """What the model knows of an image that the server has answered."""
    known = {
        name: value
        for name, value in image.items()
        if name in DEFAULTS or name not in image_model.READ_ONLY
    }
    return known | {"tags": sorted(known["tags"])}


def outcome(action):
    """(status, image) as the model has it."""
    try:
        return None, action()
    except Refused as refusal:
        return refusal.status, None


def assert_shaped(response):
    """An error as Glance's clients read it."""
    assert 400 <= response.status < 500
    assert response.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert response.body.startswith(f"{response.status} ".encode())


@EXAMPLES
@given(body=bodies())
def test_an_image_is_what_was_sent_or_an_error(rest, body):
    refusal, expected = outcome(lambda: image_model.created(body))
    response = rest.request("POST", "/v2/images", body)
    if refusal is not None:
        assert_shaped(response)
        assert response.status in (400, 403, 413)  # of several faults each one's turn may come
        return
    assert response.status == 201, response
    image = response.json()
    assert settable(image) == expected
    assert rest.image(image["id"]) == image


@EXAMPLES
@given(body=good_bodies())
def test_one_fault_has_its_own_status(rest, body):
    refusal, expected = outcome(lambda: image_model.created(body))
    faults = {
        outcome(lambda part=part: image_model.created(dict([part])))[0] for part in body.items()
    }
    response = rest.request("POST", "/v2/images", body)
    if refusal is None:
        assert settable(response.json()) == expected
    else:
        assert response.status in faults - {None}, response


@EXAMPLES
@given(start=good_bodies(), patch=st.lists(operations(), max_size=5))
def test_a_patch_does_what_the_model_does_or_nothing(rest, start, patch):
    try:
        model = image_model.created(start)
    except Refused:
        return
    before = rest.create(**start)
    path = f"/v2/images/{before['id']}"
    body = json.dumps(patch).encode()
    response = rest.request("PATCH", path, body, {"Content-Type": JSON_PATCH})
    refusal, expected = outcome(lambda: image_model.patched(model, patch))
    after = rest.image(before["id"])
    if refusal is not None:
        assert_shaped(response)
        assert response.status == refusal, (patch, response)
        assert after == before
        return
    assert response.status == 200, (patch, response)
    assert response.json() == after
    assert settable(after) == expected
    assert {name: after[name] for name in ("id", "status", "created_at", "size")} == {
        name: before[name] for name in ("id", "status", "created_at", "size")
    }


@EXAMPLES
@given(body=good_bodies())
def test_what_was_created_is_found_by_what_it_is(rest, body):
    try:
        image_model.created(body)
    except Refused:
        return
    image = rest.create(**body)
    wanted = {"id": image["id"], "visibility": "all"}
    wanted["os_hidden"] = json.dumps(image["os_hidden"])
    if image["name"] is not None:
        escaped = image["name"].replace("\\", "\\\\").replace('"', '\\"')
        wanted["name"] = f'in:"{escaped}"'
    if image["tags"]:
        wanted["tag"] = [tag for tag in image["tags"] if tag == tag.strip(" \t")]
    assert [found["id"] for found in rest.images(**wanted)] == [image["id"]]

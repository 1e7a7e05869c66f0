# SPDX-License-Identifier: Apache-2.0
"""Entity tags, conditions, ranges and names of downloads; HEAD."""

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.processes import wait_until
from support.raw import RawConnection, request
from support.rest import JSON_PATCH, OCTETS

DATA = random.Random(3).randbytes(1000)
TAG = f'"{hashlib.md5(DATA).hexdigest()}"'


@pytest.fixture
def active(rest):
    return rest.create_raw("noble.img", DATA)["id"]


@pytest.fixture
def show(rest, active):
    def request(method="GET", **headers):
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return rest.request(method, f"/v2/images/{active}", None, named)

    return request


def test_a_download_has_a_strong_tag_from_the_checksum(rest, active):
    response = rest.get_data(active, expect=200)
    assert response.headers["ETag"] == TAG
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Disposition"] == 'attachment; filename="noble.img"'


@pytest.mark.parametrize("value", [TAG, f"W/{TAG}", f'"other", {TAG}', "*"])
def test_if_none_match_spares_the_data(rest, active, value):
    response = rest.get_data(active, {"If-None-Match": value}, expect=304)
    assert response.body == b""
    assert response.headers["ETag"] == TAG
    assert "Content-Length" not in response.headers
    assert "Content-MD5" not in response.headers


@pytest.mark.parametrize("value", ['"other"', TAG.strip('"'), f'W/"{TAG}"', ""])
def test_if_none_match_of_another_tag_gives_the_data(rest, active, value):
    assert rest.get_data(active, {"If-None-Match": value}, expect=200).body == DATA


def test_if_match(rest, active):
    assert rest.get_data(active, {"If-Match": TAG}, expect=200).body == DATA
    assert rest.get_data(active, {"If-Match": "*"}, expect=200).body == DATA
    rest.get_data(active, {"If-Match": '"other"'}, expect=412)
    rest.get_data(active, {"If-Match": f"W/{TAG}"}, expect=412)


@pytest.mark.parametrize("condition, whole", [(TAG, False), ('"other"', True), (f"W/{TAG}", True)])
def test_if_range_gives_the_range_of_that_state_only(rest, active, condition, whole):
    response = rest.get_data(active, {"Range": "bytes=10-19", "If-Range": condition})
    assert response.status == (200 if whole else 206)
    assert response.body == (DATA if whole else DATA[10:20])
    assert response.headers["ETag"] == TAG
    assert response.headers["Content-MD5"] == TAG.strip('"')


def test_if_range_with_a_date_gives_all(rest, active):
    headers = {"Range": "bytes=10-19", "If-Range": "Sun, 06 Nov 1994 08:49:37 GMT"}
    assert rest.get_data(active, headers, expect=200).body == DATA


@pytest.mark.parametrize(
    "value", ["bytes=1000-", "bytes=18446744073709551615-", "bytes=5-2", "lines=1-2", "bytes=x-y"]
)
def test_a_range_that_is_not_there_is_416_with_the_size(rest, active, value):
    response = rest.get_data(active, {"Range": value}, expect=416)
    assert response.headers["Content-Range"] == "bytes */1000"


@pytest.mark.parametrize(
    "value, part",
    [
        ("bytes=0-18446744073709551615", slice(0, None)),
        ("bytes=999-99999999999999999999999", slice(999, None)),
        ("bytes=-18446744073709551616", slice(0, None)),
        ("bytes=-1", slice(999, None)),
    ],
)
def test_a_range_beyond_64_bits_is_cut_to_the_image(rest, active, value, part):
    assert rest.get_data(active, {"Range": value}, expect=206).body == DATA[part]


def test_several_ranges_are_400_as_in_glance(rest, active):
    rest.get_data(active, {"Range": "bytes=0-1,5-6"}, expect=400)


def test_head_of_a_file_is_get_without_the_data(rest, active):
    path = f"/v2/images/{active}/file"
    get = rest.get_data(active, expect=200).headers
    head = rest.request("HEAD", path, expect=200)
    assert head.body == b""
    ignored = {"Date", "X-Openstack-Request-Id"}
    assert {key: head.headers[key] for key in head.headers if key not in ignored} == {
        key: get[key] for key in get if key not in ignored
    }
    assert rest.request("HEAD", path, None, {"Range": "bytes=0-1"}).status == 200
    assert rest.request("HEAD", path, None, {"If-None-Match": TAG}).status == 304
    queued = rest.create()["id"]
    assert rest.request("HEAD", f"/v2/images/{queued}/file").status == 204
    assert rest.request("HEAD", "/v2/images/nope/file").status == 404


def test_the_image_itself_has_a_tag_that_changes_with_it(rest, active, show):
    first = show()
    tag = first.headers["ETag"]
    assert show(If_None_Match=tag).status == 304
    assert show(If_None_Match=f'"x", {tag}').body == b""
    rest.replace(active, "os_distro", "debian")
    changed = show(If_None_Match=tag)
    assert changed.status == 200
    assert changed.json()["os_distro"] == "debian"
    assert changed.headers["ETag"] != tag
    assert changed.headers["ETag"] != TAG


def test_head_of_an_image_is_get_without_the_body(show):
    get, head = show(), show("HEAD")
    assert (head.status, head.body) == (200, b"")
    for name in ("ETag", "Content-Length", "Content-Type"):
        assert head.headers[name] == get.headers[name]
    assert show("HEAD", If_None_Match=get.headers["ETag"]).status == 304


@pytest.mark.parametrize(
    "name, expected",
    [
        ("two words.img", 'filename="two words.img"'),
        ("größe", "filename=\"gr__e\"; filename*=UTF-8''gr%C3%B6%C3%9Fe"),
        ('q"u\\o', "filename=\"q_u_o\"; filename*=UTF-8''q%22u_o"),
        ("../etc/passwd", 'filename=".._etc_passwd"'),
        ("a\r\nSet-Cookie: b", 'filename="a__Set-Cookie: b"'),
        ("‮gmi.exe", "filename=\"_gmi.exe\"; filename*=UTF-8''%E2%80%AEgmi.exe"),
        ("", 'filename="{id}"'),
        (None, 'filename="{id}"'),
    ],
)
def test_a_download_is_offered_under_the_images_name(rest, name, expected):
    image = rest.create_raw(name, b"x")["id"]
    disposition = rest.get_data(image, expect=200).headers["Content-Disposition"]
    assert disposition == "attachment; " + expected.replace("{id}", image)


def test_an_image_without_a_checksum_has_no_tag(rest, active, catalog_dir, bridge):
    with catalog_dir.write() as database:
        database.execute("UPDATE images SET checksum = NULL WHERE id = ?", (active,))
    response = rest.get_data(active, {"If-None-Match": TAG}, expect=200)
    assert "ETag" not in response.headers
    assert response.body == DATA


# ── conditions of changes ────────────────────────────────────────────────────────────────────────

NAMES_THE_DATA = [TAG, "*", f'"other", {TAG}', f"W/{TAG}, {TAG}"]
NAMES_OTHERS = ['"other"', f"W/{TAG}", f'W/"other", W/{TAG}', TAG.strip('"'), '"*"', ""]


def set_property(rest, image, value, condition):
    operation = {"op": "add", "path": "/os_distro", "value": value}
    headers = {"Content-Type": JSON_PATCH, "If-Match": condition}
    return rest.request("PATCH", f"/v2/images/{image}", [operation], headers)


def delete(rest, image, condition):
    return rest.request("DELETE", f"/v2/images/{image}", None, {"If-Match": condition})


@pytest.mark.parametrize("condition", NAMES_THE_DATA)
def test_an_image_is_changed_and_deleted_if_the_tag_of_its_data_fits(rest, active, condition):
    assert set_property(rest, active, "debian", condition).status == 200
    assert rest.image(active)["os_distro"] == "debian"
    assert delete(rest, active, condition).status == 204
    rest.request("GET", f"/v2/images/{active}", expect=404)


@pytest.mark.parametrize("condition", NAMES_OTHERS)
def test_if_match_of_another_tag_changes_and_deletes_nothing(rest, active, condition):
    before = rest.image(active)
    assert set_property(rest, active, "debian", condition).status == 412
    assert delete(rest, active, condition).status == 412
    assert rest.image(active) == before
    assert rest.download(active) == DATA


def test_if_match_of_the_image_refuses_what_was_meant_for_an_older_state(rest, active, show):
    old = show().headers["ETag"]
    assert set_property(rest, active, "debian", old).status == 200
    assert set_property(rest, active, "fedora", old).status == 412
    assert delete(rest, active, old).status == 412
    assert rest.image(active)["os_distro"] == "debian"
    assert delete(rest, active, show().headers["ETag"]).status == 204


def test_of_changes_meant_for_the_same_state_one_is_made(rest, active, show):
    tag = show().headers["ETag"]
    values = [f"value {number}" for number in range(8)]
    with ThreadPoolExecutor(len(values)) as pool:
        answers = list(pool.map(lambda value: set_property(rest, active, value, tag), values))
    assert sorted(answer.status for answer in answers) == [200] + [412] * (len(values) - 1)
    made = next(answer for answer in answers if answer.status == 200)
    assert rest.image(active)["os_distro"] == made.json()["os_distro"]


def test_without_data_only_the_star_and_the_images_own_tag_match(rest):
    image = rest.create()["id"]
    assert set_property(rest, image, "debian", TAG).status == 412
    assert delete(rest, image, TAG).status == 412
    assert set_property(rest, image, "debian", "*").status == 200
    tag = rest.request("GET", f"/v2/images/{image}").headers["ETag"]
    assert set_property(rest, image, "fedora", tag).status == 200
    assert delete(rest, image, "*").status == 204


def test_a_condition_is_not_looked_at_where_the_change_is_refused_anyway(rest, active):
    rest.replace(active, "protected", True)
    assert delete(rest, active, '"other"').status == 403
    rest.replace(active, "protected", False)
    rest.delete(active)
    assert delete(rest, active, "*").status == 404
    assert set_property(rest, active, "debian", "*").status == 404


@pytest.mark.parametrize("place", ["file", "stage"])
def test_if_match_of_an_upload_is_looked_at_before_the_data_come(rest, place):
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    fields = [f"{name}: {value}" for name, value in OCTETS.items()]
    with RawConnection(rest) as connection:
        head = request(f"PUT /v2/images/{image}/{place}", f"If-Match: {TAG}", "Content-Length: 9",
                       *fields)
        connection.send(head)
        assert connection.response().status == 412
    assert rest.image(image)["status"] == "queued"
    path = f"/v2/images/{image}/{place}"
    rest.request("PUT", path, DATA, OCTETS | {"If-Match": "*"}, expect=204)


def test_if_match_of_an_upload_to_an_image_with_data(rest, active):
    rest.put_data(active, b"x", {"If-Match": '"other"'}, expect=412)
    rest.put_data(active, b"x", {"If-Match": TAG}, expect=409)
    assert rest.download(active) == DATA


def test_an_unmet_condition_is_counted_as_one(rest, active):
    assert delete(rest, active, '"other"').status == 412
    rest.get_data(active, {"If-Match": '"other"'}, expect=412)
    counted = 'glance_api_errors_total{kind="unmet"} 2\n'
    wait_until(lambda: counted in rest.request("GET", "/metrics").body.decode(), 5, "the count")

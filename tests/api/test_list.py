# SPDX-License-Identifier: Apache-2.0
"""GET /v2/images: pages, order, filters, links."""

import time

import pytest

from support.configs import ConfiguredCatalog


@pytest.fixture
def five(rest):
    """Five images; the ids in the order of their creation."""
    return [
        rest.create(name=name, tags=["t", name], min_disk=i, os_hidden=False)["id"]
        for i, name in enumerate(["delta", "alpha", "echo", "bravo", "charlie"])
    ]


def ids(page):
    return [image["id"] for image in page["images"]]


def names(page):
    return [image["name"] for image in page["images"]]


def test_an_empty_catalog_is_an_empty_list(rest):
    assert rest.list_page() == {
        "images": [],
        "first": "/v2/images",
        "schema": "/v2/schemas/images",
    }


def test_the_newest_come_first(rest, five):
    page = rest.list_page()
    assert ids(page) == five[::-1]
    assert "next" not in page


def test_a_listed_image_equals_the_shown_one(rest, five):
    assert rest.list_page()["images"][0] == rest.image(five[4])


def test_pages_follow_each_other_through_next(rest, five):
    first = rest.list_page(limit=2)
    assert ids(first) == [five[4], five[3]]
    assert first["first"] == "/v2/images?limit=2"
    assert first["next"] == f"/v2/images?limit=2&marker={five[3]}"
    second = rest.list_page(first["next"])
    assert ids(second) == [five[2], five[1]]
    assert second["first"] == "/v2/images?limit=2"
    third = rest.list_page(second["next"])
    assert ids(third) == [five[0]]
    assert "next" not in third


def test_every_image_is_listed_once_over_pages_of_any_size(rest, five):
    for limit in (1, 2, 3, 5, 6):
        assert [image["id"] for image in rest.images(limit=limit)] == five[::-1]


def test_the_default_page_holds_25(rest):
    for i in range(27):
        rest.create(name=f"image{i}")
    page = rest.list_page()
    assert len(page["images"]) == 25
    assert len(rest.list_page(page["next"])["images"]) == 2


def test_limit_0_is_an_empty_list_without_next(rest, five):
    page = rest.list_page(limit=0)
    assert page["images"] == []
    assert "next" not in page


@pytest.mark.parametrize("limit", ["-1", "x", "1.5", ""])
def test_a_bad_limit_is_400(rest, limit):
    assert rest.request("GET", f"/v2/images?limit={limit}").status == 400


def test_an_unknown_marker_is_400(rest, five):
    unknown = "00000000-0000-4000-8000-000000000000"
    for marker in (unknown, "nope"):
        response = rest.request("GET", f"/v2/images?marker={marker}", expect=400)
        assert f"No image found with ID {marker}" in response.body.decode()


@pytest.mark.parametrize(
    "query, order",
    [
        ({"sort_key": "name", "sort_dir": "asc"}, "alpha bravo charlie delta echo"),
        ({"sort_key": "name", "sort_dir": "desc"}, "echo delta charlie bravo alpha"),
        ({"sort_key": "name"}, "echo delta charlie bravo alpha"),
        ({"sort": "name:asc"}, "alpha bravo charlie delta echo"),
        ({"sort": "name"}, "echo delta charlie bravo alpha"),
        ({"sort": "status:asc,name:asc"}, "alpha bravo charlie delta echo"),
        ({"sort": "status,name:asc"}, "alpha bravo charlie delta echo"),
        ({"sort": "disk_format:asc"}, "delta alpha echo bravo charlie"),
        ({"sort": "disk_format"}, "charlie bravo echo alpha delta"),
        ({"sort": "size:asc,name:desc"}, "echo delta charlie bravo alpha"),
        ({"sort_key": "created_at", "sort_dir": "asc"}, "delta alpha echo bravo charlie"),
        (
            {"sort_key": ["status", "name"], "sort_dir": ["asc", "asc"]},
            "alpha bravo charlie delta echo",
        ),
    ],
    ids=str,
)
def test_the_order_can_be_asked_for(rest, five, query, order):
    assert names(rest.list_page(**query)) == order.split()
    assert [image["name"] for image in rest.images(limit=2, **query)] == order.split()


@pytest.mark.parametrize(
    "query",
    [
        "sort_key=min_ram",
        "sort_key=name&sort_dir=up",
        "sort=tags",
        "sort=name:up",
        "sort=name:asc&sort_key=name",
        "sort_key=name&sort_key=status&sort_key=id&sort_dir=asc&sort_dir=asc",
        "changes-since=2020-01-01",
        "visibility=secret",
        "os_hidden=maybe",
        "protected=TRUE",
        "size_min=x",
        "name=neq:alpha",
    ],
)
def test_a_bad_parameter_is_400(rest, query):
    assert rest.request("GET", f"/v2/images?{query}").status == 400


def test_images_are_found_by_name(rest, five):
    assert ids(rest.list_page(name="echo")) == [five[2]]
    assert ids(rest.list_page(name="ech")) == []
    assert ids(rest.list_page(name="eq:echo")) == [five[2]]
    same = rest.create(name="echo")["id"]
    assert ids(rest.list_page(name="echo")) == [same, five[2]]


def test_names_with_special_characters_are_found(rest):
    for name in ("with space", "a&b=c", "100%", "ünï", "a+b"):
        image_id = rest.create(name=name)["id"]
        assert ids(rest.list_page(name=name)) == [image_id]


def test_images_are_found_by_status_and_format(rest, five):
    active = rest.create_raw("active", b"data")["id"]
    assert ids(rest.list_page(status="active")) == [active]
    assert ids(rest.list_page(disk_format="raw")) == [active]
    assert ids(rest.list_page(status="queued")) == five[::-1]
    assert ids(rest.list_page(status="no_such_status")) == []


def test_all_tags_must_be_there(rest, five):
    assert ids(rest.list_page(tag="t")) == five[::-1]
    assert ids(rest.list_page(tag="bravo")) == [five[3]]
    assert ids(rest.list_page(tag=["t", "bravo"])) == [five[3]]
    assert ids(rest.list_page(tag=["alpha", "bravo"])) == []
    page = rest.list_page(tag=["t", "bravo"], limit=1)
    assert page["first"] == "/v2/images?tag=t&tag=bravo&limit=1"


def test_hidden_images_are_listed_only_when_asked_for(rest, five):
    hidden = rest.create(name="hidden", os_hidden=True)["id"]
    assert ids(rest.list_page()) == five[::-1]
    assert ids(rest.list_page(os_hidden="true")) == [hidden]
    assert ids(rest.list_page(os_hidden="True")) == [hidden]
    assert ids(rest.list_page(os_hidden="false")) == five[::-1]


@pytest.fixture
def varied(rest):
    """Images that differ in everything that a list can filter by; name → id."""
    made = {
        "small": rest.create_raw("small", b"1", min_ram=64, os_distro="debian"),
        "large": rest.create_raw("large", b"12345", min_disk=3, os_distro="debian", os_type="x"),
        "a,b": rest.create(name="a,b", protected=True, visibility="private"),
        "eq:c": rest.create(name="eq:c", visibility="public", disk_format="iso"),
        "": rest.create(name="", visibility="community", owner="p2", os_distro=""),
    }
    return {name: image["id"] for name, image in made.items()}


@pytest.mark.parametrize(
    "query, found",
    [
        ("name=small", ["small"]),
        ("name=eq:small", ["small"]),
        ("name=in:small,large", ["large", "small"]),
        ('name=in:"a,b",small', ["a,b", "small"]),
        ("name=eq:eq:c", ["eq:c"]),
        ('name=in:"eq:c"', ["eq:c"]),
        ("name=in:", []),
        ("name=&visibility=all", [""]),
        ("name=Small", []),
        ("status=in:active,queued", ["eq:c", "a,b", "large", "small"]),
        ("status=nonsense", []),
        ("disk_format=in:iso,qcow2", ["eq:c"]),
        ("container_format=bare", ["large", "small"]),
        ("size=5", ["large"]),
        ("size=five", []),
        ("size_min=2", ["large"]),
        ("size_max=2", ["small"]),
        ("size_min=1&size_max=5", ["large", "small"]),
        ("size_min=99999999999999999999", []),
        ("min_ram=64", ["small"]),
        ("min_ram_min=1", ["small"]),
        ("min_disk_max=2&status=active", ["small"]),
        ("virtual_size_min=2", ["large"]),
        ("protected=true", ["a,b"]),
        ("protected=false", ["eq:c", "large", "small"]),
        ("visibility=private", ["a,b"]),
        ("visibility=public", ["eq:c"]),
        ("visibility=shared", ["large", "small"]),
        ("visibility=community", [""]),
        ("visibility=all", ["", "eq:c", "a,b", "large", "small"]),
        ("visibility=", []),
        ("owner=p2&visibility=all", [""]),
        ("owner=p3", []),
        ("os_distro=debian", ["large", "small"]),
        ("os_distro=debian&os_type=x", ["large"]),
        ("os_distro=ubuntu", []),
        ("os_distro=&visibility=all", [""]),
        ("no_such_property=x", []),
        ("os_hash_algo=sha512", ["large", "small"]),
        ("checksum=827ccb0eea8a706c4c34a16891f84e7b", ["large"]),
        ("checksum=in:827ccb0eea8a706c4c34a16891f84e7b", []),
        ("created_at=gt:2020-01-01", ["eq:c", "a,b", "large", "small"]),
        ("created_at=lt:2020-01-01T00:00:00Z", []),
        ("updated_at=gte:2020-01-01T00:00:00%2B01:00", ["eq:c", "a,b", "large", "small"]),
        ("updated_at=lte:2020", []),
        ("created_at=neq:2020-01-01T00:00:00Z", ["eq:c", "a,b", "large", "small"]),
        ("created_at=2020-01-01T00:00:00Z", []),
        ("member_status=all", ["eq:c", "a,b", "large", "small"]),
        ("is_public=true", []),
        ("deleted=true", ["eq:c", "a,b", "large", "small"]),
        ("name=small&name=large", ["large"]),
    ],
)
def test_every_filter(rest, varied, query, found):
    page = rest.list_page(f"/v2/images?{query}")
    assert names(page) == found
    assert ids(page) == [varied[name] for name in found]


def test_time_filters_compare_with_microseconds(rest, varied, catalog_dir):
    created = catalog_dir.image_row(varied["large"])["created_at"].replace(" ", "T")
    later = ["eq:c", "a,b"]
    assert names(rest.list_page(created_at=f"gt:{created}Z")) == later
    assert names(rest.list_page(created_at=f"gte:{created}Z")) == [*later, "large"]
    assert names(rest.list_page(created_at=f"eq:{created}Z")) == ["large"]
    assert names(rest.list_page(created_at=f"{created}Z")) == ["large"]
    assert names(rest.list_page(created_at=f"lt:{created}Z")) == ["small"]


@pytest.mark.parametrize(
    "query",
    [
        "name=neq:small",
        "name=foo:bar",
        "status=gt:active",
        'name=in:"a',
        'name=in:a"b"',
        'name=in:"a"b',
        "created_at=yesterday",
        "created_at=foo:2020-01-01",
        "updated_at=gt:",
        "size_min=x",
        "size_max=",
        "foo_min=1",
        "name_max=1",
        "protected=True",
        "protected=",
        "os_hidden=",
        "member_status=maybe",
        "member_status=",
        "visibility=Public",
        "locations=x",
        "properties=x",
        "changes-since=",
        "&".join(f"p{i}=x" for i in range(65)),
    ],
)
def test_a_bad_filter_is_400(rest, varied, query):
    assert rest.request("GET", f"/v2/images?{query}").status == 400


def test_links_keep_repeated_parameters(rest, varied):
    page = rest.list_page("/v2/images?sort_key=status&sort_key=name&sort_dir=asc&limit=1&tag=")
    assert page["first"] == "/v2/images?sort_key=status&sort_key=name&sort_dir=asc&limit=1&tag="
    page = rest.list_page('/v2/images?limit=1&name=in:"a,b",small')
    assert page["next"] == (
        f"/v2/images?limit=1&name=in%3A%22a%2Cb%22%2Csmall&marker={varied['a,b']}"
    )
    assert names(rest.list_page(page["next"])) == ["small"]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize(
    "key",
    ["name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at"],
)
def test_pages_are_whole_in_every_order(rest, varied, key, direction):
    query = {"visibility": "all", "sort_key": key, "sort_dir": direction}
    whole = [image["id"] for image in rest.images(**query)]
    assert sorted(whole) == sorted(varied.values())
    for limit in (1, 2, 3):
        assert [image["id"] for image in rest.images(limit=limit, **query)] == whole
    backwards = {"asc": "desc", "desc": "asc"}[direction]
    other = [image["id"] for image in rest.images(**query | {"sort_dir": backwards})]
    assert other == whole[::-1]


def test_filters_and_pages_work_together(rest):
    images = [rest.create(name="same", tags=["x"])["id"] for _ in range(5)]
    rest.create(name="other", tags=["x"])
    page = rest.list_page(name="same", limit=3)
    assert ids(page) == images[:1:-1]
    assert page["next"] == f"/v2/images?name=same&limit=3&marker={images[2]}"
    assert ids(rest.list_page(page["next"])) == [images[1], images[0]]


def test_deleted_images_are_not_listed(rest, five):
    rest.delete(five[2])
    assert ids(rest.list_page()) == [five[4], five[3], five[1], five[0]]


# ── lists whose images go away meanwhile ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [{}, {"sort": "name:asc"}, {"sort": "size:desc,name"}, {"sort_key": "id"}, {"tag": "t"}],
)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_who_deletes_what_he_reads_reads_all(rest, five, query, limit):
    expected = ids(rest.list_page(**query))
    read = []
    page = rest.list_page(limit=limit, **query)
    while page["images"]:
        read += ids(page)
        for image_id in ids(page):
            rest.delete(image_id)
        if "next" not in page:
            break
        page = rest.list_page(page["next"])
    assert read == expected
    assert rest.list_page()["images"] == []


def test_a_deleted_marker_keeps_its_place(rest, five):
    page = rest.list_page(limit=2)
    rest.delete(five[3])
    assert ids(rest.list_page(page["next"])) == [five[2], five[1]]
    assert ids(rest.list_page(marker=five[3])) == [five[2], five[1], five[0]]


@pytest.mark.parametrize("key", ["status", "updated_at"])
def test_a_deleted_marker_has_lost_its_place_in_what_deletion_changes(rest, five, key):
    page = rest.list_page(limit=2, sort_key=key)
    rest.delete(ids(page)[-1])
    answer = rest.request("GET", page["next"], expect=400)
    assert "its place in an order by status or updated_at" in answer.body.decode()


# ── lists of values ──────────────────────────────────────────────────────────────────────────────


def best_time(rest, path):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        rest.request("GET", path, expect=200)
        times.append(time.perf_counter() - start)
    return min(times)


def test_a_list_of_values_costs_as_much_as_it_is_long(bridges, tmp_path):
    catalog = ConfiguredCatalog(
        tmp_path / "catalog", sections=["[glancefs]", "max_header_size = 1000000", "max_uri_size = 1000000"]
    )
    rest = bridges.start(catalog).rest
    rest.create(name="wanted")

    def path(count):
        return "/v2/images?name=in:wanted," + ",".join(f"n{i:05}" for i in range(count))

    assert names(rest.list_page(path(20_000))) == ["wanted"]
    short, long = (best_time(rest, path(count)) for count in (4_000, 20_000))
    assert long < 10 * short, (short, long)  # quadratic: 25 times

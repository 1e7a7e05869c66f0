# SPDX-License-Identifier: Apache-2.0
"""A page costs the same in a large catalog as in a small one."""

import http.client
import statistics
import time
from contextlib import closing

import pytest

from support.big_catalog import fill
from support.catalogs import CatalogDir
from support.processes import SLOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 15
SORT_KEYS = "name status container_format disk_format size id created_at updated_at".split()
QUERIES = [
    "limit=25",
    "limit=25&marker={middle}",
    "limit=25&marker={last}",
    *(
        f"limit=25&sort_key={key}&sort_dir={direction}&marker={{middle}}"
        for key in SORT_KEYS
        for direction in ("asc", "desc")
    ),
    "limit=25&sort=status:asc,name:desc&marker={middle}",
    "name=image-3",
    "status=queued&limit=20",
    "status=in:queued,active&limit=25&marker={middle}",
    "disk_format=raw&limit=25&marker={middle}",
    "tag=rack-7",
    "tag=all&limit=25&marker={middle}",
    "tag=all&tag=rack-7",
    "serial=500",
    "os_distro=distro-3&limit=25&marker={middle}",
    "owner=project-3&limit=25",
    "checksum=000000000000000000000000000001f4",
    "visibility=public&limit=25&marker={middle}",
    "os_hidden=true",
    "size_min=1099511627776",
    "created_at=gt:2026-01-01T08:00:00Z&limit=25&sort=created_at:asc",
    "updated_at=lt:2026-01-01T02:00:00Z&limit=25",
    "id={middle}",
    "name=in:image-1,image-2&status=active&tag=all",
    "name=no-such-image",
]


@pytest.fixture
def servers(bridges, tmp_path):
    """(client, ids) for catalogs of every size."""
    servers = []
    for size in SIZES:
        catalog = CatalogDir(tmp_path / str(size))
        bridges.start(catalog).stop()  # makes the tables
        ids = fill(catalog.database, size)
        servers.append((bridges.start(catalog).rest, ids))
    return servers


def milliseconds(connection, path):
    start = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    elapsed = (time.perf_counter() - start) * 1000
    assert response.status == 200, (path, body)
    return elapsed


def medians(servers, query):
    """The median time of the query on each server, taken in turn so that all have the same luck."""
    paths = [
        f"/v2/images?{query.format(middle=ids[len(ids) // 2], last=ids[-2])}" for _, ids in servers
    ]
    with closing(http.client.HTTPConnection(servers[0][0].host, servers[0][0].port)) as first:
        connections = [first] + [
            http.client.HTTPConnection(rest.host, rest.port) for rest, _ in servers[1:]
        ]
        times = [[] for _ in servers]
        for _ in range(ROUNDS):
            for taken, connection, path in zip(times, connections, paths):
                taken.append(milliseconds(connection, path))
        for connection in connections[1:]:
            connection.close()
    return [statistics.median(taken) for taken in times]


def test_the_cost_of_a_page_is_flat(servers):
    table = {query: medians(servers, query) for query in QUERIES}
    for query, (small, middle, large) in table.items():
        print(f"{small:8.2f} {middle:8.2f} {large:8.2f} ms  {query}")
    growing = {
        query: times for query, times in table.items() if times[2] > 2.5 * times[0] + 3 * SLOW
    }
    assert growing == {}


def test_a_walk_over_all_pages_takes_as_long_as_it_has_pages(servers):
    per_image = []
    for rest, ids in servers:
        start = time.perf_counter()
        assert [image["id"] for image in rest.images(limit=1000)] == ids
        per_image.append((time.perf_counter() - start) / len(ids))
    print([f"{each * 1e6:.1f} µs" for each in per_image])
    assert per_image[2] < 2.5 * per_image[0]

# SPDX-License-Identifier: Apache-2.0
"""What clients can put into the log: who they are, in any case, and no more lines than a disk holds."""

import re
import socket
import struct
import time
from contextlib import ExitStack

from support.processes import wait_until
from support.raw import RawConnection, request

ACCESS = re.compile(r'^(\S+) - \S+ \[.*\] "GET /v2/images\?n=\d+ HTTP/1.1" \d+ ', re.MULTILINE)


def connect_and_reset(rest, data):
    """Says so much, and ends the connection as a crashed machine does."""
    with socket.create_connection((rest.host, rest.port), timeout=10) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(data)


def test_clients_that_reset_their_connections_are_logged_with_their_address(bridge, rest):
    for number in range(500):
        connect_and_reset(rest, request(f"GET /v2/images?n={number}"))
    rest.request("GET", "/v2/images?n=999", expect=200)
    wait_until(lambda: "n=999 " in bridge.log.read_text(), 10, "the last line")
    addresses = ACCESS.findall(bridge.log.read_text())
    assert set(addresses) == {"127.0.0.1"}
    assert len(addresses) > 1


def lines_with(bridge, text):
    return [line for line in bridge.log.read_text().splitlines() if text in line]


def test_refused_connections_are_counted_and_not_told_one_by_one(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir.config(glancefs={"max_connections": 1}))
    start = time.monotonic()
    with RawConnection(bridge.rest) as kept:
        kept.send(request("GET /versions"))
        assert kept.response().status == 200
        for _ in range(300):
            with RawConnection(bridge.rest) as refused:
                assert refused.response().status == 503
        intervals = 1 + int((time.monotonic() - start) / 10)
        told = lines_with(bridge, "refused a connection")
        assert 1 <= len(told) <= intervals
        assert "max_connections" in told[0]
        kept.send(request("GET /metrics"))
        metrics = kept.response().body.decode()
    assert "glance_api_connections_refused_total 300\n" in metrics


def test_connections_that_cannot_be_accepted_do_not_fill_the_log(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir, wrapper=("prlimit", "--nofile=80:80"))
    with ExitStack() as crowd:
        for _ in range(100):
            crowd.enter_context(RawConnection(bridge.rest))
        wait_until(lambda: lines_with(bridge, "cannot accept a connection"), 10, "the line")
        time.sleep(2)  # the number of lines in that time is what is tested
        assert len(lines_with(bridge, "cannot accept a connection")) == 1
    wait_until(lambda: bridge.rest.images() == [], 10, "an answer to those who come later")

# SPDX-License-Identifier: Apache-2.0
"""Everything at once: what the sanitizers should look at, and what must hold whatever the order."""

import hashlib
import http.client
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.processes import SLOW, wait_until
from support.raw import RawConnection, request
from support.rest import JSON_PATCH

CLIENTS = 12
SECONDS = 6

# What may come of each request while others change the same images.
EXPECTED = {
    "show": {200, 404},
    "list": {200},
    "patch": {200, 404},
    "upload": {204, 400, 404, 409, 410},
    "download": {200, 204, 404},
    "range": {204, 206, 404, 416},
    "delete": {204, 404},
    "refused": {404},
    "metrics": {200},
    "malformed": {400},
    "vanish": {0},
}


class Crowd:
    """Clients that work on a few shared images for some seconds."""

    def __init__(self, rest):
        self.rest = rest
        self.images = []
        self.lock = threading.Lock()
        self.until = time.monotonic() + SECONDS
        self.seen = {}

    def run(self):
        with ThreadPoolExecutor(CLIENTS) as pool:
            for outcome in [pool.submit(self._work, seed) for seed in range(CLIENTS)]:
                outcome.result()

    def _work(self, seed):
        dice = random.Random(seed)
        while time.monotonic() < self.until:
            if len(self.images) < 8:
                image = self.rest.create(disk_format="raw", container_format="bare")["id"]
                with self.lock:
                    self.images.append(image)
            action = dice.choice(sorted(EXPECTED))
            with self.lock:
                image = dice.choice(self.images)
            status = getattr(self, f"_{action}")(image, dice)
            assert status in EXPECTED[action], (action, status)
            with self.lock:
                self.seen[action, status] = self.seen.get((action, status), 0) + 1

    def _show(self, image, _):
        return self.rest.request("GET", f"/v2/images/{image}").status

    def _list(self, _image, dice):
        return self.rest.request("GET", f"/v2/images?limit={dice.randint(1, 30)}").status

    def _patch(self, image, dice):
        patch = [{"op": "add", "path": "/key", "value": str(dice.random())}]
        headers = {"Content-Type": JSON_PATCH}
        return self.rest.request("PATCH", f"/v2/images/{image}", patch, headers).status

    def _upload(self, image, dice):
        data = dice.randbytes(dice.choice([0, 1000, 300_000, 3_000_000]))
        headers = {"Content-MD5": hashlib.md5(data).hexdigest()}
        if dice.random() < 0.2:
            headers["Content-MD5"] = "0" * 32
        return self.rest.put_data(image, iter([data]) if dice.random() < 0.5 else data, headers).status

    def _download(self, image, _):
        response = self.rest.get_data(image)
        if response.status == 200:
            assert hashlib.md5(response.body).hexdigest() == response.headers["Content-MD5"]
        return response.status

    def _range(self, image, dice):
        first = dice.randint(0, 300_000)
        return self.rest.get_data(image, {"Range": f"bytes={first}-{first + 1000}"}).status

    def _delete(self, image, dice):
        if dice.random() < 0.7:
            return 404
        with self.lock:
            if image in self.images:
                self.images.remove(image)
        return self.rest.delete(image, expect=None).status

    def _refused(self, _image, dice):
        return self.rest.put_data("nope", dice.randbytes(dice.choice([10, 3_000_000]))).status

    def _metrics(self, _image, _):
        return self.rest.request("GET", "/metrics").status

    def _malformed(self, _image, _):
        with RawConnection(self.rest) as connection:
            connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")
            answer = connection.response()
        if answer is None:
            raise ConnectionError("closed without an answer")  # as a bridge that stops may
        return answer.status

    def _vanish(self, image, dice):
        with RawConnection(self.rest) as connection:
            fields = ("Content-Type: application/octet-stream", "Content-Length: 1000000")
            path = dice.choice(["PUT /v2/images/{}/file", "GET /v2/images/{}/file"]).format(image)
            fields = fields if path.startswith("PUT") else ()
            connection.send(request(path, *fields, body=bytes(300_000 if fields else 0)))
        return 0


@pytest.mark.smoke
@pytest.mark.timeout(180)
def test_a_mixed_crowd_finds_and_leaves_everything_in_order(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir)
    crowd = Crowd(bridge.rest)
    crowd.run()
    assert {action for action, _ in crowd.seen} == set(EXPECTED)
    assert ("download", 200) in crowd.seen and ("upload", 204) in crowd.seen
    wait_until(lambda: catalog_dir.spools() == [], 10, "the end of all uploads")
    images = {image["id"]: image for image in bridge.rest.images()}
    assert sorted(images) == sorted(set(crowd.images))
    active = [image for image in images.values() if image["status"] == "active"]
    assert {image["status"] for image in images.values()} <= {"active", "queued"}
    assert catalog_dir.data_files() == sorted(image["id"] for image in active)
    for image in active:
        data = catalog_dir.data_file(image["id"]).read_bytes()
        assert (image["size"], image["checksum"]) == (len(data), hashlib.md5(data).hexdigest())


@pytest.mark.timeout(120)
def test_a_stop_in_the_middle_of_a_crowd_is_clean(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir.config(glancefs={"drain_timeout": 5}))
    crowd = Crowd(bridge.rest)
    errors = (OSError, http.client.HTTPException, AssertionError)  # they are refused at the end

    def work(seed):
        try:
            crowd._work(seed)
        except errors:
            pass

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(work, seed) for seed in range(CLIENTS)]
        wait_until(lambda: len(crowd.seen) > 10, 20, "some work")
        bridge.stop()
        crowd.until = 0
        for client in clients:
            client.result(30 * SLOW)
    assert catalog_dir.spools() == []

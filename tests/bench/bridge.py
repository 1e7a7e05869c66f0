#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How fast the bridge is, beside Debian's glance-api, nginx and md5 in the same run.

Run by script/bench bridge. The bridge and its peer take turns on the same data; every figure is the
median of the rounds. docs/benchmarks.md says how each one is made.
"""

import argparse
import hashlib
import json
import os
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.ending import clean_up_when_told_to_end, end_put_off
from support import real_glance
from support.processes import BUILD
from support.rest import JSON_PATCH, Rest

MEBI = 1 << 20

# A request for one image after another, in a random order that is the same for every server.
SHOW_LUA = """
local ids = {{}}
for id in io.lines("{ids}") do ids[#ids + 1] = id end
math.randomseed(7)
request = function()
  return wrk.format("GET", "/v2/images/" .. ids[math.random(#ids)])
end
"""

NGINX_CONFIG = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 2;
events {{ worker_connections 64; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


# ── servers ──────────────────────────────────────────────────────────────────────────────────────


class Server:
    """A process that answers HTTP on a port of its own."""

    def __init__(self, name, command, port, log):
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.rest = Rest(self.url)
        self.process = None
        self._command = [os.fspath(word) for word in command]
        self._log = log

    def start(self):
        """Returns when it answers, and after how many seconds it did."""
        start = time.perf_counter()
        with open(self._log, "ab") as output, end_put_off():
            self.process = subprocess.Popen(
                self._command, stdout=output, stderr=output, start_new_session=True
            )
        return self._wait_for_an_answer(start)

    def _wait_for_an_answer(self, start):
        while time.perf_counter() - start < 60:
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended with {self.process.returncode}")
            try:
                self.rest.request("GET", "/versions")
                return time.perf_counter() - start
            except OSError:
                time.sleep(0.001)
        sys.exit(f"{self.name} does not answer")

    def memory(self, key="VmRSS"):
        """In MiB, its children's included."""
        pids = [self.process.pid]
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids += [int(pid) for pid in children.read_text().split()]
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
        return sum(int(text.split(f"{key}:")[1].split()[0]) for text in texts) / 1024

    def stop(self):
        """Also before it has been started."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            # A Glance that is told to stop while it starts its workers never does.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def bridge(spec, folder):
    port = real_glance.free_port()
    program = BUILD / "api-bridge/glance-api-bridge"
    command = [program, spec, "--create", "--bind", f"127.0.0.1:{port}"]
    return Server("bridge", command, port, folder / "bridge.log")


def glance(peer, folder):
    command = ["/usr/bin/glance-api", "--config-file", peer.config]
    return Server("glance-api", command, peer.port, folder / "glance.log")


def nginx(root, folder):
    port = real_glance.free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, port=port, root=root))
    return Server("nginx", ["/usr/sbin/nginx", "-c", config], port, folder / "nginx.out")


@contextmanager
def running(*makes):
    """The servers that these calls make, started one after the other; stopped at the end."""
    with ExitStack() as stack:
        servers = [make() for make in makes]
        for server in servers:
            stack.callback(server.stop)
            server.start()
        yield servers


# ── catalogs ─────────────────────────────────────────────────────────────────────────────────────


def insert_images(database, count):
    """Active images with three properties, a tag and a location each, as Glance writes them."""
    stamp = "2026-01-01 00:00:{:02d}.{:06d}"
    with sqlite3.connect(database) as sql:
        for number in range(count):
            image = str(uuid.UUID(int=number + 1, version=4))
            time_text = stamp.format(number // 10_000 % 60, number % 10_000)
            sql.execute(
                "INSERT INTO images (id, name, size, status, created_at, updated_at, deleted,"
                " disk_format, container_format, checksum, min_disk, min_ram, protected,"
                " visibility, os_hidden, os_hash_algo, os_hash_value) VALUES"
                " (?, ?, 1, 'active', ?, ?, 0, 'raw', 'bare', ?, 0, 0, 0, 'shared', 0, 'sha512', ?)",
                (image, f"image-{number:06}", time_text, time_text, "0" * 32, "0" * 128),
            )
            for name, value in (("os_distro", "debian"), ("os_version", "12"), ("number", number)):
                sql.execute(
                    "INSERT INTO image_properties (image_id, name, value, created_at, updated_at,"
                    " deleted) VALUES (?, ?, ?, ?, ?, 0)",
                    (image, name, str(value), time_text, time_text),
                )
            sql.execute(
                "INSERT INTO image_tags (image_id, value, created_at, updated_at, deleted)"
                " VALUES (?, 'bench', ?, ?, 0)",
                (image, time_text, time_text),
            )
            sql.execute(
                "INSERT INTO image_locations (image_id, value, created_at, updated_at, deleted,"
                " meta_data, status) VALUES (?, ?, ?, ?, 0, '{\"store\": \"file\"}', 'active')",
                (image, f"file:///nowhere/{image}", time_text, time_text),
            )
        ids = [row[0] for row in sql.execute("SELECT id FROM images WHERE deleted = 0")]
    return ids


class Pair:
    """The bridge and a real Glance, each on its own copy of the same catalog."""

    def __init__(self, folder, images, workers):
        self.folder = folder
        work = folder / "glance"
        work.mkdir(parents=True)
        self.peer = real_glance.RealGlance(
            work, work / "glance.sqlite", work / "images", workers=workers
        )
        self.peer.manage("db_sync")
        self.ids = insert_images(work / "glance.sqlite", images)
        catalog = folder / "catalog"
        (catalog / "images").mkdir(parents=True)
        subprocess.run(["cp", work / "glance.sqlite", catalog], check=True)
        self.catalog = catalog

    def bridge(self):
        return bridge(self.catalog, self.folder)

    def glance(self):
        return glance(self.peer, self.folder)


# ── the report ───────────────────────────────────────────────────────────────────────────────────


class Report:
    def __init__(self):
        print(f"{'work':46} {'bridge':>12} {'peer':>12} {'ratio':>7}  target")

    @staticmethod
    def row(work, ours, peer, ratio, target):
        text = f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
        print(f"{work:46} {ours:>12} {peer:>12} {text:>7}  {target}", flush=True)

    def rate(self, work, unit, ours, peer, target):
        form = "{:.0f} {}" if peer >= 10 else "{:.2f} {}"
        self.row(work, f"{ours:.0f} {unit}", form.format(peer, unit), ours / peer, target)

    def time(self, work, ours, peer, target):
        ours_text, peer_text = (f"{value * 1000:.0f} ms" for value in (ours, peer))
        self.row(work, ours_text, peer_text, peer / ours, target)

    @staticmethod
    def figure(work, ours, peer, target):
        print(f"{work:46} {ours:>12} {peer:>12} {'':>7}  {target}", flush=True)


def medians(rounds, *works):
    """Each work's median, all measured in turn."""
    results = [[work() for work in works] for _ in range(rounds)]
    return [statistics.median(values) for values in zip(*results)]


# ── data ─────────────────────────────────────────────────────────────────────────────────────────


def upload(server, source):
    """Bytes a second of one PUT by curl, to its answer; returns the image, too."""
    image = server.rest.create(disk_format="raw", container_format="bare")["id"]
    url = f"{server.url}/v2/images/{image}/file"
    os.sync()  # what Glance has left in the page cache is not ours to write
    command = ["curl", "-sSf", "-T", source, "-H", "Content-Type: application/octet-stream", url]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return os.stat(source).st_size / (time.perf_counter() - start), image


def download(url):
    """Bytes a second, by curl."""
    command = ["curl", "-sSf", "-o", "/dev/null", "-w", "%{speed_download}", url]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def md5_speed(source):
    with open(source, "rb") as file:
        start = time.perf_counter()
        hashlib.file_digest(file, "md5")
        return os.stat(source).st_size / (time.perf_counter() - start)


def bench_data(report, pair, size, rounds):
    source = pair.folder / "source"
    with open(source, "wb") as file:
        block = os.urandom(MEBI)
        for _ in range(size // MEBI):
            file.write(block)
    size_text = f"{size // MEBI} MiB"
    with running(pair.bridge, pair.glance) as (ours, peer):
        kept = {}

        def put(server):
            def work():
                if server in kept:
                    server.rest.delete(kept[server])
                speed, kept[server] = upload(server, source)
                return speed

            return work

        speeds = medians(rounds, put(ours), put(peer), lambda: md5_speed(source))
        mine, theirs, md5 = (speed / 1e6 for speed in speeds)
        report.rate(f"PUT {size_text} | glance", "MB/s", mine, theirs, "≥ 1.7")
        report.rate(f"PUT {size_text} | md5, one thread", "MB/s", mine, md5, "≥ 0.6")

        with running(lambda: nginx(pair.catalog / "images", pair.folder)) as (web,):
            urls = [f"{server.url}/v2/images/{kept[server]}/file" for server in (ours, peer)]
            urls.append(f"{web.url}/{kept[ours]}")
            speeds = medians(rounds, *[lambda url=url: download(url) for url in urls])
            mine, theirs, webs = (speed / 1e6 for speed in speeds)
            report.rate(f"GET {size_text}, hot | glance", "MB/s", mine, theirs, "≥ 0.9")
            report.rate(f"GET {size_text}, hot | nginx, sendfile", "MB/s", mine, webs, "≥ 0.9")
        for server, image in kept.items():
            server.rest.delete(image)
    source.unlink()


def bench_memory(report, pair, size, transfers=16):
    """Half of them upload and half download, all at once."""
    source = pair.folder / "source"
    with open(source, "wb") as file:
        file.truncate(size)
    peaks, idles = [], []
    for make in (pair.bridge, pair.glance):
        with running(make) as (server,):
            server.rest.request("GET", "/v2/images", expect=200)
            idles.append(server.memory())
            _, image = upload(server, source)
            url = f"{server.url}/v2/images/{image}/file"
            works = [lambda: upload(server, source)[1], lambda: download(url)] * (transfers // 2)
            with ThreadPoolExecutor(transfers) as pool:
                done = [pool.submit(work) for work in works]
                peak = 0
                while not all(each.done() for each in done):
                    peak = max(peak, server.memory())
                    time.sleep(0.02)
            peaks.append(peak)
            for each in done:
                # Now and then Glance answers one of the uploads with 500: "database is locked".
                if each.exception() and server.name == "glance-api":
                    continue
                if isinstance(each.result(), str):
                    server.rest.delete(each.result())
            server.rest.delete(image)
    source.unlink()
    mine, theirs = (f"{value:.0f} MiB" for value in idles)
    report.figure("RSS, idle", mine, theirs, "≤ 64 MiB")
    mine, theirs = (f"{value:.0f} MiB" for value in peaks)
    report.figure(f"RSS, {transfers} transfers of {size // MEBI} MiB", mine, theirs, "≤ 64 MiB")


# ── metadata ─────────────────────────────────────────────────────────────────────────────────────


def wrk(url, seconds, *options):
    """Requests a second of 8 clients that keep their connections."""
    command = ["wrk", "-t", "1", "-c", "8", "-d", f"{seconds}s", *options, url]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"{url}: {text}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def bench_reading(report, pair, seconds, rounds):
    lua = pair.folder / "show.lua"
    ids = pair.folder / "ids"
    ids.write_text("\n".join(pair.ids) + "\n")
    lua.write_text(SHOW_LUA.format(ids=ids))
    count = len(pair.ids)

    def show(server):
        return lambda: wrk(server.url, seconds, "-s", os.fspath(lua))

    def page(server):
        return lambda: wrk(f"{server.url}/v2/images?limit=25", seconds)

    def walk(server):
        def work():
            start = time.perf_counter()
            assert len(server.rest.images(limit=1000)) == count
            return time.perf_counter() - start

        return work

    with running(pair.bridge, pair.glance) as (ours, peer):
        mine, theirs = medians(rounds, show(ours), show(peer))
        report.rate(f"GET image, 8 clients, {count} images", "/s", mine, theirs, "≥ 50")
        mine, theirs = medians(rounds, page(ours), page(peer))
        report.rate(f"list limit=25, 8 clients, {count} images", "/s", mine, theirs, "≥ 50")
        mine, theirs = medians(rounds, walk(ours), walk(peer))
        report.time(f"walk {count} images by 1000", mine, theirs, "≥ 30")


class Kept:
    """One connection that is kept, for one request after another."""

    def __init__(self, rest):
        self.connection = rest.connect()
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __call__(self, method, path, body=None, headers=None):
        text = json.dumps(body) if body is not None else None
        typed = {"Content-Type": "application/json"} if text else {}
        self.connection.request(method, path, text, typed | (headers or {}))
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def changes_per_second(server, count):
    """The rates of POST, PATCH and DELETE by one client."""
    ask = Kept(server.rest)
    ids, rates = [], []

    def measured(work):
        start = time.perf_counter()
        for number in range(count):
            work(number)
        rates.append(count / (time.perf_counter() - start))

    def post(number):
        status, body = ask("POST", "/v2/images", {"name": f"new-{number}", "key": "value"})
        assert status == 201
        ids.append(json.loads(body)["id"])

    def patch(number):
        edit = [{"op": "replace", "path": "/name", "value": f"changed-{number}"}]
        path = f"/v2/images/{ids[number]}"
        assert ask("PATCH", path, edit, {"Content-Type": JSON_PATCH})[0] == 200

    def delete(number):
        assert ask("DELETE", f"/v2/images/{ids[number]}")[0] == 204

    for work in (post, patch, delete):
        measured(work)
    return rates


def bench_changes(report, pair, count, rounds):
    with running(pair.bridge, pair.glance) as (ours, peer):
        results = [(changes_per_second(ours, count), changes_per_second(peer, max(20, count // 10)))
                   for _ in range(rounds)]
    for number, name in enumerate(("POST", "PATCH", "DELETE")):
        mine = statistics.median(result[0][number] for result in results)
        theirs = statistics.median(result[1][number] for result in results)
        report.rate(f"{name} image, one client, durable", "/s", mine, theirs, "≥ 10")


def bench_start(report, pair, rounds):
    def start(make):
        def work():
            server = make()
            try:
                return server.start()
            finally:
                server.stop()

        return work

    mine, theirs = medians(rounds, start(pair.bridge), start(pair.glance))
    report.time("start to first answer", mine, theirs, "≤ 100 ms")


def bench_flatness(report, folder, seconds, counts):
    """A page in the middle of ever larger catalogs, entered by a marker."""
    rates = []
    for count in counts:
        work = folder / f"flat{count}"
        pair = Pair(work, count, 0)
        with running(pair.bridge) as (server,):
            marker = pair.ids[count // 2]
            rates.append(wrk(f"{server.url}/v2/images?limit=25&marker={marker}", seconds))
    for count, rate in zip(counts, rates):
        text = f"{rate / rates[0]:.2f}"
        name = f"list limit=25 at a marker, {count} images"
        print(f"{name:46} {rate:>10.0f} /s {'':>12} {text:>7}  flat", flush=True)


PARTS = ("start", "reading", "changes", "flatness", "data", "memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of the image (1024)")
    parser.add_argument("--images", type=int, default=10_000, help="images in the catalog (10000)")
    parser.add_argument("--seconds", type=int, default=5, help="of each stretch of load (5)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count(),
                        help="of glance-api (as many as cores, Debian's default)")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be repeated")
    options = parser.parse_args()
    clean_up_when_told_to_end()
    parts = options.only or PARTS
    print("load average before:", *os.getloadavg())
    report = Report()
    # Not in /tmp, which may be memory.
    place = os.environ.get("TMPDIR", "/var/tmp")
    with tempfile.TemporaryDirectory(prefix="glancefs-bench-", dir=place) as name:
        folder = Path(name)
        pair = Pair(folder / "pair", options.images, options.workers)
        if "start" in parts:
            bench_start(report, pair, options.rounds)
        if "reading" in parts:
            bench_reading(report, pair, options.seconds, options.rounds)
        if "changes" in parts:
            bench_changes(report, pair, 500, options.rounds)
        if "flatness" in parts:
            bench_flatness(report, folder, options.seconds, (1000, 10_000, 100_000))
        if "data" in parts:
            bench_data(report, pair, options.size * MEBI, options.rounds)
        if "memory" in parts:
            bench_memory(report, pair, options.size * MEBI)


if __name__ == "__main__":
    main()

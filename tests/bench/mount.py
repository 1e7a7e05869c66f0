#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How fast the mount is, as ratios against what the machine itself can do in the same run.

Run by script/bench mount. Figures are the median of several rounds, in which ours and the peer's
work take turns, so that both see the same machine.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from bench.ending import clean_up_when_told_to_end, end_put_off
from support.processes import BUILD

MEBI = 1 << 20


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def run(*command):
    subprocess.run([os.fspath(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def median_of(rounds, ours, peer, prepare=lambda: None):
    """The medians of both, measured in turn; `prepare` comes before each of ours, unmeasured."""
    pairs = []
    for _ in range(rounds):
        prepare()
        pairs.append((timed(ours), timed(peer)))
    return tuple(statistics.median(values) for values in zip(*pairs))


class Report:
    def __init__(self):
        print(f"{'work':44} {'ours':>10} {'peer':>10} {'ratio':>7}  target")

    @staticmethod
    def row(work, ours, peer, ratio, target):
        print(f"{work:44} {ours:>10} {peer:>10} {ratio:>7.2f}  {target}", flush=True)

    def speed(self, work, ours, peer, target):
        """Seconds for the same work: the ratio is of speeds."""
        self.row(work, f"{ours:.2f} s", f"{peer:.2f} s", peer / ours, target)

    def cost(self, work, ours, peer, target):
        """Seconds for the same work: the ratio is of times."""
        self.row(work, f"{ours * 1000:.1f} ms", f"{peer * 1000:.1f} ms", ours / peer, target)

    @staticmethod
    def figure(work, value, target):
        print(f"{work:44} {value:>10} {'':>10} {'':>7}  {target}", flush=True)


class Mount:
    """A daemon of the release build in the foreground, in a folder of its own."""

    def __init__(self, folder):
        self.catalog = folder / "catalog"
        self.path = folder / "mnt"
        self.path.mkdir(exist_ok=True)
        self.process = None

    def __enter__(self):
        glancefs = BUILD / "fusefs/glancefs"
        parent = os.stat(self.path.parent).st_dev
        command = [glancefs, self.catalog, self.path, "-f", "-o", "create,log_level=warning"]
        try:
            with end_put_off():
                self.process = subprocess.Popen(command)
            self._wait_for_the_mount(parent)
        except BaseException:
            self._end()
            raise
        return self

    def _wait_for_the_mount(self, parent):
        deadline = time.monotonic() + 30
        while os.stat(self.path).st_dev == parent:
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("glancefs did not mount")
            time.sleep(0.0005)

    def __exit__(self, *_):
        self._end()

    def _end(self):
        if self.process is None:
            return
        self.process.terminate()  # it unmounts, also while a program that we gave up uses it
        self.process.wait(timeout=60)

    def rss_kib(self, field="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field))


def random_file(path, size):
    with open(path, "wb") as file:
        for _ in range(size // MEBI):
            file.write(os.urandom(MEBI))
    return path


def md5(path):
    run("openssl", "md5", path)


def bench_data(report, folder, size, rounds):
    source = random_file(folder / "source", size)
    text = f"{size >> 20} MiB"
    with Mount(folder) as mount:
        target = mount.path / "image"

        def make_room():
            target.unlink(missing_ok=True)
            os.sync()  # a disk that is told of freed blocks does that first

        md5(source)
        copy = median_of(
            rounds, lambda: run("cp", source, target), lambda: md5(source), make_room
        )
        report.speed(f"cp in, {text} | openssl md5", *copy, "≥ 0.6")
        run("cat", target)  # from now on it is in the page cache, as the source is
        report.speed(
            f"cat, hot, {text} | the same on ext4",
            *median_of(rounds, lambda: run("cat", target), lambda: run("cat", source)),
            "≥ 0.65",
        )
        report.figure("peak RSS during these", f"{mount.rss_kib('VmHWM') / 1024:.0f} MiB", "< 64 MiB")
    shutil.rmtree(folder / "catalog")


def bench_big_upload(report, folder, size):
    """The daemon's memory while a stream of `size` bytes comes in."""
    with Mount(folder) as mount:
        with open(mount.path / "big", "wb") as target:
            block = os.urandom(MEBI)
            for _ in range(size // MEBI):
                target.write(block)
        report.figure(
            f"peak RSS, upload of {size >> 30} GiB", f"{mount.rss_kib('VmHWM') / 1024:.0f} MiB", "< 64 MiB"
        )
    shutil.rmtree(folder / "catalog")


def fill_catalog(catalog, count):
    """Active images by SQL, as many as that would take long through any door."""
    database = sqlite3.connect(catalog / "glance.sqlite")
    now = "2026-01-02 03:04:05.000000"
    ids = [str(uuid.uuid4()) for _ in range(count)]
    database.executemany(
        "INSERT INTO images (id, name, size, status, created_at, updated_at, deleted, disk_format,"
        " container_format, min_disk, min_ram, protected, visibility, os_hidden, checksum)"
        " VALUES (?, ?, 4096, 'active', ?, ?, 0, 'raw', 'bare', 0, 0, 0, 'shared', 0, ?)",
        [(id, f"image-{i:05}", now, now, "0" * 32) for i, id in enumerate(ids)],
    )
    database.executemany(
        "INSERT INTO image_locations (image_id, value, created_at, updated_at, deleted, meta_data, status)"
        " VALUES (?, ?, ?, ?, 0, '{\"store\": \"file\"}', 'active')",
        [(id, f"file://{catalog}/images/{id}", now, now) for id in ids],
    )
    database.commit()
    database.close()
    return [f"image-{i:05}" for i in range(count)]


def drop_caches():
    Path("/proc/sys/vm/drop_caches").write_text("2", encoding="ascii")


def stat_all(folder, names):
    for name in names:
        os.stat(folder / name)


def bench_directory(report, folder, count, rounds):
    with Mount(folder):
        pass  # makes the catalog
    names = fill_catalog(folder / "catalog", count)
    plain = folder / "plain"
    plain.mkdir()
    for name in names:
        (plain / name).write_bytes(b"x")
    firsts, repeats, starts = [], [], []
    for _ in range(rounds):
        drop_caches()
        start = time.perf_counter()
        with Mount(folder) as mount:
            starts.append(time.perf_counter() - start)
            ours = timed(lambda: run("ls", "-l", mount.path))
            again = timed(lambda: run("ls", "-l", mount.path))
            drop_caches()
            peer = timed(lambda: run("ls", "-l", plain))
            peer_again = timed(lambda: run("ls", "-l", plain))
            firsts.append((ours, peer))
            repeats.append((again, peer_again))
            warm = median_of(
                3, lambda: stat_all(mount.path, names), lambda: stat_all(plain, names)
            )
            rss = mount.rss_kib()
    first = [statistics.median(values) for values in zip(*firsts)]
    repeat = [statistics.median(values) for values in zip(*repeats)]
    report.cost(f"ls -l of {count}, first | ext4", *first, "≤ 2")
    report.cost(f"ls -l of {count}, repeated | ext4", *repeat, "≤ 1.5")
    report.speed(f"stat of {count}, warm | ext4", *warm, "≥ 0.8")
    report.figure(f"RSS with {count} images", f"{rss / 1024:.0f} MiB", "< 64 MiB")
    ready = statistics.median(starts)
    report.figure(f"mount ready with {count} images", f"{ready * 1000:.0f} ms", "≤ 100 ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of the image (1024)")
    parser.add_argument("--big", type=int, default=4, help="GiB of the big upload (4)")
    parser.add_argument("--images", type=int, default=10_000, help="images in the catalog (10000)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    clean_up_when_told_to_end()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="glancefs-bench-") as folder:
        for part in ("data", "directory"):
            (Path(folder) / part).mkdir()
        bench_data(report, Path(folder) / "data", options.size * MEBI, options.rounds)
        bench_big_upload(report, Path(folder) / "data", options.big << 30)
        bench_directory(report, Path(folder) / "directory", options.images, options.rounds)


if __name__ == "__main__":
    main()

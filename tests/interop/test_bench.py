# SPDX-License-Identifier: Apache-2.0
"""script/bench: what a benchmark leaves behind when it is told to end before its time."""

import os
import signal
from pathlib import Path

import pytest

from support.processes import BUILD, Daemon, environment, wait_until

TESTS = Path(__file__).resolve().parents[1]


def command_lines():
    """Of all processes."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_text(errors="replace").replace("\0", " "))
        except OSError:  # it has ended meanwhile
            continue
    return lines


def servers_of(folder, name):
    return [line for line in command_lines() if name in line and os.fspath(folder) in line]


@pytest.fixture
def start_bench(tmp_path):
    """Starts a benchmark that keeps its files in the folder that comes with it."""
    started = []

    def start(name, *arguments):
        folder = tmp_path / "bench"
        folder.mkdir()
        names = {"TMPDIR": os.fspath(folder), "PYTHONPATH": os.fspath(TESTS)}
        names |= {"GLANCE_BUILD": os.fspath(BUILD), "PYTHONDONTWRITEBYTECODE": "1"}
        command = ["/usr/bin/python3", TESTS / "bench" / f"{name}.py", *arguments]
        started.append(Daemon(command, tmp_path / name, env=environment() | names))
        return started[-1], folder

    yield start
    for bench in started:
        bench.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_mount_goes_with_its_benchmark(start_bench, number):
    bench, folder = start_bench("mount", "--size", 1, "--big", 0, "--rounds", 1_000_000)
    wait_until(lambda: os.fspath(folder) in Path("/proc/mounts").read_text(), what="the mount")
    assert bench.signal_and_wait(number) != 0
    assert os.fspath(folder) not in Path("/proc/mounts").read_text()
    assert servers_of(folder, "glancefs") == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("server", ["glance-api-bridge", "/usr/bin/glance-api"])
def test_the_servers_go_with_their_benchmark(start_bench, server):
    """Told to end while this one starts."""
    bench, folder = start_bench("bridge", "--images", 10, "--only", "reading", "--seconds", 600)
    wait_until(lambda: servers_of(folder, server), 60, server)
    assert bench.signal_and_wait(signal.SIGTERM, 60) != 0
    assert servers_of(folder, "glance-api") == []
    assert list(folder.iterdir()) == []

# SPDX-License-Identifier: Apache-2.0
"""The daemon's life: signals, draining, readiness, logs, limits."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from support.configs import ConfiguredCatalog
from support.expectations import fails_with
from support.images import random_file
from support.mounts import wait_until_mounted
from support.processes import (
    SLOW,
    Daemon,
    environment,
    glance_catalog,
    program,
    run,
    wait_until,
)

END_SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


def assert_ended_cleanly(mount):
    assert mount.daemon.wait() == 0
    assert not mount.is_mounted()
    mount.daemon.check_log()


def send(mount, number=signal.SIGTERM):
    mount.daemon.process.send_signal(number)


def wait_for_line(mount, text):
    wait_until(lambda: text in mount.daemon.log.read_text(), 10, f"`{text}` in the log")


class SlowCopy:
    """cp from a pipe: it runs for as long as the test wants."""

    def __init__(self, folder, target):
        self.pipe = folder / f"{Path(target).name}.pipe"
        os.mkfifo(self.pipe)
        command = ["cp", os.fspath(self.pipe), os.fspath(target)]
        self.process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE)
        self.writing = open(self.pipe, "wb", buffering=0)

    def write(self, data):
        self.writing.write(data)

    def finish(self):
        """The end of the input; returns cp's exit status and what it says."""
        self.writing.close()
        _, error = self.process.communicate(timeout=20 * SLOW)
        return self.process.returncode, error.decode()

    def kill(self):
        self.writing.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def slow_copy(tmp_path):
    """Starts copies that can be held."""
    copies = []

    def start(target):
        copies.append(SlowCopy(tmp_path, target))
        return copies[-1]

    yield start
    for copy in copies:
        copy.kill()


# ── signals ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", END_SIGNALS)
def test_a_signal_unmounts_and_ends_with_0(mount, number):
    (mount / "image").write_bytes(b"data")
    send(mount, number)
    assert_ended_cleanly(mount)


def test_a_background_daemon_ends_by_sigterm_too(point, catalog_dir):
    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    (pid,) = point.daemons()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: point.daemons() == [], 10, "the daemon's end")
    assert point.times_mounted() == 0


def test_open_readers_do_not_hold_the_daemon(mount):
    (mount / "image").write_bytes(b"data")
    fd = os.open(mount / "image", os.O_RDONLY)
    send(mount)
    assert_ended_cleanly(mount)
    with fails_with("ENOTCONN"):
        os.read(fd, 1)
    with fails_with("ENOTCONN"):
        os.close(fd)


@pytest.mark.smoke
def test_an_upload_in_progress_is_finished(mount, catalog_dir, slow_copy, tmp_path):
    source = random_file(tmp_path / "source", 3_000_000)
    copy = slow_copy(mount / "image")
    copy.write(source.read_bytes()[:1_000_000])
    wait_until(lambda: catalog_dir.spooled_bytes() > 0, 10, "the first bytes")
    send(mount)
    wait_for_line(mount, "uploads in progress have 10 seconds left")
    assert mount.is_mounted()
    copy.write(source.read_bytes()[1_000_000:])
    assert copy.finish() == (0, "")
    assert_ended_cleanly(mount)
    assert catalog_dir.statuses() == {"image": "active"}
    mount.start()
    run("cmp", source, mount / "image")


def test_no_upload_begins_while_others_are_finished(mount, catalog_dir, slow_copy):
    (mount / "old").write_bytes(b"old data")
    copy = slow_copy(mount / "image")
    copy.write(b"some ")
    wait_until(lambda: catalog_dir.spooled_bytes() > 0, 10, "the first bytes")
    send(mount)
    wait_for_line(mount, "uploads in progress")
    with fails_with("EROFS"):
        (mount / "new").write_bytes(b"data")
    result = run("cp", mount / "old", mount / "copy", check=False)
    assert result.returncode == 1
    assert "Read-only file system" in result.stderr
    assert (mount / "old").read_bytes() == b"old data"
    copy.write(b"data")
    assert copy.finish() == (0, "")
    assert_ended_cleanly(mount)
    assert catalog_dir.statuses() == {"old": "active", "image": "active"}


def test_a_stuck_upload_is_taken_back_after_the_time_of_drain(mounts, catalog_dir, slow_copy):
    mount = mounts.start(catalog_dir, "create,drain=1")
    copy = slow_copy(mount / "image")
    copy.write(b"some data")
    wait_until(lambda: catalog_dir.spooled_bytes() > 0, 10, "the first bytes")
    start = time.monotonic()
    send(mount)
    assert_ended_cleanly(mount)
    assert 1 <= time.monotonic() - start
    assert catalog_dir.statuses() == {}
    assert catalog_dir.spools() == []
    assert catalog_dir.data_files() == []
    status, error = copy.finish()
    assert status == 1
    assert "Transport endpoint is not connected" in error


def test_a_second_signal_ends_at_once(mounts, catalog_dir, slow_copy):
    mount = mounts.start(catalog_dir, "create,drain=3600")
    copy = slow_copy(mount / "image")
    copy.write(b"some data")
    wait_until(lambda: catalog_dir.spooled_bytes() > 0, 10, "the first bytes")
    send(mount)
    wait_for_line(mount, "uploads in progress")
    send(mount, signal.SIGINT)
    assert_ended_cleanly(mount)
    assert catalog_dir.statuses() == {}
    assert catalog_dir.spools() == []


def test_drain_0_waits_for_nobody(mounts, catalog_dir, slow_copy):
    mount = mounts.start(catalog_dir, "create,drain=0")
    copy = slow_copy(mount / "image")
    copy.write(b"some data")
    wait_until(lambda: catalog_dir.spooled_bytes() > 0, 10, "the first bytes")
    send(mount)
    assert_ended_cleanly(mount)
    assert catalog_dir.statuses() == {}


def test_an_editors_file_that_waits_is_published(mounts, catalog_dir):
    mount = mounts.start(catalog_dir, "create,commit_linger=3600")
    fd = os.open(mount / "image", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"data")
    os.close(fd)
    assert catalog_dir.statuses() == {"image": "saving"}
    send(mount)
    assert_ended_cleanly(mount)
    assert catalog_dir.statuses() == {"image": "active"}


def test_signals_in_a_row_do_no_harm(mount, catalog_dir):
    (mount / "image").write_bytes(b"data")
    for number in END_SIGNALS * 3:
        send(mount, number)
    assert_ended_cleanly(mount)
    assert catalog_dir.statuses() == {"image": "active"}


def test_umount_during_a_drain_is_busy_and_then_done(mounts, catalog_dir, slow_copy):
    mount = mounts.start(catalog_dir, "create,drain=60")
    copy = slow_copy(mount / "image")
    copy.write(b"some data")
    wait_until(lambda: catalog_dir.spooled_bytes() > 0, 10, "the first bytes")
    send(mount)
    wait_for_line(mount, "uploads in progress")
    assert "busy" in run("umount", "-i", mount, check=False).stderr
    assert copy.finish() == (0, "")
    assert_ended_cleanly(mount)


def signal_set(pid, name):
    """The signals of a set in /proc/PID/status."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(re.search(rf"^{name}:\s+(\w+)$", status, re.M)[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_what_the_daemon_must_not_die_of(mount):
    assert {signal.SIGPIPE, signal.SIGXFSZ} <= signal_set(mount.daemon.pid, "SigIgn")


def test_the_daemon_takes_all_descriptors_that_it_may_have(mount):
    limits = Path(f"/proc/{mount.daemon.pid}/limits").read_text()
    soft, hard = re.search(r"^Max open files +(\w+) +(\w+)", limits, re.M).groups()
    assert soft == hard


# ── the service manager ───────────────────────────────────────────────────────────────────────


class Notifications:
    """What a daemon says to NOTIFY_SOCKET."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(20 * SLOW)

    def next(self):
        return self.socket.recv(4096).decode()


@pytest.fixture
def notifications(tmp_path):
    notifications = Notifications(tmp_path / "notify")
    with notifications.socket:
        yield notifications


class Foreground:
    """glancefs -f as a service manager starts it; a Daemon with an environment of its own."""

    def __init__(self, spec, point, folder, options="create", **variables):
        point.mkdir(exist_ok=True)
        self.point = point
        command = [program("glancefs"), spec, point, "-f", "-o", options]
        self.daemon = Daemon(command, folder / "service", env=environment() | variables)

    def end(self):
        assert self.daemon.signal_and_wait(signal.SIGTERM) == 0
        self.daemon.check_log()

    def clean_up(self):
        if self.daemon.is_running():
            self.daemon.kill()
        run("umount", "-i", "-l", self.point, check=False)


@pytest.fixture
def services(catalog_dir, tmp_path):
    """Starts glancefs as a service."""
    started = []

    def start(name="point", **how):
        started.append(Foreground(catalog_dir, tmp_path / name, tmp_path, **how))
        return started[-1]

    yield start
    for service in started:
        service.clean_up()


def test_a_service_manager_hears_of_the_start_and_of_the_end(services, notifications):
    service = services(NOTIFY_SOCKET=str(notifications.path))
    assert notifications.next() == "READY=1"
    (service.point / "image").write_bytes(b"usable at once")
    service.end()
    assert notifications.next() == "STOPPING=1"


def test_a_service_manager_hears_of_an_unmount_by_others(services, notifications):
    service = services(NOTIFY_SOCKET=str(notifications.path))
    assert notifications.next() == "READY=1"
    run("umount", service.point)
    assert notifications.next() == "STOPPING=1"
    assert service.daemon.wait() == 0


# ── the log ───────────────────────────────────────────────────────────────────────────────────


def test_lines_on_stderr_have_time_and_level(mount):
    mount.unmount()
    for line in mount.daemon.log.read_text().splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} \[info\] /", line), line


def test_a_name_cannot_forge_a_line_of_the_log(services, tmp_path):
    forged = "a\nb\x1b[31m [error] all is lost"
    service = services(name=forged)
    wait_until_mounted(service.point, service.daemon.is_running)
    service.daemon.expect_errors("all is lost")
    service.end()
    lines = service.daemon.log.read_text().split("\n")
    assert len(lines) == 3 and lines[-1] == ""
    for line in lines[:-1]:
        assert r"a\nb\x1b[31m [error] all is lost" in line


def test_log_level_leaves_out_what_is_less(services):
    service = services(options="create,log_level=warning,drain=0")
    wait_until_mounted(service.point, service.daemon.is_running)
    service.end()
    assert service.daemon.log.read_text() == ""


def test_log_level_debug_tells_more(services):
    service = services(options="create,log_level=debug")
    wait_until_mounted(service.point, service.daemon.is_running)
    assert not (service.point / "missing").exists()
    service.end()
    assert "[debug] lookup: no such image" in service.daemon.log.read_text()


def test_no_log_tells_a_secret_of_the_configuration(mounts, bridges, tmp_path, small_source):
    """Not even to who debugs, whatever goes wrong."""
    catalog = ConfiguredCatalog(
        tmp_path / "catalog",
        default=("transport_url = rabbit://glance:s3cret-rabbit@mq:5672/", "debug = true"),
        sections=(
            *("[keystone_authtoken]", "username = glance", "password = s3cret-keystone"),
            *("memcache_secret_key = s3cret-cache", "[oslo_limit]", "password = s3cret-limit"),
        ),
    )
    glance_catalog("--spec", catalog, "db-sync")
    mount = mounts.start(catalog, "log_level=debug")
    bridge = bridges.start(catalog)
    run("cp", small_source, mount / "image")
    bridge.rest.request("GET", "/v2/images?limit=no", expect=400)
    mount.daemon.expect_errors("cannot be opened")
    for path in catalog.store.glob("*-*"):
        path.unlink()
    run("cat", mount / "image", check=False)
    mount.unmount()
    logs = "".join(
        path.read_text() for path in (mount.daemon.log, mount.daemon.out, bridge.log, bridge.out)
    )
    assert "[debug]" in logs
    assert "s3cret" not in logs


def test_the_journal_gets_levels_in_its_own_way(catalog_dir, services, tmp_path):
    log = tmp_path / "service.log"
    log.touch()
    stream = f"{log.stat().st_dev}:{log.stat().st_ino}"
    service = services(JOURNAL_STREAM=stream)
    wait_until_mounted(service.point, service.daemon.is_running)
    service.end()
    assert log.read_text() == (
        f"<6>{catalog_dir.path} is mounted on {service.point}\n<6>{service.point} is unmounted\n"
    )


def test_a_stderr_that_is_not_the_journals_is_not_taken_for_it(services):
    service = services(JOURNAL_STREAM="1:2")
    wait_until_mounted(service.point, service.daemon.is_running)
    service.end()
    assert "[info]" in service.daemon.log.read_text()


def test_a_background_daemon_logs_to_syslog(catalog_dir, tmp_path):
    """In a namespace of its own, where /dev/log is ours."""
    point = tmp_path / "point"
    point.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        log.settimeout(20 * SLOW)
        script = """
            mount -t tmpfs none /dev && mknod /dev/fuse c 10 229 && mknod /dev/null c 1 3 &&
            ln -s "$4" /dev/log && "$1" "$2" "$3" -o create && umount -i "$3"
        """
        command = [program("glancefs"), catalog_dir, point, tmp_path / "log"]
        run("unshare", "-m", "sh", "-c", script, "sh", *command)
        lines = [log.recv(4096).decode() for _ in range(2)]
    texts = [f"{catalog_dir.path} is mounted on {point}", f"{point} is unmounted"]
    for line, text in zip(lines, texts):  # <30>: facility daemon, level info
        assert re.fullmatch(rf"<30>\w+ +\d+ [\d:]+ glancefs\[\d+\]: {re.escape(text)}\n?", line)

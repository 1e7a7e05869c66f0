# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping, signals, logs, and who may be served."""

import os
import random
import re
import signal
import socket
import stat
import unicodedata
import uuid
from contextlib import ExitStack

import pytest

from support.bridge import ON_A_FREE_PORT, Bridge
from support.processes import SLOW, environment, program, run, wait_until
from support.raw import RawConnection, request

DATA = random.Random(21).randbytes(64 << 20)
OCTETS = "Content-Type: application/octet-stream"


class SlowDownload:
    """A download whose client reads only when it is told to."""

    def __init__(self, rest, image):
        self.connection = RawConnection(rest)
        self.connection.send(request(f"GET /v2/images/{image}/file"))
        self._pieces = [self.connection.socket.recv(1000)]

    def finish(self):
        while piece := self.connection.socket.recv(1 << 20):
            self._pieces.append(piece)
        self.connection.__exit__()
        return b"".join(self._pieces).split(b"\r\n\r\n", 1)[1]


def started_upload(rest, catalog_dir):
    """An upload that has begun and goes no further."""
    image = rest.create(disk_format="raw", container_format="bare")["id"]
    connection = RawConnection(rest)
    fields = (OCTETS, f"Content-Length: {len(DATA)}")
    connection.send(request(f"PUT /v2/images/{image}/file", *fields, body=DATA[:3_000_000]))
    wait_until(lambda: catalog_dir.spooled_bytes() > 0, 10, "the upload's begin")
    return image, connection


# ── the service manager ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def notifications(tmp_path):
    """What a daemon tells systemd."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(20 * SLOW)
        yield str(path), lambda: receiver.recv(1000).decode()


def test_systemd_is_told_when_it_is_ready_and_when_it_stops(bridges, catalog_dir, notifications):
    path, receive = notifications
    bridge = bridges.start(catalog_dir, env=environment() | {"NOTIFY_SOCKET": path})
    assert receive() == "READY=1"
    assert bridge.rest.request("GET", "/healthcheck").status == 200
    bridge.stop()
    assert receive() == "STOPPING=1"


def with_socket(listening):
    """What starts a program with a socket that listens already, as systemd does it."""
    fd = listening.fileno()
    return ("bash", "-c", f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@" 3<&{fd}'), (fd,)


class Activated(Bridge):
    def __init__(self, spec, output, listening):
        wrapper, fds = with_socket(listening)
        super().__init__(spec, output, ("--create",), wrapper=wrapper, pass_fds=fds)


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_socket_of_systemds_is_served(tmp_path, catalog_dir, listening):
    bridge = Activated(catalog_dir, tmp_path / "bridge", listening)
    try:
        assert bridge.rest.port == listening.getsockname()[1]
        assert bridge.rest.request("GET", "/healthcheck").status == 200
    finally:
        bridge.stop()


def test_who_connects_during_a_restart_is_served_by_the_successor(tmp_path, catalog_dir, listening):
    first = Activated(catalog_dir, tmp_path / "first", listening)
    image = first.rest.create_raw("a", DATA)["id"]
    download = SlowDownload(first.rest, image)
    first.process.terminate()
    wait_until(lambda: "stopping" in first.log.read_text(), 10, "the signal")
    with RawConnection(first.rest) as waiting:
        waiting.send(request("GET /healthcheck"))
        second = Activated(catalog_dir, tmp_path / "second", listening)
        try:
            assert waiting.response().body == b"OK"
            assert download.finish() == DATA
            assert first.wait() == 0
        finally:
            second.stop()


def refused(*arguments, **options):
    result = run(program("glance-api-bridge"), *arguments, check=False, timeout=20, **options)
    assert result.returncode in (1, 2)
    assert result.stdout == ""
    return result.returncode, result.stderr


def test_a_socket_that_is_not_tcp_is_refused(tmp_path, catalog_dir):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.listen()
        wrapper, fds = with_socket(listening)
        command = (*wrapper, program("glance-api-bridge"), catalog_dir, "--create")
        result = run(*command, check=False, pass_fds=fds)
    assert result.returncode == 2
    assert result.stderr.endswith(
        "the inherited socket 3 is not TCP; allowed: ListenStream=ADDRESS:PORT\n"
    )


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


def assert_stopping(response):
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Connection"] == "close"


def test_sigterm_lets_transfers_finish_and_answers_503_to_new_requests(bridges, catalog_dir):
    # With one thread for the network, a request that is logged has ended before the signal comes.
    one_cpu = ("taskset", "-c", str(min(os.sched_getaffinity(0))))
    bridge = bridges.start(catalog_dir, wrapper=one_cpu)
    rest = bridge.rest
    download = SlowDownload(rest, rest.create_raw("a", DATA)["id"])
    image, upload = started_upload(rest, catalog_dir)
    with RawConnection(rest) as idle:
        idle.send(request("GET /versions"))
        assert idle.response().status == 200
        wait_until(lambda: "GET /versions" in bridge.log.read_text(), 10, "the request's end")
        bridge.process.terminate()
        wait_until(lambda: "stopping" in bridge.log.read_text(), 10, "the signal")
        idle.send(request("GET /versions"))
        assert_stopping(idle.response())
        assert idle.is_closed()
    assert_stopping(rest.request("GET", "/healthcheck"))
    assert_stopping(rest.request("POST", "/v2/images", {"name": "late"}))
    assert download.finish() == DATA
    with upload:
        upload.send(DATA[3_000_000:])
        response = upload.response()
        assert (response.status, response.headers["Connection"]) == (204, "close")
    assert bridge.wait() == 0
    assert catalog_dir.image_row(image)["status"] == "active"
    assert "late" not in catalog_dir.statuses()


def test_transfers_that_do_not_finish_are_cut_off_after_the_drain_timeout(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir.config(glancefs={"drain_timeout": 1}))
    image, upload = started_upload(bridge.rest, catalog_dir)
    with upload:
        assert bridge.signal_and_wait(signal.SIGTERM, 10) == 0
        assert upload.is_closed()
    log = bridge.log.read_text()
    assert "cutting them off" in log
    (accessed,) = [line for line in log.splitlines() if f'"PUT /v2/images/{image}/file ' in line]
    assert '" 499 ' in accessed
    assert catalog_dir.image_row(image)["status"] == "queued"
    assert (catalog_dir.spools(), catalog_dir.data_files()) == ([], [])


def test_a_second_signal_ends_it_at_once(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir)
    _, upload = started_upload(bridge.rest, catalog_dir)
    with upload:
        bridge.process.terminate()
        wait_until(lambda: "stopping" in bridge.log.read_text(), 10, "the signal")
        assert bridge.signal_and_wait(signal.SIGINT, 10) == 0
    assert catalog_dir.spools() == []


def test_idle_connections_do_not_delay_the_end(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir)
    with ExitStack() as stack:
        connections = [stack.enter_context(RawConnection(bridge.rest)) for _ in range(50)]
        for number, connection in enumerate(connections):
            connection.send(b"GET /versions HT" if number % 2 else request("GET /versions"))
        assert bridge.signal_and_wait(signal.SIGTERM, 5) == 0


def test_connections_that_come_with_the_signal_do_not_delay_the_end(bridges, catalog_dir):
    """Those that are accepted, but not served yet, when the last request ends."""
    for _ in range(10):
        bridge = bridges.start(catalog_dir)
        with ExitStack() as stack:
            os.kill(bridge.pid, signal.SIGSTOP)
            for _ in range(50):
                stack.enter_context(RawConnection(bridge.rest))
            os.kill(bridge.pid, signal.SIGTERM)
            assert bridge.signal_and_wait(signal.SIGCONT, 5) == 0


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────

COMBINED = re.compile(
    r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "(?P<line>[^"]*)" (?P<status>\d+) '
    r'(?P<size>\d+) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)" (?P<id>\S+) \d+\.\d{3}'
)


def accesses(path):
    """The whole lines; the last may be on its way."""
    whole = path.read_text().rpartition("\n")[0]
    return [COMBINED.fullmatch(line) for line in whole.splitlines()]


def test_the_access_log_is_in_the_combined_format(bridges, catalog_dir, tmp_path):
    path = tmp_path / "access.log"
    bridge = bridges.start(catalog_dir.config(glancefs={"access_log": path}))
    fields = (
        'User-Agent: e" \\ \xff',
        "Referer: http://a/",
        "X-Auth-Token: secret",
        "X-Openstack-Request-Id: mine",
    )
    with RawConnection(bridge.rest) as connection:
        connection.send(request("GET /v2/images?name=a%22b", *fields))
        body = connection.response().body
        connection.send(b"nonsense\r\n\r\n")
        assert connection.response().status == 400
    first, second = wait_until(lambda: len(accesses(path)) == 2 and accesses(path), 5, "two lines")
    assert first["line"] == "GET /v2/images?name=a%22b HTTP/1.1"
    assert (first["status"], first["size"], first["id"]) == ("200", str(len(body)), "req-mine")
    assert (first["referer"], first["agent"]) == ("http://a/", r"e\x22 \\ \xff")
    assert (second["line"], second["status"]) == ("-", "400")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "secret" not in path.read_text() + bridge.log.read_text()


def test_a_client_that_goes_away_is_logged_with_499(bridges, catalog_dir, tmp_path):
    path = tmp_path / "access.log"
    bridge = bridges.start(catalog_dir.config(glancefs={"access_log": path}))
    image = bridge.rest.create_raw("a", DATA)["id"]
    SlowDownload(bridge.rest, image).connection.__exit__()

    def statuses():
        line = f"GET /v2/images/{image}/file HTTP/1.1"
        return [access["status"] for access in accesses(path) if access["line"] == line]

    # Lines are written after the answers: one of an earlier request may come last.
    wait_until(lambda: statuses() == ["499"], 10, "the end of the download")


def test_no_request_drives_the_terminal_of_who_reads_the_log(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir.config(DEFAULT={"debug": "true"}))
    evil = "\xc2\x9b2J"  # the bytes of U+009B, which begins a control sequence
    missing = str(uuid.uuid4())
    with RawConnection(bridge.rest) as connection:
        connection.send(
            request(f"GET /v2/images/{missing}?{evil}", f"X-Openstack-Request-Id: {evil}\xff")
        )
        assert connection.response().status == 404
    lines = wait_until(
        lambda: [line for line in bridge.log.read_bytes().split(b"\n") if missing.encode() in line],
        5,
        "the request's lines",
    )
    shown = rb"\u{009b}2J"
    assert all(b"?" + shown in line and shown + rb"\xff " in line for line in lines)


@pytest.mark.parametrize("text", ["\x9b2J", "\x1b[2J"])
def test_no_configuration_drives_the_terminal(catalog_dir, text):
    status, message = refused(catalog_dir.config(glancefs={"access_log": text}), "--create")
    assert status == 2
    assert not [c for c in message if c != "\n" and unicodedata.category(c) == "Cc"]


def test_sighup_opens_the_logs_anew(bridges, catalog_dir, tmp_path):
    access, log = tmp_path / "access.log", tmp_path / "log" / "bridge.log"
    log.parent.mkdir()
    config = catalog_dir.config(
        DEFAULT={"log_dir": log.parent, "log_file": log.name}, glancefs={"access_log": access}
    )
    bridge = bridges.start(config)
    bridge.rest.request("GET", "/versions", expect=200)
    wait_until(lambda: len(accesses(access)) == 1, 5, "the first line")
    for path in (access, log):
        path.rename(path.with_suffix(".1"))
    bridge.process.send_signal(signal.SIGHUP)
    wait_until(access.exists, 10, "the new log")
    wait_until(lambda: log.exists() and "logs opened anew" in log.read_text(), 10, "a message")
    bridge.rest.request("GET", "/healthcheck", expect=200)
    wait_until(lambda: len(accesses(access)) == 1, 5, "the second line")
    assert accesses(access)[0]["line"] == "GET /healthcheck HTTP/1.1"
    assert accesses(access.with_suffix(".1"))[0]["line"] == "GET /versions HTTP/1.1"
    assert bridge.log.read_text() == ""


def test_a_log_that_cannot_be_opened_is_named(catalog_dir):
    path = catalog_dir.path / "missing" / "log"
    config = catalog_dir.config(DEFAULT={"log_file": path})
    assert refused(config, "--create") == (
        2,
        f"glance-api-bridge: opening the log {path}: No such file or directory\n",
    )


def test_accesses_need_not_be_logged(bridges, catalog_dir):
    bridge = bridges.start(catalog_dir.config(glancefs={"access_log": "off"}))
    bridge.rest.request("GET", "/versions", expect=200)
    bridge.stop()
    assert "GET" not in bridge.log.read_text()


# ── who may be served ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_without_authentication_only_this_machine_is_served(catalog_dir, host):
    status, message = refused(catalog_dir, "--create", "--bind", f"{host}:0")
    assert status == 2
    assert message == (
        f"glance-api-bridge: {host}:0 can be reached from other machines, and nobody would be asked "
        "who they are; allowed: a loopback address such as 127.0.0.1, or --allow-unauthenticated\n"
    )


def test_the_configurations_address_is_no_permission(catalog_dir):
    config = catalog_dir.config(DEFAULT={"bind_host": "0.0.0.0", "bind_port": 0})
    assert "0.0.0.0:0 can be reached from other machines" in refused(config, "--create")[1]


def test_an_inherited_socket_is_no_permission_either(catalog_dir):
    with socket.create_server(("0.0.0.0", 0)) as listening:
        port = listening.getsockname()[1]
        wrapper, fds = with_socket(listening)
        command = (*wrapper, program("glance-api-bridge"), catalog_dir, "--create")
        result = run(*command, check=False, pass_fds=fds)
    assert result.returncode == 2
    assert f"0.0.0.0:{port} can be reached from other machines" in result.stderr


def test_serving_everybody_must_be_said(bridges, catalog_dir):
    arguments = ("--create", "--bind", "0.0.0.0:0")
    bridges.start(catalog_dir, *arguments, "--allow-unauthenticated").stop()
    config = catalog_dir.config(glancefs={"allow_unauthenticated": "true"})
    bridge = bridges.start(config, *arguments)
    assert bridge.rest.request("GET", "/healthcheck").status == 200
    assert "whoever can reach it is the administrator" in bridge.log.read_text()


@pytest.mark.parametrize("flavor", ["keystone", "keystone+cachemanagement"])
def test_a_configuration_that_wants_keystone_is_not_served_without(bridges, catalog_dir, flavor):
    config = catalog_dir.config(paste_deploy={"flavor": flavor})
    status, message = refused(config, "--create")
    assert (status, message.split(": ")[1]) == (2, str(config))
    assert "allowed: a flavor without it, or --allow-unauthenticated" in message
    bridges.start(config, *ON_A_FREE_PORT, "--allow-unauthenticated").stop()


# ── mistakes ─────────────────────────────────────────────────────────────────────────────────────


def test_an_address_that_is_taken_is_named(bridge, catalog_dir):
    status, message = refused(catalog_dir, "--bind", f"127.0.0.1:{bridge.rest.port}")
    assert status == 2
    assert message == (
        f"glance-api-bridge: cannot listen on 127.0.0.1:{bridge.rest.port}: "
        "Address already in use\n"
    )


@pytest.mark.parametrize("address", ["", "9292", "localhost", "::1:80", "a:65536", "a:b"])
def test_a_bad_address_is_a_mistake_in_the_usage(catalog_dir, address):
    assert refused(catalog_dir, "--bind", address) == (
        1,
        f"glance-api-bridge: --bind: '{address}' is not an address; allowed: ADDRESS:PORT, "
        "[IPV6]:PORT, port 0 to 65535\nTry 'glance-api-bridge --help'.\n",
    )


# ── recovery ─────────────────────────────────────────────────────────────────────────────────────


def test_what_another_daemon_left_behind_is_recovered_without_a_restart(bridges, catalog_dir):
    survivor = bridges.start(catalog_dir.config(glancefs={"recovery_interval": 1}))
    victim = bridges.start(catalog_dir)
    image, upload = started_upload(victim.rest, catalog_dir)
    with upload:
        assert survivor.rest.image(image)["status"] == "saving"
        victim.crash()
    rest = survivor.rest
    wait_until(lambda: rest.image(image)["status"] == "queued", 10, "the recovery")
    wait_until(lambda: catalog_dir.spools() == [], 10, "its end")
    assert catalog_dir.data_files() == []
    rest.put_data(image, b"data", expect=204)
    assert rest.download(image) == b"data"

# SPDX-License-Identifier: Apache-2.0
"""The programs under test, and how to start, watch and end child processes."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / os.environ.get("GLANCE_BUILD", "build/dev")
SLOW = float(os.environ.get("GLANCE_SLOW", "1"))

PROGRAMS = {
    "glance-catalog": BUILD / "catalog/glance-catalog",
    "glancefs": BUILD / "fusefs/glancefs",
    "glance-api-bridge": BUILD / "api-bridge/glance-api-bridge",
    "mount.glance": BUILD / "mount.glance/mount.glance",
}

SHOWN = Counter()  # how much of each log has been printed
SANITIZER_REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")
ERROR_LINE = re.compile(r"\[(error|critical)\]|\b(ERROR|CRITICAL)\b")


def program(name):
    """The path of a program under test."""
    path = PROGRAMS[name]
    if not path.exists():
        pytest.fail(f"{path} is missing: build it, or set GLANCE_BUILD", pytrace=False)
    return str(path)


def wait_until(condition, deadline=10.0, what="the condition"):
    """Polls until `condition()` is true and returns its value; fails after `deadline` seconds."""
    end = time.monotonic() + deadline * SLOW
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not come true within {deadline * SLOW:.1f} s"
        time.sleep(0.005)
    return value


def environment(home=None):
    """What a program may see of ours: no proxies, no locale surprises."""
    kept = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
    result = {name: os.environ[name] for name in kept if name in os.environ}
    return result | {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home or "/nonexistent"),
        "LC_ALL": "C.UTF-8",
        "PYTHONWARNINGS": "ignore",
    }


def words(command):
    """The command's words as text: paths, mounts and numbers may be among them."""
    return [os.fspath(word) if isinstance(word, os.PathLike) else str(word) for word in command]


def successful(result):
    """The finished process, which must have exited with 0."""
    assert result.returncode == 0, f"{result.args} exited with {result.returncode}: {result.stderr}"
    return result


def run(*command, check=True, timeout=60, home=None, **options):
    """Runs a command to its end; text in and out. With `check` it must exit with 0."""
    options.setdefault("env", environment(home))
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    result = subprocess.run(
        words(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=timeout * SLOW,
        **options,
    )
    return successful(result) if check else result


def shell(script, *arguments, **options):
    """Runs a sh(1) script; its arguments are $1, $2, …"""
    return run("sh", "-c", script, "sh", *arguments, **options)


def glance_catalog(*arguments, **options):
    return run(program("glance-catalog"), *arguments, **options)


# In front of a command: it runs on a host of another name, as a container that starts again does.
UNDER_ANOTHER_NAME = ("unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh")


class Daemon:
    """A child that runs until it is told to stop. Its output goes to files that are checked.

    The kernel ends it should this process die first.
    """

    def __init__(self, command, output, env=None, pass_fds=()):
        self.out = output.with_suffix(".out")
        self.log = output.with_suffix(".log")
        self.expected_errors = []
        with open(self.out, "ab") as out, open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *words(command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=env or environment(),
                pass_fds=pass_fds,
            )

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def assert_running(self):
        assert self.is_running(), f"exited with {self.process.returncode}: {self.log.read_text()}"

    def expect_errors(self, *patterns):
        """Lines of the log that match may be errors: the test provokes them."""
        self.expected_errors += patterns

    def signal_and_wait(self, number, deadline=20.0):
        """Sends the signal and returns the exit status; kills the process after the deadline."""
        if self.is_running():
            self.process.send_signal(number)
        return self.wait(deadline)

    def wait(self, deadline=20.0):
        try:
            return self.process.wait(deadline * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"pid {self.pid} did not end within {deadline * SLOW} s") from None

    def kill(self):
        """kill -9, as a crash would."""
        return self.signal_and_wait(signal.SIGKILL)

    def check_log(self):
        """No sanitizer report and no error that the test does not expect."""
        text = self.log.read_text(errors="replace")
        # pytest shows it when the test fails; a daemon that begins anew goes on with the same log.
        print(f"--- {self.log} ---\n{text[SHOWN[self.log] :]}", end="")
        SHOWN[self.log] = len(text)
        assert not SANITIZER_REPORT.search(text), text
        errors = [line for line in text.splitlines() if ERROR_LINE.search(line)]
        unexpected = [
            line
            for line in errors
            if not any(re.search(pattern, line) for pattern in self.expected_errors)
        ]
        assert unexpected == []

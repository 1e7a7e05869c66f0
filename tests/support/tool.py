# SPDX-License-Identifier: Apache-2.0
"""The operator's tool on one catalog, and terminals for it to talk to."""

import os
import pty
import select
import signal
import subprocess
import time
from contextlib import contextmanager

from support.processes import SLOW, environment, glance_catalog, program, words

OK, USAGE, FAILURE, PROBLEMS, NO_SUCH_IMAGE, REFUSED = range(6)


class Tool:
    """glance-catalog with the SPEC of one catalog."""

    def __init__(self, catalog_dir):
        self.catalog_dir = catalog_dir
        self("db-sync")

    def __call__(self, *arguments, spec=None, **options):
        return glance_catalog("--spec", spec or self.catalog_dir, *arguments, **options)

    def add(self, *arguments, **options):
        """Adds an image and returns its id, which must be all that is printed."""
        result = self("add", *arguments, **options)
        assert result.stderr == ""
        (image_id,) = result.stdout.splitlines()
        return image_id

    def fails(self, code, *arguments, **options):
        """The one line of the error; nothing else may be printed."""
        result = self(*arguments, check=False, **options)
        assert (result.returncode, result.stdout) == (code, ""), result
        (line,) = result.stderr.splitlines()
        assert line.startswith("glance-catalog: ")
        return line.removeprefix("glance-catalog: ")

    def findings(self, command, *arguments, code=PROBLEMS):
        """What check or scrub finds: lines of (fault, subject, text)."""
        result = self(command, "--quiet", *arguments, check=False)
        assert (result.returncode, result.stderr) == (code, "")
        return [tuple(line.split(maxsplit=2)) for line in result.stdout.splitlines()]

    def command(self, *arguments):
        return words([program("glance-catalog"), "--spec", self.catalog_dir, *arguments])

    @contextmanager
    def running(self, *arguments, **options):
        """The tool as a child whose standard input is a pipe; killed at the end."""
        options.setdefault("stdin", subprocess.PIPE)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("env", environment())
        with subprocess.Popen(self.command(*arguments), **options) as process:
            try:
                yield process
            finally:
                process.kill()


def feed(process, data):
    process.stdin.write(data)
    process.stdin.flush()


def end(process):
    """Closes its input and returns (exit status, stdout, stderr)."""
    out, err = process.communicate(timeout=30 * SLOW)
    return process.returncode, out.decode(), err.decode()


def interrupt(process, number=signal.SIGINT):
    """Signals it while its input stays open; returns (exit status, stdout, stderr)."""
    process.send_signal(number)
    process.wait(30 * SLOW)
    return process.returncode, process.stdout.read().decode(), process.stderr.read().decode()


class Terminal:
    """A pseudo-terminal: `fd` is what a program gets, `text` what it has shown so far."""

    def __init__(self):
        self._master, self.fd = pty.openpty()
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._master)
        os.close(self.fd)

    def read(self):
        """What has come until now; does not wait for more."""
        while select.select([self._master], [], [], 0)[0]:
            self.text += os.read(self._master, 65536).decode()
        return self.text

    def read_until(self, pattern, deadline=10.0):
        """Waits until the text has a match of the compiled pattern; returns the match."""
        end_time = time.monotonic() + deadline * SLOW
        while not (match := pattern.search(self.read())):
            left = end_time - time.monotonic()
            assert left > 0, f"{pattern} did not show: {self.text!r}"
            select.select([self._master], [], [], left)
        return match

# SPDX-License-Identifier: Apache-2.0
"""Another process that makes system calls when it is told to, and lives as long as the test wants.

Run as a program, this file is that process.
"""

import os
import pickle
import subprocess
import sys

from contextlib import suppress


class Actor:
    """`actor.open(path, flags)` does os.open() over there; an OSError is raised over here."""

    def __init__(self):
        # The kernel ends it should this process die first.
        command = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @property
    def pid(self):
        return self._process.pid

    def __getattr__(self, name):
        def call(*arguments):
            self.begin(name, *arguments)
            return self.answer()

        return call

    def begin(self, name, *arguments):
        """Starts a call that may block; answer() waits for its end."""
        pickle.dump((name, arguments), self._process.stdin)
        self._process.stdin.flush()

    def answer(self):
        answer = pickle.load(self._process.stdout)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def exit(self, status=0):
        """Ends it, with whatever it has open."""
        self.begin("_exit", status)
        assert self._process.wait() == status

    def kill(self, number=9):
        self._process.send_signal(number)
        assert self._process.wait() == -number

    def clean_up(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        with suppress(OSError):  # what it never read
            self._process.stdin.close()


def serve(source, sink):
    while True:
        try:
            name, arguments = pickle.load(source)
        except EOFError:
            return
        try:
            answer = getattr(os, name)(*arguments)
        except OSError as error:
            answer = error
        pickle.dump(answer, sink)
        sink.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)

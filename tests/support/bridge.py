# SPDX-License-Identifier: Apache-2.0
"""The REST bridge as a child of the test."""

import os
import re
import signal

from support.processes import Daemon, program, wait_until
from support.rest import Rest

LISTENING = re.compile(r"^listening on (https?://[\d.]+:\d+)$", re.MULTILINE)
ON_A_FREE_PORT = ("--bind", "127.0.0.1:0", "--create")


class Bridge(Daemon):
    """A running bridge; `url` is its service root and `rest` a client of it."""

    def __init__(self, spec, output, arguments=ON_A_FREE_PORT, wrapper=(), **options):
        command = [*wrapper, program("glance-api-bridge"), os.fspath(spec), *arguments]
        super().__init__(command, output, **options)
        self.url = self._wait_until_listening()
        self.rest = Rest(self.url)

    def _wait_until_listening(self):
        def line():
            self.assert_running()
            return LISTENING.search(self.out.read_text())

        return wait_until(line, 20, "the line `listening on …`")[1]

    def stop(self):
        """SIGTERM ends it with status 0 and no error in its log."""
        self.assert_running()
        status = self.signal_and_wait(signal.SIGTERM)
        self.check_log()
        assert status == 0, f"the bridge exited with {status}"

    def crash(self):
        self.kill()
        self.check_log()


class BridgeSet:
    """The bridges of one test. At the end each that still runs must stop cleanly."""

    def __init__(self, folder):
        self._folder = folder
        self._bridges = []

    def start(self, spec, *arguments, **options):
        """`arguments` replace those that choose a free port and make the catalog."""
        bridge = Bridge.__new__(Bridge)
        self._bridges.append(bridge)
        output = self._folder / f"bridge{len(self._bridges)}"
        bridge.__init__(spec, output, arguments or ON_A_FREE_PORT, **options)
        return bridge

    def __enter__(self):
        return self

    def __exit__(self, *_):
        failures = []
        for bridge in self._bridges:
            if not hasattr(bridge, "process"):
                continue
            try:
                if bridge.is_running():
                    bridge.stop()
                elif bridge.process.returncode not in (0, -signal.SIGKILL):
                    failures.append(f"the bridge ended by itself: {bridge.process.returncode}")
            except Exception as failure:  # every bridge must end, then tell
                failures.append(str(failure))
            finally:
                if bridge.is_running():
                    bridge.kill()
        assert failures == []

# SPDX-License-Identifier: Apache-2.0
"""Python programs without the second or two that their imports take.

A process imports their modules once; each run is a fork of it that executes the program's own file
from the top, with arguments, environment and standard streams of its own.

Run as a program, this file is that process.
"""

import gc
import importlib
import importlib.metadata
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

# What /usr/bin/openstack and /usr/bin/glance come to import, beside the plugins they look up.
MODULES = (
    "glanceclient.shell",
    "glanceclient.v2.shell",
    "openstack.connection",
    "openstackclient.image.v2.image",
    "openstackclient.shell",
)
PLUGINS = ("openstack.cli.base", "openstack.cli.extension", "keystoneauth1.plugin")


class WarmPrograms:
    """`run(["/usr/bin/openstack", "image", "list"], environment)`, as subprocess.run() would."""

    def __init__(self):
        self._process = None

    def _start(self):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # The kernel ends it should this process die first.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, __file__],
                stdin=theirs,
                start_new_session=True,
            )

    def run(self, command, environment, timeout, stdin=subprocess.DEVNULL):
        """One at a time. Text in and out; after `timeout` seconds it is killed."""
        if not self._process:
            self._start()
        request = json.dumps([command, environment, os.getcwd()]).encode()
        self._socket.settimeout(timeout)
        with (
            open(os.devnull) as null,
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
        ):
            source = null if stdin == subprocess.DEVNULL else stdin
            streams = [file.fileno() for file in (source, out, err)]
            socket.send_fds(self._socket, [request], streams)
            try:
                status = int(self._socket.recv(64))
            except TimeoutError:
                self.close()
                raise subprocess.TimeoutExpired(command, timeout) from None
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(command, status, out.read(), err.read())

    def close(self):
        """Ends the process, if there is one, and what it runs."""
        if not self._process:
            return
        self._socket.close()
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None


def execute(command, environment, folder, streams):
    """In the fork: becomes the program; returns the argument of its sys.exit()."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        return end.code
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def leave(code):
    """As sys.exit() would, without the time to take the whole interpreter apart."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def import_all():
    # Some of them look at the program's name while they are imported.
    sys.argv = ["openstack"]
    for name in MODULES:
        importlib.import_module(name)
    for group in PLUGINS:
        for plugin in importlib.metadata.entry_points(group=group):
            plugin.load()
    gc.freeze()  # or each fork would copy what its collector looks at


def serve(requests):
    while True:
        message, streams, _, _ = socket.recv_fds(requests, 1 << 16, 3)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            leave(execute(*json.loads(message), streams))
        for descriptor in streams:
            os.close(descriptor)
        _, status = os.wait()
        requests.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    import_all()
    serve(socket.socket(fileno=os.dup(0)))

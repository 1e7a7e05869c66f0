# SPDX-License-Identifier: Apache-2.0
"""The real glance-api from Debian's package, without Keystone, on a port of its own."""

import signal
import socket
from pathlib import Path

from support.processes import Daemon, run, wait_until
from support.rest import Rest

CONFIG = """\
[DEFAULT]
bind_host = 127.0.0.1
bind_port = {port}
workers = {workers}
enabled_backends = file:file
show_multiple_locations = True
{options}
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = {store}
[os_glance_staging_store]
filesystem_store_datadir = {work}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {work}/tasks
[database]
connection = sqlite:///{database}
[oslo_concurrency]
lock_path = {work}/lock
[paste_deploy]
config_file = /usr/share/glance-common/glance-api-paste.ini
[oslo_messaging_notifications]
driver = noop
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class RealGlance:
    """A glance-api on a database and a store; `config` is the file that an operator would have.

    `options` are more lines of its section [DEFAULT].
    """

    def __init__(self, work, database, store, options="", workers=0):
        self.work = Path(work)
        for name in ("staging", "tasks", "lock"):
            (self.work / name).mkdir(parents=True, exist_ok=True)
        Path(store).mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.rest = Rest(self.url)
        self.config = self.work / "glance-api.conf"
        values = {"port": self.port, "work": work, "database": database, "store": store}
        text = CONFIG.format(options=options, workers=workers, **values)
        self.config.write_text(text, encoding="utf-8")
        self._daemon = None

    def manage(self, *arguments):
        """Runs glance-manage; returns what it printed."""
        result = run("/usr/bin/glance-manage", "--config-file", self.config, *arguments)
        return result.stdout

    def start(self):
        command = ["/usr/bin/glance-api", "--config-file", self.config]
        self._daemon = Daemon(command, self.work / "glance-api")
        wait_until(self._answers, 60, "the real glance-api")
        return self.rest

    def _answers(self):
        self._daemon.assert_running()
        try:
            return self.rest.request("GET", "/v2/images").status == 200
        except ConnectionRefusedError:
            return False

    def stop(self, may_fail=False):
        """Ends it; it must not have tripped over anything, unless the test knows that it does."""
        if not self._daemon:
            return
        daemon, self._daemon = self._daemon, None
        daemon.signal_and_wait(signal.SIGTERM)
        text = daemon.log.read_text() + daemon.out.read_text()
        assert may_fail or "Traceback" not in text, text

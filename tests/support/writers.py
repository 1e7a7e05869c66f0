# SPDX-License-Identifier: Apache-2.0
"""Writers that wait in the middle of their work, to be killed or to go on."""

import os
import subprocess

from support.processes import SLOW, environment, wait_until, words


def start(*command):
    """A command in the background, mortal even where our own parent has us ignore signals."""
    return subprocess.Popen(
        words(["env", "--default-signal", *command]), env=environment(), stderr=subprocess.PIPE
    )


class StuckWriter:
    """A command that has copied the first part of a FIFO into the mount, and waits for more.

    `script` is one for sh(1): $1 is the FIFO and $2 the file to write.
    """

    def __init__(self, script, fifo, target):
        os.mkfifo(fifo)
        self.process = start("sh", "-c", script, "sh", fifo, target)
        self.source = os.open(fifo, os.O_WRONLY)

    def copy(self, data, catalog_dir):
        """Has it copy the first part; returns when all of that has been written."""
        os.write(self.source, data)
        wait_until(lambda: catalog_dir.spooled_bytes() == len(data), 10, "the first part")

    def go_on(self, data):
        """The last bytes come."""
        os.write(self.source, data)
        os.close(self.source)
        self.source = -1

    def end(self):
        """Waits for the writer and returns its exit status."""
        return self.process.wait(10 * SLOW)

    def clean_up(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        if self.source >= 0:
            os.close(self.source)

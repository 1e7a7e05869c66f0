# SPDX-License-Identifier: Apache-2.0
"""How a benchmark ends before its time."""

import signal
import sys
from contextlib import contextmanager


def clean_up_when_told_to_end():
    """SIGTERM and SIGHUP end the program as SIGINT does: servers, mounts and files go with it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


@contextmanager
def end_put_off():
    """A signal that comes in the block ends the program behind it.

    Who starts a process there knows of it when it has to clean up.
    """
    came = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in came:
        signal.raise_signal(number)

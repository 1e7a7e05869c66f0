# SPDX-License-Identifier: Apache-2.0
"""Real mounts: a glancefs daemon in the foreground as a child of the test."""

import errno
import os
import signal
import threading
from pathlib import Path

from support.processes import SLOW, Daemon, program, run, wait_until


def mounted_paths():
    """The mount points of this namespace, the newest last."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return [line.split()[4].encode().decode("unicode_escape") for line in table]


def wait_until_mounted(path, is_running=lambda: True):
    """Waits for the mount point to be in the kernel's table and to answer."""
    parent = os.stat(path.parent).st_dev

    def usable():
        assert is_running(), "the daemon has ended"
        try:
            return str(path) in mounted_paths() and os.stat(path).st_dev != parent
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
            return False  # a dead mount, which the daemon is about to take away

    wait_until(usable, 20, f"the mount on {path}")


class Mount(os.PathLike):
    """One mount point and the daemon behind it."""

    def __init__(self, spec, path, options, limit):
        self.spec = os.fspath(spec)
        self.path = Path(path)
        self.options = options
        self._limit = limit
        self.wrapper = ()  # words before the daemon's command
        self.busy_for = 0  # seconds after the test's end, e.g. of kernel threads
        self.daemon = None
        self.path.mkdir()
        self.start()

    def start(self):
        command = [*self.wrapper, program("glancefs"), self.spec, self.path, "-f"]
        if self.options:
            command += ["-o", self.options]
        self.daemon = Daemon(command, self.path.with_name(self.path.name + "-daemon"))
        # Whoever waits for a daemon that hangs cannot be interrupted: killing it frees them.
        self._watchdog = threading.Timer(self._limit * SLOW, self.daemon.process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()
        wait_until_mounted(self.path, self.daemon.is_running)

    def __fspath__(self):
        return str(self.path)

    def __truediv__(self, name):
        return self.path / name

    def names(self):
        return sorted(os.listdir(self.path))

    def xattr(self, name, key):
        return os.getxattr(self.path / name, f"user.glance.{key}").decode()

    def set_xattr(self, name, key, value, flags=0):
        os.setxattr(self.path / name, f"user.glance.{key}", value.encode(), flags)

    def remove_xattr(self, name, key):
        os.removexattr(self.path / name, f"user.glance.{key}")

    def xattrs(self, name):
        """The listed keys, without their namespace, and their values."""
        keys = [key.removeprefix("user.glance.") for key in os.listxattr(self.path / name)]
        return {key: self.xattr(name, key) for key in keys}

    def is_mounted(self):
        return str(self.path) in mounted_paths()

    def _try_unmount(self):
        result = run("umount", "-i", self.path, check=False)
        assert result.returncode == 0 or "busy" in result.stderr, result
        return result.returncode == 0

    def unmount(self):
        """A clean end: umount works, the daemon exits with 0 and has logged no error."""
        wait_until(self._try_unmount, self.busy_for, "the end of whoever keeps the mount busy")
        status = self.daemon.wait()
        self._watchdog.cancel()
        self.daemon.check_log()
        assert status == 0, f"the daemon exited with {status}"
        assert not self.is_mounted()

    def crash(self):
        """kill -9 of the daemon; the dead mount point is cleared away.

        Nobody may hold a file open there: kill the daemon first and let them see it.
        """
        self.daemon.kill()
        self._watchdog.cancel()
        self.daemon.check_log()
        if self.is_mounted():
            wait_until(self._try_unmount, self.busy_for, "the end of whoever keeps the mount busy")

    def check_end(self):
        """A daemon that the test has ended: cleanly, or by kill -9, but not by itself."""
        self.daemon.check_log()
        assert self.daemon.process.poll() in (0, -signal.SIGKILL)

    def remount(self):
        if self.daemon.is_running():
            self.unmount()
        self.start()

    def clean_up(self):
        """Leaves nothing behind, whatever state a failed test left."""
        self._watchdog.cancel()
        while self.is_mounted():
            # By force: who waits for a daemon that does not answer any more is freed.
            run("umount", "-i", "-f", "-l", self.path)
        if self.daemon.is_running():
            self.daemon.kill()


class MountSet:
    """The mounts of one test. At the end each must go away cleanly."""

    def __init__(self, folder, limit):
        self.folder = Path(folder)
        self._limit = limit
        self._mounts = []

    def start(self, spec, options="create", name=None):
        name = name or f"mnt{len(self._mounts) or ''}"
        mount = Mount.__new__(Mount)
        self._mounts.append(mount)
        mount.__init__(spec, self.folder / name, options, self._limit)
        return mount

    def __enter__(self):
        return self

    def __exit__(self, *_):
        failures = []
        for mount in self._mounts:
            if not mount.daemon:
                continue
            try:
                if mount.is_mounted():
                    mount.unmount()
                else:
                    mount.check_end()
            except Exception as failure:  # every mount must be cleaned up, then tell
                failures.append(f"{mount.path}: {failure}")
            finally:
                mount.clean_up()
        failures += [path for path in mounted_paths() if path.startswith(f"{self.folder}/")]
        assert failures == []

# SPDX-License-Identifier: Apache-2.0
"""Mounts made by mount(8): the helper in its place, and directories to mount on."""

import fcntl
import os
import shutil
import signal
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from support.mounts import mounted_paths
from support.processes import SLOW, program, run, wait_until

LINKS = ["mount.glance", "mount.fuse.glance", "umount.fuse.glance"]


@contextmanager
def installed_helper(target):
    """The helper where mount(8) looks for it; one test at a time may have it there."""
    with open("/run/lock/glancefs-tests", "a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        links = [Path("/usr/sbin") / name for name in LINKS]
        remove_leftovers(lock, links)
        made = [link for link in links if not link.is_symlink() and not link.exists()]
        lock.write(str(target))
        lock.flush()
        for link in made:
            link.symlink_to(target)
        try:
            for link in links:
                assert link.resolve() == target, f"{link} belongs to another installation"
            yield
        finally:
            for link in made:
                link.unlink()
            lock.truncate(0)


def remove_leftovers(lock, links):
    """The links of a test run that was killed: the lock's file holds what they lead to."""
    lock.seek(0)
    target = lock.read()
    for link in links:
        if target and link.is_symlink() and os.readlink(link) == target:
            link.unlink()
    lock.truncate(0)


@contextmanager
def folder_of(user):
    """A directory of that user's, which all may enter (pytest's are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="glancefs-"))
    try:
        folder.chmod(0o755)
        shutil.chown(folder, user)
        yield folder
    finally:
        for path in reversed(mounted_paths()):
            if path.startswith(f"{folder}/"):
                run("umount", "-i", "-l", path)
        shutil.rmtree(folder)


def copy_programs(folder):
    """The programs of the build as an installation below `folder`, for users who cannot get at
    the build directory; returns the helper and glancefs."""
    copies = [folder / "sbin/mount.glance", folder / "bin/glancefs"]
    for copy in copies:
        copy.parent.mkdir()
        shutil.copy(program(copy.name), copy)
    return copies


def daemons_of(directory):
    """The ids of the glancefs processes that serve this directory."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if words[0].endswith(b"glancefs") and os.fsencode(directory) in words:
            found.append(int(process.name))
    return found


class MountPoint(os.PathLike):
    """A directory that the test mounts by mount(8); after `limit` seconds its daemons are killed."""

    def __init__(self, path, limit):
        self.path = path
        path.mkdir()
        # Whoever waits for a daemon that hangs cannot be interrupted: killing it frees them.
        self._watchdog = threading.Timer(limit * SLOW, self._kill_daemons)
        self._watchdog.daemon = True
        self._watchdog.start()

    def _kill_daemons(self):
        for pid in self.daemons():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def __fspath__(self):
        return str(self.path)

    def __truediv__(self, name):
        return self.path / name

    def names(self):
        return sorted(os.listdir(self.path))

    def xattr(self, name, key):
        return os.getxattr(self.path / name, f"user.glance.{key}").decode()

    def times_mounted(self):
        return mounted_paths().count(str(self.path))

    def flags(self):
        """The mount's flags and the filesystem's, as the kernel shows them."""
        return set(run("findmnt", "-n", "-o", "OPTIONS", self).stdout.strip().split(","))

    def daemons(self):
        return daemons_of(self)

    def clean_up(self):
        """For the end of a test, which must have unmounted."""
        self._watchdog.cancel()
        leaked = self.times_mounted()
        while self.times_mounted():
            run("umount", "-i", "-l", self)
        assert leaked == 0, "the test left its mount behind"
        wait_until(lambda: self.daemons() == [], 10, "the daemon's end")

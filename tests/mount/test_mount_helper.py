# SPDX-License-Identifier: Apache-2.0
"""mount -t glance, fstab and umount, as mount(8) knows them."""

import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest

from support.expectations import assert_published
from support.mounts import mounted_paths
from support.processes import SLOW, environment, program, run, wait_until

LINKS = ["mount.glance", "mount.fuse.glance", "umount.fuse.glance"]


@pytest.fixture
def helper():
    """The build's helper where mount(8) looks for it; one test at a time may have it there."""
    target = Path(program("mount.glance"))
    with open("/run/lock/glancefs-tests", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        links = [Path("/usr/sbin") / name for name in LINKS]
        made = [link for link in links if not link.is_symlink() and not link.exists()]
        for link in made:
            link.symlink_to(target)
        try:
            for link in links:
                assert link.resolve() == target, f"{link} belongs to another installation"
            yield
        finally:
            for link in made:
                link.unlink()


class MountPoint(os.PathLike):
    """A directory that the test mounts by mount(8)."""

    def __init__(self, path):
        self.path = path
        path.mkdir()

    def __fspath__(self):
        return str(self.path)

    def __truediv__(self, name):
        return self.path / name

    def xattr(self, name, key):
        return os.getxattr(self.path / name, f"user.glance.{key}").decode()

    def times_mounted(self):
        return mounted_paths().count(str(self.path))

    def daemons(self):
        """The ids of the glancefs processes that serve this directory."""
        found = []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended
            if words[0].endswith(b"glancefs") and os.fsencode(self) in words:
                found.append(int(process.name))
        return found


@pytest.fixture
def point(helper, tmp_path):
    point = MountPoint(tmp_path / "point")
    yield point
    leaked = point.times_mounted()
    while point.times_mounted():
        run("umount", "-l", point)
    assert leaked == 0, "the test left its mount behind"
    wait_until(lambda: point.daemons() == [], 10, "the daemon's end")


@pytest.fixture
def fstab(tmp_path, catalog_dir, point):
    """An fstab with one line for the catalog."""
    path = tmp_path / "fstab"
    line = f"{os.fspath(catalog_dir)} {os.fspath(point)} glance create,noauto,x-test,_netdev 0 0\n"
    path.write_text(line, encoding="utf-8")
    return path


def test_mount_t_glance_mounts_and_umount_unmounts(point, catalog_dir, small_source):
    result = run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    assert (result.stdout, result.stderr) == ("", "")
    assert point.times_mounted() == 1
    assert len(point.daemons()) == 1
    run("cp", small_source, point)
    assert_published(point, catalog_dir, "small.img", small_source)
    run("umount", point)
    assert point.times_mounted() == 0
    assert os.listdir(point) == []


@pytest.mark.parametrize("command", ["umount", "umount -l", "umount.fuse.glance"])
def test_unmounting_waits_until_the_daemon_has_finished(point, catalog_dir, command):
    for round_ in range(5):
        run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
        (point / f"image{round_}").write_bytes(b"data")
        run(*command.split(), point)
        assert point.daemons() == []
        assert set(catalog_dir.statuses().values()) == {"active"}


def test_the_kernel_shows_type_and_source_as_given(point, catalog_dir):
    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    shown = run("findmnt", "-n", "-o", "FSTYPE,SOURCE", point).stdout.split()
    assert shown == ["fuse.glance", os.fspath(catalog_dir)]
    run("umount", point)


def test_mount_options_arrive(point, catalog_dir, small_source):
    run("mount", "-t", "glance", "-o", "create,uid=1234,gid=4321", catalog_dir, point)
    run("cp", small_source, point)
    status = os.stat(point / "small.img")
    assert (status.st_uid, status.st_gid) == (1234, 4321)
    run("umount", point)
    run("mount", "-t", "glance", "-r", catalog_dir, point)
    assert run("touch", point / "new", check=False).returncode == 1
    assert os.listdir(point) == ["small.img"]
    run("umount", point)


def test_an_fstab_line_mounts_by_directory(point, fstab, catalog_dir, small_source):
    run("mount", "-T", fstab, point)
    run("cp", small_source, point)
    assert_published(point, catalog_dir, "small.img", small_source)
    run("umount", point)


def test_mount_a_does_not_stack_a_second_mount(point, fstab):
    fstab.write_text(fstab.read_text().replace("noauto,", ""))
    run("mount", "-a", "-T", fstab)
    run("mount", "-a", "-T", fstab)
    assert point.times_mounted() == 1
    run("umount", point)


def test_a_mount_whose_daemon_died_is_replaced(point, catalog_dir, small_source):
    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    run("cp", small_source, point)
    (pid,) = point.daemons()
    os.kill(pid, 9)
    run("mount", "-t", "glance", catalog_dir, point)
    assert point.times_mounted() == 1
    assert_published(point, catalog_dir, "small.img", small_source)
    run("umount", point)


def test_remount_changes_to_read_only_and_back(point, catalog_dir, small_source):
    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    run("mount", "-o", "remount,ro", point)
    result = run("touch", point / "new", check=False)
    assert "Read-only file system" in result.stderr
    run("mount", "-o", "remount,rw", point)
    run("cp", small_source, point)
    run("umount", point)


def fails_in_one_line(*command):
    """Runs a mount command that must fail with 32; returns its one line."""
    result = run(*command, check=False)
    assert result.returncode == 32, result
    (line,) = result.stderr.splitlines()
    return line


def test_a_missing_catalog_is_a_mount_failure_in_one_line(point, tmp_path):
    missing = tmp_path / "no-such-catalog"
    line = fails_in_one_line("mount", "-t", "glance", missing, point)
    assert str(missing) in line
    assert not missing.exists()


def test_a_directory_that_holds_no_catalog_is_a_mount_failure_in_one_line(point, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    line = fails_in_one_line("mount", "-t", "glance", empty, point)
    assert str(empty) in line
    assert list(empty.iterdir()) == []


def test_a_file_that_is_no_database_is_a_mount_failure_in_one_line(point, catalog_dir):
    catalog_dir.path.mkdir()
    catalog_dir.database.write_text("this is not a database\n" * 100)
    fails_in_one_line("mount", "-t", "glance", catalog_dir, point)


def test_a_bad_configuration_is_told_with_file_line_and_key(point, tmp_path):
    config = tmp_path / "glance-api.conf"
    database = f"[database]\nconnection = sqlite:///{tmp_path}/glance.sqlite\n"
    config.write_text(f"{database}[DEFAULT]\nimage_size_cap = plenty\n")
    line = fails_in_one_line("mount", "-t", "glance", config, point)
    assert f"{config}:4" in line
    assert "image_size_cap" in line


def test_a_url_with_a_password_is_refused_without_showing_it(point):
    url = "mysql+pymysql://glance:topsecret@localhost/glance"
    result = run("mount", "-t", "glance", url, point, check=False)
    assert result.returncode != 0
    assert "password" in result.stderr
    assert "topsecret" not in result.stderr + result.stdout


def test_an_unknown_option_is_named(point, catalog_dir):
    result = run("mount", "-t", "glance", "-o", "create,cretae", catalog_dir, point, check=False)
    assert result.returncode in (1, 32)
    (line,) = result.stderr.splitlines()
    assert "cretae" in line


def test_mount_f_checks_without_mounting(point, catalog_dir, tmp_path):
    run("mount", "-f", "-t", "glance", "-o", "create", catalog_dir, point)
    assert point.times_mounted() == 0
    assert not catalog_dir.path.exists()
    fails_in_one_line("mount", "-f", "-t", "glance", tmp_path / "missing", point)


def test_umount_ends_when_its_daemon_is_killed(point, catalog_dir):
    """A daemon that hangs blocks its umount; killing it must free the one who waits."""
    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    (daemon,) = point.daemons()
    os.kill(daemon, signal.SIGSTOP)
    waiting = subprocess.Popen(["umount.fuse.glance", os.fspath(point)], env=environment())
    try:
        helper = Path("/proc") / str(waiting.pid)
        wait_until(
            lambda: "umount" in children_of(helper) or not point.times_mounted(),
            10,
            "the helper's own umount",
        )
        os.kill(daemon, signal.SIGKILL)
        assert waiting.wait(10 * SLOW) in (0, 32)
    finally:
        waiting.kill()
        waiting.wait()
    run("umount", "-i", "-l", point, check=False)
    assert point.times_mounted() == 0


def children_of(process):
    """The names of all programs that the process has started, directly or not."""
    names = []
    for child in (process / "task" / process.name / "children").read_text().split():
        names.append((Path("/proc") / child / "comm").read_text().strip())
        names += children_of(Path("/proc") / child)
    return names

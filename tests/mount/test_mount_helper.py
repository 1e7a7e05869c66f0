# SPDX-License-Identifier: Apache-2.0
"""mount -t glance, fstab and umount, as mount(8) knows them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.expectations import assert_published
from support.mount_points import MountPoint, installed_helper
from support.processes import SLOW, environment, run, wait_until


@pytest.mark.smoke
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


def test_every_option_of_the_mount_goes_through_mount_8(point, catalog_dir, small_source):
    options = (
        "create,uid=nobody,gid=nogroup,umask=027,owner=team,visibility=community,allow_other,"
        "overwrite=replace,replaced=hide,commit_linger=0,drain=1,show_views,log_level=debug"
    )
    run("mount", "-t", "glance", "-o", options, catalog_dir, point)
    run("cp", small_source, point / "image")
    old_id = point.xattr("image", "id")
    assert point.xattr("image", "owner") == "team"
    assert point.xattr("image", "visibility") == "community"
    shown = run("stat", "-c", "%U %G %a", point / "image").stdout
    assert shown == "nobody nogroup 440\n"
    assert "allow_other" in point.flags()
    run("cp", "/etc/hostname", point / "image")
    wait_until(lambda: point.xattr("image", "id") != old_id, 5, "the replacement")
    assert point.xattr(f".by-id/{old_id}", "os_hidden") == "true"
    assert ".by-id" in point.names()
    with open(point / "edited", "w+b") as file:
        file.write(b"data")
    wait_until(lambda: point.xattr("edited", "status") == "active", 2, "what commit_linger=0 says")
    run("umount", point)


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


@pytest.mark.parametrize("spec", ["catalog", "link to the catalog", "config", "url"])
def test_mount_a_does_not_stack_a_second_mount(point, fstab, catalog_dir, tmp_path, spec):
    specs = {
        "catalog": catalog_dir.path,
        "link to the catalog": tmp_path / "link",
        "config": tmp_path / "glance-api.conf",
        "url": f"sqlite:///{catalog_dir.database}",
    }
    catalog_dir.path.mkdir()
    (tmp_path / "link").symlink_to(catalog_dir.path)
    database = f"[database]\nconnection = {specs['url']}\n"
    store = f"[glance_store]\nfilesystem_store_datadir = {catalog_dir.store}\n"
    (tmp_path / "glance-api.conf").write_text(database + store)
    options = "create,user,nofail,_netdev,x-systemd.automount"
    fstab.write_text(f"{specs[spec]} {point.path} glance {options} 0 0")
    run("mount", "-a", "-T", fstab)
    run("mount", "-a", "-T", fstab)
    assert point.times_mounted() == 1
    assert len(point.daemons()) == 1
    run("umount", point)


def test_fstab_escapes_and_quotes_arrive(fstab, point, tmp_path, daemon_limit):
    spaced = MountPoint(tmp_path / "a point, with\\more", daemon_limit)
    catalog = tmp_path / "my catalog, too"
    spec, where = (
        str(path).replace("\\", "\\134").replace(" ", "\\040") for path in (catalog, spaced.path)
    )
    fstab.write_text(f'{spec} {where} glance create,owner="a\\040b,c",nofail 0 0')
    run("mount", "-T", fstab, spaced)
    (spaced / "image").write_bytes(b"data")
    assert spaced.xattr("image", "owner") == "a b,c"
    shown = run("findmnt", "-n", "-r", "-o", "SOURCE", spaced).stdout.strip()
    assert shown == str(catalog).replace(" ", "\\x20")
    run("mount", "-a", "-T", fstab)
    assert spaced.times_mounted() == 1
    run("umount", spaced)


def test_mount_a_of_a_failing_line_goes_on_with_the_next(point, fstab, tmp_path):
    line = fstab.read_text().replace("noauto,", "")
    fstab.write_text(f"{tmp_path}/missing {tmp_path} glance nofail 0 0\n{line}")
    result = run("mount", "-a", "-T", fstab, check=False)
    assert result.returncode == 64  # some succeeded
    assert "missing does not exist" in result.stderr
    assert point.times_mounted() == 1
    run("umount", point)


def test_a_relative_spec_is_shown_as_an_absolute_one(point, tmp_path):
    for _ in ("made by this mount", "there already"):
        run("mount", "-t", "glance", "-o", "create", "a catalog", point, cwd=tmp_path)
        shown = run("findmnt", "-n", "-r", "-o", "SOURCE", point).stdout.strip()
        assert shown == f"{tmp_path}/a\\x20catalog"
        run("umount", point)


def test_words_for_mount_and_systemd_are_swallowed(point, catalog_dir):
    words = (
        "create,defaults,_netdev,nofail,noauto,auto,user,nouser,users,owner,group,nogroup,"
        "x-mount.mkdir,X-other=1,x-systemd.automount,comment=a,relatime,norelatime,nodiratime,"
        "lazytime,silent"
    )
    run("mount.glance", catalog_dir, point, "-o", words, "-n", "-s", "-t", "fuse.glance")
    assert point.times_mounted() == 1
    run("umount", point)


def test_mounts_own_flags_reach_the_kernel(point, catalog_dir):
    flags = "nosuid,nodev,noexec,noatime,sync"
    run("mount", "-t", "glance", "-o", f"create,{flags}", catalog_dir, point)
    assert set(flags.split(",")) <= point.flags()
    run("umount", point)


def test_of_ro_and_rw_the_last_one_counts(point, catalog_dir):
    run("mount", "-t", "glance", "-o", "create,ro,rw", catalog_dir, point)
    assert "rw" in point.flags()
    run("umount", point)
    run("mount", "-t", "glance", "-o", "rw,ro", catalog_dir, point)
    assert "ro" in point.flags()
    run("umount", point)


def test_an_empty_environment_is_enough(point, catalog_dir):
    """systemd gives its helpers next to nothing."""
    run("/usr/bin/env", "-i", "/usr/sbin/mount.glance", catalog_dir, point, "-o", "create")
    (point / "image").write_bytes(b"data")
    run("/usr/bin/env", "-i", "/usr/sbin/umount.fuse.glance", point)
    assert point.daemons() == []


def test_mount_s_passes_over_unknown_options(point, catalog_dir):
    run("mount", "-s", "-t", "glance", "-o", "create,blue,red=1", catalog_dir, point)
    run("umount", point)


def test_mount_v_says_what_is_run(point, catalog_dir):
    result = run("mount", "-v", "-t", "glance", "-o", "create,uid=7", catalog_dir, point)
    assert f"glancefs {catalog_dir.path} {point.path} -o create,uid=7\n" in result.stdout
    run("umount", point)


def test_another_catalog_may_be_mounted_on_top(point, catalog_dir, tmp_path):
    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    (point / "below").write_bytes(b"data")
    run("mount", "-t", "glance", "-o", "create", tmp_path / "other", point)
    assert point.names() == []
    run("umount", point)
    assert point.names() == ["below"]
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


@pytest.mark.parametrize(
    "remount",
    [
        ("mount", "-o", "remount,{}", "{point}"),
        ("mount", "-t", "glance", "-o", "remount,{}", "{spec}", "{point}"),
        ("mount.fuse.glance", "{spec}", "{point}", "-o", "{},remount"),
    ],
    ids=["by directory", "by type", "helper"],
)
def test_remount_changes_to_read_only_and_back(point, catalog_dir, small_source, remount):
    def remounted(mode):
        names = {"point": point.path, "spec": catalog_dir.path}
        run(*(word.format(mode, **names) for word in remount))

    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    (pid,) = point.daemons()
    remounted("ro")
    assert "ro" in point.flags()
    for command in (["touch", point / "new"], ["cp", small_source, point]):
        result = run(*command, check=False)
        assert result.returncode == 1
        assert "Read-only file system" in result.stderr
    remounted("rw")
    assert "rw" in point.flags()
    run("cp", small_source, point)
    assert_published(point, catalog_dir, "small.img", small_source)
    assert point.daemons() == [pid]
    run("umount", point)


def test_remount_by_fstab(point, fstab):
    run("mount", "-T", fstab, point)
    run("mount", "-T", fstab, "-o", "remount,ro", point)
    assert "ro" in point.flags()
    run("umount", point)


def test_a_mount_that_began_read_only_may_become_writable(point, catalog_dir, small_source):
    run("mount", "-t", "glance", "-o", "create,ro", catalog_dir, point)
    run("mount", "-o", "remount,rw", point)
    run("cp", small_source, point)
    assert_published(point, catalog_dir, "small.img", small_source)
    run("umount", point)


def test_remount_to_read_only_while_a_file_is_written_is_refused(point, catalog_dir):
    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    with open(point / "image", "wb", buffering=0) as file:
        file.write(b"some ")
        result = run("mount", "-o", "remount,ro", point, check=False)
        assert result.returncode == 32
        assert "busy" in result.stderr
        file.write(b"data")
    assert (point / "image").read_bytes() == b"some data"
    run("umount", point)


def test_remount_of_what_is_not_mounted_fails(point, catalog_dir):
    command = ["mount", "-t", "glance", "-o", "remount,ro", catalog_dir, point]
    result = run(*command, check=False)
    assert result.returncode == 32
    assert "not mounted" in result.stderr


def test_umount_of_a_busy_mount_is_refused_and_harms_nothing(point, catalog_dir):
    run("mount", "-t", "glance", "-o", "create", catalog_dir, point)
    (point / "image").write_bytes(b"data")
    with open(point / "image", "rb") as file:
        result = run("umount", point, check=False)
        assert result.returncode == 32
        assert "busy" in result.stderr
        assert file.read() == b"data"
    assert point.times_mounted() == 1
    (point / "another").write_bytes(b"more")
    run("umount", point)


def test_every_dead_mount_on_the_mount_point_is_taken_away(point, catalog_dir, tmp_path):
    for spec in (tmp_path / "other", catalog_dir):
        run("mount", "-t", "glance", "-o", "create", spec, point)
    for pid in point.daemons():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: point.daemons() == [], 10, "the daemons' end")
    run("mount", "-t", "glance", catalog_dir, point)
    assert point.times_mounted() == 1
    run("umount", point)


def test_glancefs_itself_takes_a_dead_mount_away(mounts, catalog_dir):
    """As a service does that is restarted."""
    mount = mounts.start(catalog_dir)
    (mount / "image").write_bytes(b"data")
    mount.daemon.kill()
    assert mount.is_mounted()
    mount.start()
    assert (mount / "image").read_bytes() == b"data"


def test_mounting_by_directory_replaces_a_mount_whose_daemon_died(point, fstab):
    run("mount", "-T", fstab, point)
    (pid,) = point.daemons()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: point.daemons() == [], 10, "the daemon's end")
    run("mount", "-T", fstab, point)
    assert point.names() == []
    run("umount", point)


class Autofs:
    """A trigger on a directory, as systemd's automount units make them. Nobody serves it: whoever
    steps on it waits, and its request lies in a pipe, where the test finds it."""

    # Opened by a member of its own process group it does not trigger; the ioctl is
    # AUTOFS_IOC_CATATONIC, which frees those who wait.
    GIVE_UP = "import fcntl, os, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x9362)"

    def __init__(self, directory):
        self.directory = directory
        self.requests, writing = os.pipe()
        self.server = subprocess.Popen(["sleep", "infinity"], process_group=0)
        options = f"fd={writing},pgrp={self.server.pid},minproto=5,maxproto=5,direct"
        command = ["-i", "-t", "autofs", "-o", options, "systemd-1", directory]
        run("mount", *command, pass_fds=[writing])
        os.close(writing)
        os.set_blocking(self.requests, False)

    def was_triggered(self):
        try:
            return os.read(self.requests, 1) != b""
        except BlockingIOError:
            return False

    def remove(self):
        run("python3", "-c", self.GIVE_UP, self.directory, process_group=self.server.pid)
        self.server.kill()
        self.server.wait()
        os.close(self.requests)
        run("umount", "-i", self.directory)


def test_the_trigger_of_these_tests_works(point):
    """So that the next one means something."""
    autofs = Autofs(point)
    try:
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(["stat", "-f", point], **nowhere):
            wait_until(autofs.was_triggered, 10, "a request")
            assert not autofs.was_triggered()
            run("python3", "-c", autofs.GIVE_UP, point, process_group=autofs.server.pid)
    finally:
        autofs.remove()


@pytest.mark.parametrize("command", [["mount", "-t", "glance"], ["mount.glance"]])
def test_a_place_where_autofs_waits_is_free(point, catalog_dir, small_source, command):
    autofs = Autofs(point)
    try:
        run(*command, catalog_dir, point, "-o", "create", timeout=10)
        assert not autofs.was_triggered()
        assert point.times_mounted() == 2
        run("cp", small_source, point)
        assert_published(point, catalog_dir, "small.img", small_source)
        run("umount", point)
        assert not autofs.was_triggered()
    finally:
        autofs.remove()


@pytest.fixture
def other_namespace():
    """A process in a mount namespace of its own. Without the copies of our mounts, which would keep
    the daemons of other tests from ending."""
    script = "umount -i -l -a -t fuse.glance; exec sleep infinity"
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script]
    with subprocess.Popen(command, env=environment()) as process:
        name = Path(f"/proc/{process.pid}/comm")
        try:
            wait_until(lambda: name.read_text() == "sleep\n", 10, "the namespace")
            yield process
        finally:
            process.kill()


def inside(namespace, *command):
    return run("nsenter", "-t", namespace.pid, "-m", "--", *command)


def test_mount_N_mounts_in_another_namespace(point, catalog_dir, small_source, other_namespace):
    number = str(other_namespace.pid)
    run("mount", "-N", number, "-t", "glance", "-o", "create", catalog_dir, point)
    assert point.times_mounted() == 0
    inside(other_namespace, "cp", small_source, point)
    inside(other_namespace, "cmp", small_source, point / "small.img")
    assert set(catalog_dir.statuses().values()) == {"active"}
    run("mount", "-N", number, "-o", "remount,ro", point)
    assert "ro," in inside(other_namespace, "findmnt", "-n", "-o", "OPTIONS", point).stdout
    run("umount", "-N", number, point)
    assert point.daemons() == []
    assert inside(other_namespace, "ls", point).stdout == ""


def test_a_daemon_unmounts_in_the_other_namespace(point, catalog_dir, other_namespace):
    run("mount", "-N", other_namespace.pid, "-t", "glance", "-o", "create", catalog_dir, point)
    (pid,) = point.daemons()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: point.daemons() == [], 10, "the daemon's end")
    assert inside(other_namespace, "ls", point).stdout == ""
    assert f" {point.path} " not in Path(f"/proc/{other_namespace.pid}/mountinfo").read_text()


def test_a_namespace_that_ends_takes_its_mount_along(point, catalog_dir, other_namespace):
    run("mount", "-N", other_namespace.pid, "-t", "glance", "-o", "create", catalog_dir, point)
    assert len(point.daemons()) == 1
    other_namespace.kill()
    wait_until(lambda: point.daemons() == [], 10, "the daemon's end")


def test_an_ordinary_user_mounts_and_unmounts(nobody, small_source):
    nobody.mount()
    assert nobody.point.times_mounted() == 1
    nobody.run("sh", "-c", 'cat > "$1"', "sh", nobody.point / "image", input="data")
    assert nobody.run("cat", nobody.point / "image").stdout == "data"
    assert nobody.run("stat", "-c", "%U %a", nobody.point / "image").stdout == "nobody 444\n"
    assert {"nosuid", "nodev"} <= nobody.point.flags()
    nobody.run("umount", nobody.point)
    assert nobody.point.times_mounted() == 0
    wait_until(lambda: nobody.point.daemons() == [], 10, "the daemon's end")
    nobody.mount()
    assert nobody.run("cat", nobody.point / "image").stdout == "data"
    nobody.unmount()


def test_an_ordinary_users_dead_mount_is_replaced(nobody):
    nobody.mount()
    (pid,) = nobody.point.daemons()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: nobody.point.daemons() == [], 10, "the daemon's end")
    nobody.mount()
    assert nobody.point.times_mounted() == 1
    assert nobody.run("ls", nobody.point).stdout == ""
    nobody.unmount()


def test_an_fstab_line_with_user_lets_users_mount(nobody, tmp_path):
    """mount(8) reads only the real fstab for an ordinary user."""
    line = f"{nobody.catalog} {nobody.point.path} glance create,user,noauto 0 0\n"
    fstab = nobody.folder / "fstab"
    fstab.write_text(line)
    # In a namespace of its own, so that the machine's fstab stays what it is.
    script = """
        mount --bind "$1" /etc/fstab && shift
        runuser -u nobody -- mount "$1" &&
        runuser -u nobody -- ls "$1" &&
        runuser -u nobody -- findmnt -n -o FSTYPE,OPTIONS "$1" &&
        runuser -u nobody -- umount "$1"
    """
    with installed_helper(nobody.helper):
        command = ["unshare", "-m", "sh", "-c", script, "sh", fstab, nobody.point]
        shown = run(*command).stdout
    assert shown.startswith("fuse.glance")
    assert "nosuid,nodev,noexec" in shown
    wait_until(lambda: nobody.point.daemons() == [], 10, "the daemon's end")


def test_a_caller_that_ignores_sigchld_is_answered_too(point, catalog_dir):
    """Ignored is inherited, and then nobody would hear of the daemon's start."""
    script = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); " \
        "os.execvp(sys.argv[1], sys.argv[1:])"
    mount = ("mount.glance", catalog_dir, point, "-o", "create")
    run(sys.executable, "-c", script, *mount, timeout=20)
    assert point.times_mounted() == 1
    run(sys.executable, "-c", script, "umount.fuse.glance", point, timeout=20)
    assert point.daemons() == []


def test_mount_f_checks_without_mounting(point, catalog_dir, tmp_path):
    run("mount", "-f", "-t", "glance", "-o", "create", catalog_dir, point)
    assert point.times_mounted() == 0
    assert not catalog_dir.path.exists()
    missing = run("mount", "-f", "-t", "glance", tmp_path / "missing", point, check=False)
    assert missing.returncode == 32
    assert "does not exist" in missing.stderr
    wrong = run("mount", "-f", "-t", "glance", "-o", "create,blue", catalog_dir, point, check=False)
    assert wrong.returncode == 1
    assert "'blue'" in wrong.stderr
    assert point.times_mounted() == 0


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


def test_links_that_a_killed_test_run_left_are_no_other_installation(tmp_path):
    """Runs of this suite that are killed must not make the next one fail."""
    leave = """
import os, signal, sys
from pathlib import Path
from support.mount_points import installed_helper
with installed_helper(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    tests = Path(__file__).parents[1]
    killed = run(sys.executable, "-c", leave, tmp_path / "gone", check=False, cwd=tests)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with installed_helper(tmp_path / "ours"):
        assert os.readlink("/usr/sbin/mount.glance") == str(tmp_path / "ours")
    assert not Path("/usr/sbin/mount.glance").is_symlink()

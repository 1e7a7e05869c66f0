# SPDX-License-Identifier: Apache-2.0
"""A mount that cannot be made: mount(8)'s exit code, one line that says why, nothing left behind."""

import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest

from support.processes import SLOW, environment, glance_catalog, program, run, wait_until

USAGE = 1
SYSTEM = 2
INTERRUPTED = 8
FAILURE = 32


def refused(code, *command, **options):
    """Runs a command that must exit with `code` and print one line, on stderr; returns it."""
    result = run(*command, check=False, **options)
    assert result.returncode == code, result
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def mount_refused(code, spec, point, *arguments):
    line = refused(code, "mount", "-t", "glance", *arguments, spec, point)
    assert run("findmnt", "-n", point, check=False).stdout == ""
    return line


@pytest.fixture
def catalog(catalog_dir):
    """The catalog, made without a mount."""
    glance_catalog("--spec", f"sqlite:///{catalog_dir.database}", "db-sync")
    catalog_dir.store.mkdir()
    return catalog_dir


def write_config(path, catalog_dir, extra):
    path.write_text(
        f"[database]\nconnection = sqlite:///{catalog_dir.database}\n"
        f"[glance_store]\nfilesystem_store_datadir = {catalog_dir.store}\n{extra}"
    )
    return path


# ── what is to be mounted ─────────────────────────────────────────────────────────────────────


def test_a_missing_catalog(point, tmp_path):
    missing = tmp_path / "no-such-catalog"
    line = mount_refused(FAILURE, missing, point)
    assert str(missing) in line
    assert "-o create" in line
    assert not missing.exists()


def test_a_directory_that_holds_no_catalog(point, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    line = mount_refused(FAILURE, empty, point)
    assert str(empty) in line
    assert list(empty.iterdir()) == []


def test_a_file_that_is_no_database(point, catalog_dir):
    catalog_dir.path.mkdir()
    catalog_dir.store.mkdir()
    catalog_dir.database.write_text("this is not a database\n" * 100)
    line = mount_refused(FAILURE, catalog_dir, point)
    assert str(catalog_dir.path) in line
    assert "not a database" in line


def test_a_database_of_another_schema(point, catalog):
    with closing(sqlite3.connect(catalog.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'epoxy_expand01'")
    line = mount_refused(FAILURE, catalog, point)
    assert "'epoxy_expand01'" in line
    assert "Zed" in line


def test_a_catalog_on_a_read_only_filesystem(point, catalog, tmp_path):
    """SQLite's readers need to write beside the database: the line says so."""
    closed = tmp_path / "closed"
    closed.mkdir()
    run("mount", "--bind", catalog.path, closed)
    try:
        run("mount", "-o", "remount,bind,ro", closed)
        line = mount_refused(FAILURE, closed, point, "-o", "ro")
    finally:
        run("umount", closed)
    assert "its directory must be writable" in line


def test_a_store_that_is_missing(point, catalog):
    catalog.store.rmdir()
    line = mount_refused(FAILURE, catalog, point)
    assert str(catalog.store) in line


def test_a_bad_value_in_the_configuration_is_told_with_file_line_and_key(point, catalog, tmp_path):
    wrong = "[DEFAULT]\nimage_size_cap = lots\n"
    config = write_config(tmp_path / "glance-api.conf", catalog, wrong)
    line = mount_refused(FAILURE, config, point)
    assert f"{config}:6: [DEFAULT] image_size_cap: 'lots'" in line
    assert "allowed: 1 to" in line


def test_a_bad_default_of_an_option_is_told_with_file_line_and_key(point, catalog, tmp_path):
    config = write_config(tmp_path / "glance-api.conf", catalog, "[glancefs]\nreplaced = keep\n")
    line = mount_refused(FAILURE, config, point)
    assert f"{config}:6: [glancefs] replaced: 'keep'" in line
    assert line.endswith("allowed: delete, hide")


def test_a_configuration_that_cannot_be_parsed(point, tmp_path):
    config = tmp_path / "glance-api.conf"
    config.write_text("[database]\nconnection\n")
    assert f"{config}:2:" in mount_refused(FAILURE, config, point)


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://glance:topsecret@localhost/glance",
        "postgresql://glance@localhost/glance?sslmode=require&password=topsecret",
    ],
)
def test_a_url_with_a_password_is_refused_without_showing_it(point, url):
    line = mount_refused(USAGE, url, point)
    assert "configuration file" in line
    assert "topsecret" not in line


# ── where it is to be mounted ─────────────────────────────────────────────────────────────────


def test_a_mount_point_that_does_not_exist(helper, catalog, tmp_path):
    missing = tmp_path / "missing"
    line = refused(FAILURE, "mount", "-t", "glance", catalog, missing)
    assert f"mount point {missing}: No such file or directory" in line


def test_a_mount_point_that_is_a_file(helper, catalog, tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert f"{file} is not a directory" in refused(FAILURE, "mount", "-t", "glance", catalog, file)


def test_a_catalog_that_is_mounted_there_already(point, catalog):
    run("mount", "-t", "glance", catalog, point)
    line = refused(FAILURE, "mount", "-t", "glance", catalog, point)
    assert f"{catalog.path} is already mounted on {point.path}" in line
    assert point.times_mounted() == 1
    run("umount", point)


def test_a_mount_on_top_of_its_own_catalog(helper, catalog, tmp_path):
    line = mount_refused(FAILURE, catalog, tmp_path)
    assert f"{catalog.database} lies inside the mount point {tmp_path}" in line


def test_a_mount_on_top_of_its_own_spools(helper, catalog):
    spools = catalog.store / ".uploads"
    spools.mkdir()
    line = mount_refused(FAILURE, catalog, spools)
    assert f"{spools} lies inside the store {catalog.store}" in line


def test_a_store_inside_of_the_mount_point_by_way_of_a_link(point, catalog, tmp_path):
    images = point / "images"
    images.mkdir()
    config = write_config(tmp_path / "glance-api.conf", catalog, "")
    catalog.store.rmdir()
    catalog.store.symlink_to(images)
    assert f"{images} lies inside the mount point" in mount_refused(FAILURE, config, point)


# ── how ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        ("cretae", "create, ro, rw"),
        ("uid=no-such-user", "a name, or a number"),
        ("gid=-1", "a name, or a number"),
        ("umask=8", "0 to 0777"),
        ("visibility=secret", "public, private, shared, community"),
        ("overwrite=yes", "refuse, replace"),
        ("replaced=keep", "delete, hide"),
        ("commit_linger=1h", "0 to 86400"),
        ("drain=", "0 to 86400"),
        ("log_level=chatty", "debug, info, warning, error"),
        ("create=yes", "create, ro, rw"),
    ],
)
def test_a_wrong_option_is_told_with_what_is_allowed(point, catalog, option, allowed):
    line = mount_refused(USAGE, catalog, point, "-o", f"ro,{option},_netdev")
    assert f"'{option}'" in line
    assert f"allowed: {allowed}" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected SPEC and DIR, got 0 names"),
        (["/a"], "expected SPEC and DIR, got 1 names"),
        (["/a", "/b", "/c"], "expected SPEC and DIR, got 3 names"),
        (["/a", "/b", "-x"], "unknown option: -x"),
        (["/a", "/b", "-o"], "option -o needs a value"),
        (["/a", "/b", "-o", "ro,-f"], "must not begin with '-': -f"),
        (["/a", "/b", "-o", 'owner="a'], "a quote is not closed"),
        (["", "/b"], "SPEC is empty"),
        (["/a", ""], "DIR is empty"),
        (["/a", "/b", "-o", "-a\nb"], "must not begin with '-': -a?b"),
    ],
)
def test_a_call_that_mount_would_not_make(arguments, message):
    assert message in refused(USAGE, program("mount.glance"), *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "SPEC and DIR are needed"),
        (["/a", "/b", "/c"], "too many"),
        (["/a", "/b", "--blue"], "'--blue'"),
        (["/a", "/b", "-o", 'owner="a'], "quote"),
    ],
)
def test_a_call_of_glancefs_that_makes_no_sense(arguments, message):
    line = refused(USAGE, program("glancefs"), *arguments)
    assert message in line
    assert line.endswith("see glancefs --help")


def test_without_the_fuse_device(catalog, tmp_path):
    """As in a container that was not given it."""
    (tmp_path / "point").mkdir()
    script = 'mount -t tmpfs none /dev && mknod /dev/null c 1 3 && exec "$@"'
    command = [program("glancefs"), catalog, tmp_path / "point"]
    line = refused(SYSTEM, "unshare", "-m", "sh", "-c", script, "sh", *command)
    assert "there is no /dev/fuse" in line


def test_an_error_is_one_line_whatever_is_in_the_names(catalog, tmp_path):
    point = tmp_path / "a\nglancefs: \x1b[31mall is well"
    line = refused(FAILURE, program("glancefs"), catalog, point)
    assert r"a\nglancefs: \x1b[31mall is well: No such file" in line


# ── while it starts ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def stuck_database(catalog):
    """Somebody holds the database's lock: whoever wants to write waits."""
    with closing(sqlite3.connect(catalog.database, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_leaves_no_daemon_behind(point, catalog, stuck_database, number):
    command = ["mount.glance", os.fspath(catalog), os.fspath(point)]
    process = subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, start_new_session=True, text=True
    )
    try:
        # The starting one, and the daemon that it has started.
        wait_until(lambda: len(point.daemons()) == 2, 10, "the daemon")
        process.send_signal(number)
        _, error = process.communicate(timeout=10 * SLOW)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, error) == (INTERRUPTED, "glancefs: interrupted\n")
    assert point.daemons() == []
    assert point.times_mounted() == 0


def test_a_daemon_that_is_killed_while_it_starts(point, catalog, stuck_database):
    command = [program("glancefs"), os.fspath(catalog), os.fspath(point)]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: len(point.daemons()) == 2, 10, "the daemon")
        (daemon,) = [pid for pid in point.daemons() if pid != process.pid]
        os.kill(daemon, signal.SIGKILL)
        _, error = process.communicate(timeout=10 * SLOW)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, error) == (FAILURE, "glancefs: the daemon was killed by signal 9\n")


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_database_whose_lock_is_never_given_back(point, catalog, stuck_database):
    line = mount_refused(FAILURE, catalog, point)
    assert str(catalog.path) in line
    assert "locked" in line
    assert point.daemons() == []


# ── an ordinary user ──────────────────────────────────────────────────────────────────────────


def test_a_mount_point_of_somebody_else(nobody):
    shutil.chown(nobody.point, "root")
    result = nobody.mount(check=False)
    assert result.returncode == USAGE
    (line,) = result.stderr.splitlines()
    assert f"cannot mount on {nobody.point.path}" in line
    assert "no write access" in line


def test_opening_the_mount_to_others_may_be_forbidden(nobody):
    """By a fuse.conf(5) that says nothing, whatever this machine's says."""
    empty = nobody.folder / "fuse.conf"
    empty.touch()
    script = 'mount --bind "$1" /etc/fuse.conf && shift && exec runuser -u nobody -- "$@"'
    command = [nobody.helper, nobody.catalog, nobody.point, "-o", "create,allow_other"]
    line = refused(USAGE, "unshare", "-m", "sh", "-c", script, "sh", empty, *command)
    assert f"cannot mount on {nobody.point.path}" in line
    assert "user_allow_other" in line


def test_an_ordinary_user_hears_the_same(nobody):
    missing = nobody.folder / "no-such-catalog"
    for arguments, words in (
        ((missing, nobody.point), (str(missing), "-o create")),
        ((nobody.catalog, nobody.point, "-o", "create,no-such-option"), ("'no-such-option'",)),
        ((nobody.catalog, nobody.folder / "nowhere", "-o", "create"), ("nowhere",)),
    ):
        result = nobody.run(nobody.helper, *arguments, check=False)
        assert result.returncode in (USAGE, FAILURE)
        (line,) = result.stderr.splitlines()
        assert all(word in line for word in words), line
    assert not missing.exists()
    assert not nobody.catalog.exists()
    assert nobody.point.times_mounted() == 0


def test_a_database_that_may_not_be_read(nobody):
    nobody.mount()
    nobody.unmount()
    wait_until(lambda: nobody.point.daemons() == [], 10, "the daemon's end")
    for path in nobody.catalog.glob("glance.sqlite*"):
        shutil.chown(path, "root")
        path.chmod(0o600)
    result = nobody.mount(check=False)
    assert result.returncode == FAILURE
    (line,) = result.stderr.splitlines()
    assert str(nobody.catalog) in line


def test_a_configuration_that_may_not_be_read(nobody):
    config = nobody.folder / "glance-api.conf"
    config.touch(0o600)
    shutil.chown(config, "root")
    result = nobody.run(nobody.helper, config, nobody.point, check=False)
    assert result.returncode == FAILURE
    assert result.stderr == f"glancefs: cannot open {config}: Permission denied\n"

# SPDX-License-Identifier: Apache-2.0
"""What -o and the section [glancefs] of a configuration file change."""

import os
import pwd
import re

import pytest

from support.expectations import fails_with, wait_until_active
from support.processes import program, run


def config_of(path, catalog_dir, settings):
    """A configuration file for the catalog, with a section [glancefs]."""
    path.write_text(
        f"[database]\nconnection = sqlite:///{catalog_dir.database}\n"
        f"[glance_store]\nfilesystem_store_datadir = {catalog_dir.store}\n"
        f"[glancefs]\n{settings}"
    )
    return path


@pytest.fixture
def config(catalog_dir, tmp_path):
    """Makes a configuration file for the catalog."""
    catalog_dir.path.mkdir()
    return lambda settings: config_of(tmp_path / "glance-api.conf", catalog_dir, settings)


def test_owner_group_and_mode_of_the_files(mounts, catalog_dir):
    mount = mounts.start(catalog_dir, "create,uid=1234,gid=4321,umask=027")
    (mount / "image").write_bytes(b"data")
    wait_until_active(mount, "image")
    status = os.stat(mount / "image")
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (1234, 4321, 0o440)
    assert os.stat(mount).st_mode & 0o7777 == 0o750


def test_users_and_groups_have_names(mounts, catalog_dir):
    mount = mounts.start(catalog_dir, "create,uid=nobody,gid=daemon")
    assert os.stat(mount).st_uid == pwd.getpwnam("nobody").pw_uid
    assert os.stat(mount).st_gid == 1


def test_owner_and_visibility_of_new_images(mounts, catalog_dir):
    mount = mounts.start(catalog_dir, "create,owner=b04477d0,visibility=community")
    (mount / "image").write_bytes(b"data")
    assert mount.xattr("image", "owner") == "b04477d0"
    assert mount.xattr("image", "visibility") == "community"


def test_read_only(mounts, catalog_dir):
    mount = mounts.start(catalog_dir, "create,ro")
    with fails_with("EROFS"):
        (mount / "image").write_bytes(b"data")


def test_others_may_use_roots_mount_unless_that_is_turned_off(mounts, catalog_dir):
    mount = mounts.start(catalog_dir)
    mount.path.parent.chmod(0o711)
    script = 'cd "$1" && exec runuser -u nobody -- stat -f .'
    command = ["sh", "-c", script, "sh", mount]
    assert run(*command, check=False).returncode == 0
    mount.unmount()
    mount.options = "noallow_other"
    mount.start()
    result = run(*command, check=False)
    assert result.returncode == 1
    assert "Permission denied" in result.stderr


def test_defaults_stand_in_the_configuration_file(mounts, config):
    spec = config("uid = 7\numask = 077\nowner = p1\nvisibility = private\ncreate = yes\n")
    mount = mounts.start(spec, "")
    (mount / "image").write_bytes(b"data")
    wait_until_active(mount, "image")
    status = os.stat(mount / "image")
    assert (status.st_uid, status.st_mode & 0o7777) == (7, 0o400)
    assert mount.xattr("image", "owner") == "p1"
    assert mount.xattr("image", "visibility") == "private"


def test_the_command_line_overrules_the_configuration_file(mounts, config):
    mount = mounts.start(config("ro = true\numask = 077\nuid = 7\n"), "create,rw,umask=0")
    (mount / "image").write_bytes(b"data")
    wait_until_active(mount, "image")
    status = os.stat(mount / "image")
    assert (status.st_uid, status.st_mode & 0o7777) == (7, 0o444)


def test_keys_of_others_are_no_error(mounts, config):
    mounts.start(config("colour = blue\n"))


def options_in_help():
    """What --help says of -o: each option, and its default where it says one."""
    text = run(program("glancefs"), "--help").stdout
    names = re.findall(r"(?m)^ {20}([a-z_]+)(?:=[A-Z]+)?(?:, | {2,})", text)
    return names, text


def test_help_names_every_option():
    names, text = options_in_help()
    wanted = (
        "create ro allow_other uid umask owner visibility overwrite replaced commit_linger drain "
        "show_views log_level"
    )
    assert set(wanted.split()) <= set(names)
    assert "gid=G" in text


def test_version_and_help_answer_at_once():
    for name in ("glancefs", "mount.glance"):
        version = run(program(name), "--version")
        assert re.fullmatch(rf"{name} \d+\.\d+\.\d+\n", version.stdout)
        assert version.stderr == ""
        shown = run(program(name), "--help")
        assert shown.stdout.lower().startswith(f"usage: {name} SPEC DIR".lower())
        assert shown.stderr == ""

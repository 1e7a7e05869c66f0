# SPDX-License-Identifier: Apache-2.0
"""An image whose place another one takes stays until the new one is whole."""

import os
import subprocess
import sys

import pytest

from support.expectations import wait_until_active, wait_until_gone
from support.processes import SLOW, environment, run, wait_until
from support.writers import start

OLD, NEW = b"old data" * 1000, b"new data" * 2000

# Writes `data` to the temporary file $1, renames that to $2 and goes on as it is told.
RENAMER = """
import os, sys
file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
os.write(file, sys.argv[3].encode())
os.fsync(file)
os.rename(sys.argv[1], sys.argv[2])
print("renamed", flush=True)
sys.stdin.readline()
os.close(file)
print("closed", flush=True)
"""


class Renamer:
    """A process that has renamed what it still has open."""

    def __init__(self, mount, data=NEW, temporary=".image.AbCdEf"):
        self.process = subprocess.Popen(
            [sys.executable, "-c", RENAMER, mount / temporary, mount / "image", data.decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert self.process.stdout.readline() == "renamed\n"

    def close(self):
        print(flush=True, file=self.process.stdin)
        assert self.process.stdout.readline() == "closed\n"

    def kill(self):
        self.process.kill()
        self.process.wait(10 * SLOW)

    def clean_up(self):
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def old(mount):
    """The id of an active image called `image`."""
    (mount / "image").write_bytes(OLD)
    return mount.xattr("image", "id")


@pytest.fixture
def rename_over(mount, old):
    """Starts a process that renames its unfinished file over `image`."""
    renamers = []

    def begin(**arguments):
        renamers.append(Renamer(mount, **arguments))
        return renamers[-1]

    yield begin
    for renamer in renamers:
        renamer.clean_up()


def wait_until_old_is_back(mount, catalog_dir, old):
    wait_until(lambda: catalog_dir.statuses() == {"image": "active"}, 5, "the new one's end")
    wait_until(lambda: mount.names() == ["image"], 5, "the old one's name")
    assert mount.xattr("image", "id") == old
    assert (mount / "image").read_bytes() == OLD
    assert catalog_dir.spools() == []
    assert catalog_dir.data_files() == [old]
    assert catalog_dir.rows("SELECT * FROM glancefs_replacements") == []


@pytest.mark.smoke
def test_a_writer_killed_after_its_rename_has_replaced_nothing(
    mount, catalog_dir, old, rename_over
):
    renamer = rename_over()
    assert mount.names() == ["image"]
    assert mount.xattr("image", "id") != old
    renamer.kill()
    wait_until_old_is_back(mount, catalog_dir, old)


def test_a_crash_after_the_rename_has_replaced_nothing(mount, catalog_dir, old, rename_over):
    renamer = rename_over()
    mount.daemon.kill()
    renamer.kill()
    mount.crash()
    mount.start()
    wait_until_old_is_back(mount, catalog_dir, old)


@pytest.mark.smoke
def test_the_close_after_the_rename_replaces_the_old_image(
    mount, catalog_dir, rest, old, rename_over
):
    renamer = rename_over()
    assert (mount / ".by-id" / old).read_bytes() == OLD
    assert rest.download(old) == OLD
    assert [image["id"] for image in rest.images(name="image")] == [old]
    renamer.close()
    new = mount.xattr("image", "id")
    assert new != old
    wait_until_active(mount, "image")
    assert mount.names() == ["image"]
    assert (mount / "image").read_bytes() == NEW
    assert [image["id"] for image in rest.images(name="image")] == [new]
    assert catalog_dir.image_row(old)["status"] == "deleted"
    wait_until(lambda: catalog_dir.data_files() == [new], 5, "the old data's end")


def test_what_the_mount_hides_is_kept_under_its_id(mounts, catalog_dir):
    mount = mounts.start(catalog_dir, "create,replaced=hide")
    (mount / "image").write_bytes(OLD)
    old = mount.xattr("image", "id")
    renamer = Renamer(mount)
    try:
        renamer.close()
    finally:
        renamer.clean_up()
    wait_until_active(mount, "image")
    assert (mount / "image").read_bytes() == NEW
    assert (mount / ".by-id" / old).read_bytes() == OLD
    assert catalog_dir.image_row(old)["os_hidden"] == 1


@pytest.mark.parametrize("end", ["rename", "remove"])
def test_an_unfinished_file_that_leaves_gives_the_name_back(
    mount, catalog_dir, old, rename_over, end
):
    renamer = rename_over()
    if end == "rename":
        os.rename(mount / "image", mount / "elsewhere")
        assert mount.names() == ["elsewhere", "image"]
    else:
        os.unlink(mount / "image")
    assert mount.xattr("image", "id") == old
    renamer.kill()
    wait_until_old_is_back(mount, catalog_dir, old)


def test_what_left_before_its_close_is_published_beside_the_old_image(
    mount, catalog_dir, old, rename_over
):
    renamer = rename_over()
    os.rename(mount / "image", mount / "elsewhere")
    renamer.close()
    wait_until_active(mount, "elsewhere")
    assert (mount / "elsewhere").read_bytes() == NEW
    assert (mount / "image").read_bytes() == OLD
    assert catalog_dir.statuses() == {"image": "active", "elsewhere": "active"}


def test_an_old_image_that_got_another_name_meanwhile_stays(mount, rest, old, rename_over):
    renamer = rename_over()
    rest.patch(old, {"op": "replace", "path": "/name", "value": "kept"})
    renamer.close()
    wait_until_active(mount, "image")
    wait_until(lambda: mount.names() == ["image", "kept"], 5, "both images")
    assert (mount / "kept").read_bytes() == OLD


def test_an_old_image_that_is_protected_meanwhile_stays(mount, rest, old, rename_over):
    renamer = rename_over()
    rest.patch(old, {"op": "replace", "path": "/protected", "value": True})
    renamer.close()
    wait_until(lambda: len(mount.names()) == 2, 5, "both images")
    assert (mount / "image").read_bytes() == OLD
    rest.patch(old, {"op": "replace", "path": "/protected", "value": False})


@pytest.mark.parametrize("finished", [True, False])
def test_what_replaces_an_unfinished_file_replaces_the_old_image_too(
    mount, catalog_dir, old, rename_over, finished
):
    first = rename_over()
    if finished:
        (mount / "second").write_bytes(b"second")
        os.rename(mount / "second", mount / "image")
    else:
        second = rename_over(data=b"second", temporary=".image.GhIjKl")
        assert (mount / ".by-id" / old).read_bytes() == OLD
        second.close()
    first.kill()
    wait_until_active(mount, "image")
    assert mount.names() == ["image"]
    assert (mount / "image").read_bytes() == b"second"
    assert catalog_dir.statuses() == {"image": "active"}
    assert catalog_dir.image_row(old)["status"] == "deleted"


def test_the_second_of_two_unfinished_files_gives_back_what_the_first_waited_for(
    mount, catalog_dir, old, rename_over
):
    first, second = rename_over(), rename_over(data=b"second", temporary=".image.GhIjKl")
    first.kill()
    second.kill()
    wait_until_old_is_back(mount, catalog_dir, old)


def test_the_name_goes_to_nobody_else_meanwhile(mount, rest, old, rename_over):
    twin = rest.create_raw("image", b"twin")["id"]
    both = sorted(["image", f"image~{twin[:8]}"])
    wait_until(lambda: mount.names() == both, 1, "the twin")
    renamer = rename_over()
    assert mount.names() == both
    assert mount.xattr("image", "id") not in (old, twin)
    renamer.kill()
    wait_until(lambda: mount.xattr("image", "id") == old, 5, "the old one's name")
    assert mount.names() == both


def test_a_qualified_name_is_renamed_over_like_any_other(mount, catalog_dir, rest, old):
    twin = rest.create_raw("image", b"twin")["id"]
    name = f"image~{twin[:8]}"
    wait_until(lambda: mount.names() == ["image", name], 1, "the twin")
    with open(mount / "new", "wb", buffering=0) as file:
        file.write(NEW)
        os.rename(mount / "new", mount / name)
        assert mount.names() == ["image", name]
    wait_until_active(mount, name)
    assert (mount / name).read_bytes() == NEW
    assert (mount / "image").read_bytes() == OLD
    assert mount.names() == ["image", name]
    assert catalog_dir.image_row(twin)["status"] == "deleted"


# ── overwrite=replace ─────────────────────────────────────────────────────────────────────────


OVERWRITER = """
import sys
with open(sys.argv[1], "wb", buffering=0) as file:
    file.write(b"second")
    print("written", flush=True)
    sys.stdin.readline()
print("closed", flush=True)
"""


@pytest.fixture
def replacing(mounts, catalog_dir):
    """A mount that overwrites, with an active image called `image`."""
    mount = mounts.start(catalog_dir, "create,overwrite=replace")
    (mount / "image").write_bytes(OLD)
    return mount


def test_of_two_that_overwrite_the_last_close_stays(replacing, catalog_dir):
    first = open(replacing / "image", "wb", buffering=0)
    first.write(b"first")
    other = subprocess.Popen(
        [sys.executable, "-c", OVERWRITER, replacing / "image"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert other.stdout.readline() == "written\n"
        first.close()
        assert (replacing / "image").read_bytes() == b"first"
        assert other.communicate("\n", timeout=10 * SLOW)[0] == "closed\n"
    finally:
        other.kill()
        other.wait()
    wait_until(lambda: (replacing / "image").read_bytes() == b"second", 5, "the last close")
    assert replacing.names() == ["image"]
    assert catalog_dir.statuses() == {"image": "active"}


def test_a_name_that_the_overwritten_gets_meanwhile_is_kept(replacing, catalog_dir):
    with open(replacing / "image", "wb", buffering=0) as file:
        file.write(NEW)
        os.rename(replacing / "image", replacing / "renamed")
    wait_until(lambda: catalog_dir.statuses() == {"renamed": "active"}, 5, "one image")
    assert (replacing / "renamed").read_bytes() == NEW
    assert replacing.names() == ["renamed"]


@pytest.mark.parametrize("command", [": > $0/image", "cp /dev/null $0/image"])
def test_overwriting_without_data_leaves_the_old_image_and_no_other(
    replacing, catalog_dir, command
):
    run("sh", "-c", command, replacing)
    wait_until(lambda: len(catalog_dir.rows("SELECT id FROM images WHERE deleted = 0")) == 1, 5,
               "a single image")
    assert (replacing / "image").read_bytes() == OLD
    assert replacing.names() == ["image"]


# ── openers that write nothing ────────────────────────────────────────────────────────────────


def test_an_opener_that_fails_does_not_delete_what_rest_has_filled(mount, rest, tmp_path):
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    opener = start("sh", "-c", 'exec 7> "$0"; read -r go < "$1"; exit 3', mount / "image", ready)
    try:
        wait_until(lambda: mount.names() == ["image"], 5, "the opened file")
        image = mount.xattr("image", "id")
        rest.patch(image, {"op": "replace", "path": "/disk_format", "value": "raw"})
        rest.put_data(image, NEW, expect=204)
        ready.write_text("go\n")
        assert opener.wait(10 * SLOW) == 3
    finally:
        opener.kill()
        opener.wait()
        opener.stderr.close()
    wait_until_active(mount, "image")
    assert (mount / "image").read_bytes() == NEW


def test_an_opener_that_fails_takes_its_empty_image_along(mount, catalog_dir):
    assert run("sh", "-c", 'exec 7> "$0"; exit 3', mount / "image", check=False).returncode == 3
    wait_until_gone(mount, catalog_dir, "image")

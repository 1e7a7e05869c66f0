# SPDX-License-Identifier: Apache-2.0
"""Size and digests that are set before the data state what the data must be."""

import hashlib
import os

import pytest

from support.expectations import (
    assert_published,
    fails_with,
    wait_until_active,
    wait_until_gone,
)
from support.images import md5sum, sha512sum
from support.processes import run, shell, wait_until

WRONG = {
    "checksum": "0" * 32,
    "os_hash_value": "0" * 128,
    "size": "300000",
}


@pytest.fixture
def right(small_source):
    """What is true of small_source."""
    return {
        "checksum": md5sum(small_source),
        "os_hash_value": sha512sum(small_source),
        "size": "300001",
    }


@pytest.fixture
def announced(mount):
    """A queued image `image` of which something is announced: announced(key=value)."""

    def announce(**values):
        shell("touch $1/image", mount)
        for key, value in values.items():
            mount.set_xattr("image", key, value)

    return announce


def write(mount, source):
    """Opens, writes and closes; the close's error is raised."""
    descriptor = os.open(mount / "image", os.O_WRONLY)
    os.write(descriptor, source.read_bytes())
    os.close(descriptor)


@pytest.mark.parametrize("key", WRONG)
def test_data_that_are_as_announced_are_published(
    mount, catalog_dir, small_source, announced, right, key
):
    announced(**{key: right[key]})
    write(mount, small_source)
    assert_published(mount, catalog_dir, "image", small_source)
    assert catalog_dir.rows("SELECT * FROM glancefs_expectations") == []


@pytest.mark.smoke
@pytest.mark.parametrize("key", WRONG)
def test_data_that_are_not_as_announced_fail_the_close(
    mount, catalog_dir, small_source, announced, right, key
):
    mount.daemon.expect_errors("was announced")
    announced(**(right | {key: WRONG[key]}))
    with fails_with("EIO"):
        write(mount, small_source)
    # The image that touch made was there before the data, and stays.
    wait_until(lambda: catalog_dir.statuses() == {"image": "queued"}, 5, "queued again")
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    assert catalog_dir.data_files() == []
    assert mount.xattr("image", "status") == "queued"


def test_what_was_announced_holds_for_the_next_attempt(
    mount, catalog_dir, small_source, announced, right
):
    mount.daemon.expect_errors("was announced")
    announced(checksum=right["checksum"])
    assert run("cp", "/etc/passwd", mount / "image", check=False).returncode == 1
    wait_until(lambda: mount.xattr("image", "status") == "queued", 5, "queued again")
    assert run("cp", "/etc/passwd", mount / "image", check=False).returncode == 1
    wait_until(lambda: mount.xattr("image", "status") == "queued", 5, "queued again")
    run("cp", small_source, mount / "image")
    assert_published(mount, catalog_dir, "image", small_source)


def test_a_wrong_announcement_can_be_corrected(mount, catalog_dir, small_source, announced, right):
    announced(checksum=WRONG["checksum"])
    mount.set_xattr("image", "checksum", right["checksum"])
    write(mount, small_source)
    assert_published(mount, catalog_dir, "image", small_source)


@pytest.mark.parametrize("tool", ["cp $1 $2", "dd if=$1 of=$2 status=none", "tee $2 < $1"])
def test_the_tool_that_writes_hears_of_a_mismatch(mount, small_source, announced, tool):
    mount.daemon.expect_errors("was announced")
    announced(checksum=WRONG["checksum"])
    result = shell(f"{tool} > /dev/null", small_source, mount / "image", check=False)
    assert result.returncode == 1
    assert "Input/output error" in result.stderr


def test_a_broken_download_is_found_out(mount, catalog_dir, small_source, announced, right):
    """It closes its file as a whole one does: only what is announced tells them apart."""
    mount.daemon.expect_errors("was announced")
    announced(checksum=right["checksum"])
    shell("head -c 100000 $1 > $2/image", small_source, mount, check=False)
    wait_until(lambda: catalog_dir.statuses() == {"image": "queued"}, 5, "queued again")
    assert catalog_dir.data_files() == []


def test_upper_case_digits_are_the_same_digits(mount, catalog_dir, small_source, announced, right):
    announced(checksum=right["checksum"].upper(), os_hash_value=right["os_hash_value"].upper())
    write(mount, small_source)
    assert_published(mount, catalog_dir, "image", small_source)


@pytest.mark.parametrize("algo", ["md5", "sha1", "sha256", "sha384", "sha512", "sha3_256", "blake2b"])
def test_a_digest_by_another_hash_is_checked_too(
    mount, catalog_dir, small_source, announced, algo
):
    mount.daemon.expect_errors("was announced")
    digest = hashlib.new(algo, small_source.read_bytes()).hexdigest()
    wrong = digest.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    announced(os_hash_algo=algo, os_hash_value=wrong)
    with fails_with("EIO"):
        write(mount, small_source)
    wait_until(lambda: mount.xattr("image", "status") == "queued", 5, "queued again")
    mount.set_xattr("image", "os_hash_value", digest)
    write(mount, small_source)
    assert_published(mount, catalog_dir, "image", small_source)  # with its own hash


@pytest.mark.parametrize(
    "key, value",
    [
        ("checksum", ""),
        ("checksum", "abc"),
        ("checksum", "0" * 31),
        ("checksum", "0" * 33),
        ("checksum", "g" * 32),
        ("checksum", "0" * 31 + "\n"),
        ("os_hash_value", ""),
        ("os_hash_value", "0" * 127),
        ("os_hash_value", "x" * 128),
        ("os_hash_algo", ""),
        ("os_hash_algo", "md6"),
        ("os_hash_algo", "sha512\n"),
        ("size", ""),
        ("size", "-1"),
        ("size", "1.5"),
        ("size", "1k"),
        ("size", " 1"),
        ("size", "0x10"),
        ("size", str(1 << 64)),
        ("size", str(1 << 63)),
    ],
)
def test_what_is_no_digest_or_size_is_einval(
    mount, catalog_dir, small_source, announced, key, value
):
    announced()
    with fails_with("EINVAL"):
        mount.set_xattr("image", key, value)
    write(mount, small_source)
    assert_published(mount, catalog_dir, "image", small_source)


@pytest.mark.parametrize("key", WRONG)
def test_after_the_publication_only_the_truth_may_be_set(
    mount, catalog_dir, small_source, right, key
):
    run("cp", small_source, mount / "image")
    mount.set_xattr("image", key, right[key])
    with fails_with("EPERM"):
        mount.set_xattr("image", key, WRONG[key])
    assert_published(mount, catalog_dir, "image", small_source)


@pytest.mark.parametrize("key", WRONG)
def test_it_may_be_announced_while_the_data_come(mount, catalog_dir, small_source, right, key):
    mount.daemon.expect_errors("was announced")
    for name, value in (("right", right[key]), ("wrong", WRONG[key])):
        descriptor = os.open(mount / name, os.O_CREAT | os.O_WRONLY)
        os.write(descriptor, small_source.read_bytes()[:100_000])
        os.setxattr(descriptor, f"user.glance.{key}", value.encode())
        os.write(descriptor, small_source.read_bytes()[100_000:])
        if name == "right":
            os.close(descriptor)
            assert_published(mount, catalog_dir, "right", small_source)
        else:
            with fails_with("EIO"):
                os.close(descriptor)
    # The open that failed had made the image, so it went away with it.
    wait_until(lambda: catalog_dir.statuses() == {"right": "active"}, 5, "the end of the other")
    assert mount.names() == ["right"]


def lying(source, key, value):
    """A file that carries a statement about itself."""
    os.setxattr(source, f"user.glance.{key}", value.encode())


@pytest.mark.parametrize("key", WRONG)
@pytest.mark.parametrize("tool", ["cp --preserve=xattr", "cp -a", "rsync -X", "rsync -aX"])
def test_a_copy_that_brings_its_digest_along_is_checked(
    mount, catalog_dir, small_source, right, tool, key
):
    lying(small_source, key, right[key])
    run(*tool.split(), small_source, mount / "image")
    assert_published(mount, catalog_dir, "image", small_source)


@pytest.mark.parametrize("key", WRONG)
@pytest.mark.parametrize("tool", ["cp --preserve=xattr", "cp -a", "rsync -X", "rsync -aX"])
def test_a_copy_that_belies_its_digest_fails(mount, catalog_dir, small_source, tool, key):
    mount.daemon.expect_errors("was announced")
    lying(small_source, key, WRONG[key])
    result = run(*tool.split(), small_source, mount / "image", check=False)
    assert result.returncode == (23 if tool.startswith("rsync") else 1), result.stderr
    assert "Input/output error" in result.stderr
    wait_until(lambda: mount.names() == [], 5, "nothing in the mount")
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    assert catalog_dir.statuses() == {}
    assert catalog_dir.data_files() == []


def test_mv_of_a_file_that_belies_its_digest_keeps_the_source(mount, small_source):
    mount.daemon.expect_errors("was announced")
    lying(small_source, "checksum", WRONG["checksum"])
    assert run("mv", small_source, mount / "image", check=False).returncode == 1
    assert small_source.stat().st_size == 300_001


@pytest.mark.parametrize("end", ["exits", "waits"])
def test_an_editors_data_are_checked_when_they_are_published(
    mounts, catalog_dir, small_source, actor, end
):
    """Nobody waits for that any more: the log tells, and nothing is published."""
    mount = mounts.start(catalog_dir, f"create,commit_linger={1 if end == 'waits' else 3600}")
    mount.daemon.expect_errors("was announced")
    descriptor = actor.open(mount / "image", os.O_CREAT | os.O_RDWR)
    actor.setxattr(mount / "image", "user.glance.checksum", WRONG["checksum"].encode())
    actor.write(descriptor, small_source.read_bytes())
    actor.close(descriptor)
    if end == "exits":
        actor.exit()
    wait_until(lambda: catalog_dir.statuses() == {}, 5, "the end of the upload")
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    assert catalog_dir.data_files() == []
    assert "but " + WRONG["checksum"] + " was announced" in mount.daemon.log.read_text()


@pytest.mark.parametrize("correct", [True, False])
def test_recovery_checks_what_was_announced(
    mounts, catalog_dir, small_source, actor, right, correct
):
    """The daemon dies after an editor's close, before anything was digested."""
    mount = mounts.start(catalog_dir, "create,commit_linger=3600")
    descriptor = actor.open(mount / "image", os.O_CREAT | os.O_RDWR)
    value = (right if correct else WRONG)["os_hash_value"]
    actor.setxattr(mount / "image", "user.glance.os_hash_value", value.encode())
    actor.write(descriptor, small_source.read_bytes())
    actor.close(descriptor)
    mount.crash()
    mount.start()
    mount.daemon.expect_errors("is not published: .* was announced")
    if correct:
        assert_published(mount, catalog_dir, "image", small_source)
    else:
        assert mount.names() == []
        assert catalog_dir.statuses() == {}
    assert catalog_dir.spools() == []


def test_what_is_announced_survives_a_remount(mount, catalog_dir, small_source, announced, right):
    announced(checksum=WRONG["checksum"])
    mount.remount()
    mount.daemon.expect_errors("was announced")
    with fails_with("EIO"):
        write(mount, small_source)


def test_an_announcement_counts_for_uploads_through_the_bridge(mount, rest, announced, right):
    announced(checksum=WRONG["checksum"], disk_format="raw")
    image_id = mount.xattr("image", "id")
    assert rest.put_data(image_id, b"other data").status == 400
    assert rest.image(image_id)["status"] == "queued"


def test_truncate_makes_the_announced_size(mount, announced):
    announced(size=str(1 << 20))
    run("truncate", "-s", "1M", mount / "image")
    wait_until_active(mount, "image")
    assert os.stat(mount / "image").st_size == 1 << 20


def test_a_wrong_size_fails_truncate(mount, catalog_dir, announced):
    mount.daemon.expect_errors("was announced")
    announced(size="5")
    with fails_with("EIO"):
        os.truncate(mount / "image", 4)
    wait_until(lambda: catalog_dir.statuses() == {"image": "queued"}, 5, "queued again")


# ── signatures ───────────────────────────────────────────────────────────────────────────────

SIGNATURE = {
    "img_signature": "c2ln",
    "img_signature_hash_method": "SHA-256",
    "img_signature_key_type": "RSA-PSS",
    "img_signature_certificate_uuid": "00000000-0000-4000-8000-000000000000",
}


def test_data_whose_signature_nobody_can_check_are_not_taken(
    mount, catalog_dir, rest, small_source
):
    mount.daemon.expect_errors("Signature verification failed")
    image = rest.create(name="image", disk_format="raw", container_format="bare", **SIGNATURE)
    wait_until(lambda: mount.names() == ["image"], 1, "the image")
    descriptor = os.open(mount / "image", os.O_WRONLY)
    for call in (lambda: os.write(descriptor, b"data"), lambda: os.close(descriptor)):
        with fails_with("EIO"):
            call()
    assert rest.put_data(image["id"], b"data").status == 400
    assert catalog_dir.statuses() == {"image": "queued"}
    assert (catalog_dir.spools(), catalog_dir.data_files()) == ([], [])
    rest.patch(image["id"], {"op": "remove", "path": "/img_signature"})
    write(mount, small_source)
    assert_published(mount, catalog_dir, "image", small_source)


def test_a_signature_that_comes_after_the_data_fails_the_close(mount, catalog_dir, small_source):
    mount.daemon.expect_errors("Signature verification failed")
    descriptor = os.open(mount / "image", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, small_source.read_bytes())
    for key, value in SIGNATURE.items():
        mount.set_xattr("image", key, value)
    with fails_with("EIO"):
        os.close(descriptor)
    wait_until_gone(mount, catalog_dir, "image")

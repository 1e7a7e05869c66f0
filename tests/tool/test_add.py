# SPDX-License-Identifier: Apache-2.0
"""`glance-catalog add`: one upload path, whole images or none."""

import hashlib
import os
import re
import signal
import subprocess

import pytest

from support.expectations import assert_published
from support.images import converted, md5sum, packaged, random_file, sha512sum, sparse_file
from support.processes import SLOW, environment, run, wait_until
from support.tool import FAILURE, REFUSED, USAGE, Terminal, end, feed, interrupt

ID = "5d0cb9e2-0000-4000-8000-00000000abcd"


def assert_nothing_left(catalog_dir):
    assert catalog_dir.statuses() == {}
    assert catalog_dir.spools() == []
    assert catalog_dir.data_files() == []


@pytest.mark.smoke
def test_an_added_image_shows_at_both_doors_at_once(tool, catalog_dir, mount, rest):
    source = packaged("ipxe.iso")
    image_id = tool.add(source)
    wait_until(lambda: mount.names() == ["ipxe.iso"], 1, "the image in the mount")
    assert mount.xattr("ipxe.iso", "id") == image_id
    assert_published(mount, catalog_dir, "ipxe.iso", source)
    image = rest.image(image_id)
    assert (image["status"], image["disk_format"], image["container_format"]) == (
        "active",
        "iso",
        "bare",
    )
    assert image["checksum"] == md5sum(source)
    assert rest.download(image_id) == source.read_bytes()
    assert catalog_dir.spools() == []


def test_every_option_is_recorded(tool, catalog_dir, rest, tmp_path):
    source = converted(tmp_path / "disk.img", "qcow2")
    image_id = tool.add(
        source, "--id", ID, "--name", "noble", "--disk-format", "qcow2",
        "--container-format", "ovf", "--property", "os_distro=ubuntu", "--property", "a=b=c",
        "--property", "empty=", "--tag", "prod", "--tag", "with,comma", "--visibility", "public",
        "--owner", "p1", "--protected", "--hidden", "--min-disk", "10", "--min-ram", "512",
        "--checksum", md5sum(source).upper(), "--sha512", sha512sum(source),
    )  # fmt: skip
    assert image_id == ID
    image = rest.image(ID)
    expected = {
        "id": ID, "name": "noble", "disk_format": "qcow2", "container_format": "ovf",
        "os_distro": "ubuntu", "a": "b=c", "empty": "", "tags": ["prod", "with,comma"],
        "visibility": "public", "owner": "p1", "protected": True, "os_hidden": True,
        "min_disk": 10, "min_ram": 512, "checksum": md5sum(source),
        "os_hash_value": sha512sum(source), "virtual_size": 5 << 20, "status": "active",
    }  # fmt: skip
    assert {key: image[key] for key in expected} == expected


def test_stdin_has_no_name_of_its_own(tool, catalog_dir, small_source):
    with open(small_source, "rb") as file:
        nameless = tool.add("-", stdin=file)
    with open(small_source, "rb") as file:
        file.seek(100)
        named = tool.add("-", "--name", "-x", stdin=file)
    assert catalog_dir.image_row(nameless)["name"] is None
    assert catalog_dir.image_row(named)["name"] == "-x"
    assert catalog_dir.data_file(nameless).read_bytes() == small_source.read_bytes()
    assert catalog_dir.data_file(named).read_bytes() == small_source.read_bytes()[100:]


def test_a_pipe_of_odd_pieces_is_read_to_its_end(tool, catalog_dir):
    pieces = [os.urandom(size) for size in (1, 65_537, 1 << 20, 3, (1 << 20) + 1)]
    with tool.running("add", "-") as process:
        for piece in pieces:
            feed(process, piece)
        status, out, err = end(process)
    assert (status, err) == (0, "")
    data = b"".join(pieces)
    assert catalog_dir.data_file(out.strip()).read_bytes() == data
    assert catalog_dir.image_row(out.strip())["checksum"] == hashlib.md5(data).hexdigest()


def test_zeros_become_holes(tool, catalog_dir, tmp_path):
    source = sparse_file(tmp_path / "sparse.img", 40 << 20)
    image_id = tool.add(source)
    stored = catalog_dir.data_file(image_id)
    run("cmp", source, stored)
    assert stored.stat().st_blocks * 512 < 2 << 20
    assert catalog_dir.image_row(image_id)["checksum"] == md5sum(source)


def test_only_zeros_are_an_image_too(tool, catalog_dir, tmp_path):
    source = tmp_path / "zeros.img"
    with open(source, "wb") as file:
        file.truncate((3 << 20) + 5)
    image_id = tool.add(source)
    row = catalog_dir.image_row(image_id)
    assert (row["size"], row["checksum"]) == ((3 << 20) + 5, md5sum(source))
    run("cmp", source, catalog_dir.data_file(image_id))


def test_quiet_and_no_terminal_print_nothing_but_the_id(tool, small_source):
    tool.add(small_source, "--quiet")  # add() itself asserts it
    tool.add(small_source)


# ── what fails leaves nothing ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"]
)
def test_a_signal_leaves_nothing(tool, catalog_dir, mount, number):
    with tool.running("add", "-", "--name", "half", "--protected") as process:
        feed(process, b"x" * 3_000_000)
        wait_until(lambda: catalog_dir.spooled_bytes() > 0, 5, "spooled bytes")
        wait_until(lambda: mount.names() == ["half"], 1, "the growing image")
        status, out, err = interrupt(process, number)
    assert (status, out, err) == (-number, "", "glance-catalog: interrupted\n")
    assert_nothing_left(catalog_dir)
    wait_until(lambda: mount.names() == [], 1, "its end in the mount")


def test_a_signal_before_the_first_byte_leaves_nothing(tool, catalog_dir):
    with tool.running("add", "-", "--name", "none") as process:
        wait_until(lambda: catalog_dir.statuses() == {"none": "saving"}, 5, "the upload")
        status, out, _ = interrupt(process)
    assert (status, out) == (-signal.SIGINT, "")
    assert_nothing_left(catalog_dir)


def test_an_ignored_signal_stays_ignored(tool, catalog_dir):
    """As under nohup(1), or in the background of a script."""

    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with tool.running("add", "-", "--name", "kept", preexec_fn=ignore) as process:
        feed(process, b"first ")
        wait_until(lambda: catalog_dir.statuses() == {"kept": "saving"}, 5, "the upload")
        process.send_signal(signal.SIGHUP)
        feed(process, b"second")
        status, out, err = end(process)
    assert (status, err) == (0, "")
    assert catalog_dir.data_file(out.strip()).read_bytes() == b"first second"


def test_kill_9_leaves_nothing_active_and_check_removes_the_rest(tool, catalog_dir):
    with tool.running("add", "-", "--name", "killed") as process:
        feed(process, b"x" * 3_000_000)
        wait_until(lambda: catalog_dir.spooled_bytes() > 0, 5, "spooled bytes")
        process.kill()
        process.wait()
    assert catalog_dir.statuses() == {"killed": "saving"}
    assert tool.findings("check", code=0) == []
    assert_nothing_left(catalog_dir)


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [("--checksum", "0" * 32, "MD5"), ("--sha512", "0" * 128, "sha512")],
)
def test_other_data_than_announced_are_refused(
    tool, catalog_dir, small_source, option, value, word
):
    line = tool.fails(REFUSED, "add", small_source, option, value)
    assert word in line
    assert value in line
    assert_nothing_left(catalog_dir)


def test_a_taken_id_is_refused(tool, catalog_dir, small_source):
    tool.add(small_source, "--id", ID)
    assert ID in tool.fails(REFUSED, "add", small_source, "--id", ID)
    tool("rm", ID)
    assert ID in tool.fails(REFUSED, "add", small_source, "--id", ID)
    assert_nothing_left(catalog_dir)


def test_data_that_lie_in_the_images_place_are_not_overwritten(tool, catalog_dir, small_source):
    catalog_dir.data_file(ID).write_bytes(b"somebody else's")
    assert "are there already" in tool.fails(REFUSED, "add", small_source, "--id", ID, "--protected")
    assert catalog_dir.data_file(ID).read_bytes() == b"somebody else's"
    assert catalog_dir.statuses() == {}
    assert catalog_dir.spools() == []


def test_ten_thousand_properties_are_refused_and_the_rest_works(tool, catalog_dir, small_source):
    options = [word for n in range(10_000) for word in ("--property", f"key{n}=value")]
    line = tool.fails(REFUSED, "add", small_source, *options)
    assert "Attempted: 10000, Maximum: 128" in line
    assert_nothing_left(catalog_dir)
    image_id = tool.add(small_source, *options[: 2 * 128])
    line = tool.fails(REFUSED, "set", image_id, *(f"more{n}=value" for n in range(10_000)))
    assert "Maximum: 128" in line
    rows = catalog_dir.rows("SELECT name FROM image_properties WHERE image_id = ?", image_id)
    assert sorted(row["name"] for row in rows) == sorted(f"key{n}" for n in range(128))


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--disk-format", "tarball"], REFUSED, ["tarball", "qcow2"]),
        (["--container-format", "box"], REFUSED, ["box", "bare"]),
        (["--visibility", "secret"], REFUSED, ["secret", "private"]),
        (["--min-disk", "-1"], REFUSED, ["-1", "min_disk"]),
        (["--min-ram", "5000000000"], REFUSED, ["5000000000", "2147483647"]),
        (["--min-ram", "much"], REFUSED, ["much", "number"]),
        (["--name", "x" * 256], REFUSED, ["255"]),
        (["--name", "\U0001f600"], REFUSED, ["4 byte"]),
        (["--tag", "x" * 256], REFUSED, ["255"]),
        (["--property", "os_glance_x=1"], REFUSED, ["os_glance_x", "reserved"]),
        (["--property", "checksum=1"], REFUSED, ["checksum", "read-only"]),
        (["--property", "name=1"], REFUSED, ["name"]),
        (["--property", "novalue"], USAGE, ["KEY=VALUE", "novalue"]),
        (["--property", "=value"], USAGE, ["KEY=VALUE"]),
        (["--property", "a=1", "--property", "a=2"], USAGE, ["a", "twice"]),
        (["--id", "5d0cb9e2"], USAGE, ["UUID", "5d0cb9e2"]),
        (["--checksum", "123"], USAGE, ["32"]),
        (["--sha512", "g" * 128], USAGE, ["128"]),
        (["--name", "a", "--name", "b"], USAGE, ["--name"]),
        (["--color"], USAGE, ["--color"]),
        (["another.img"], USAGE, ["FILE"]),
    ],
)
def test_bad_options_are_refused_by_name(tool, catalog_dir, small_source, options, code, words):
    line = tool.fails(code, "add", small_source, *options)
    for word in words:
        assert word in line
    assert_nothing_left(catalog_dir)


def test_a_name_that_is_not_utf8_is_refused(tool, catalog_dir, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.img"
    with open(path, "wb") as file:
        file.write(b"data")
    line = tool.fails(REFUSED, "add", os.fsdecode(path))
    assert "UTF-8" in line
    assert_nothing_left(catalog_dir)


def test_bad_files_are_refused_by_name(tool, catalog_dir, tmp_path):
    assert "nothing.img" in tool.fails(FAILURE, "add", tmp_path / "nothing.img")
    assert "is a directory" in tool.fails(REFUSED, "add", tmp_path)
    assert "empty" in tool.fails(REFUSED, "add", "/dev/null")
    assert "empty" in tool.fails(REFUSED, "add", "-", "--name", "x")  # stdin is /dev/null
    assert "/proc/self/mem" in tool.fails(FAILURE, "add", "/proc/self/mem")  # cannot be read
    assert_nothing_left(catalog_dir)


def test_data_are_not_read_from_a_terminal(tool, catalog_dir):
    with Terminal() as terminal:
        assert "terminal" in tool.fails(USAGE, "add", "-", stdin=terminal.fd)
    assert_nothing_left(catalog_dir)


def test_a_full_disk_leaves_nothing(tool, catalog_dir, tmp_path):
    marker = (catalog_dir.store / ".glancefs-store").read_bytes()
    run("mount", "-t", "tmpfs", "-o", "size=4m", "none", catalog_dir.store)
    try:
        (catalog_dir.store / ".glancefs-store").write_bytes(marker)  # the store on another disk
        source = random_file(tmp_path / "large.img", 8 << 20)
        assert "No space left" in tool.fails(FAILURE, "add", source)
        assert_nothing_left(catalog_dir)
        source = random_file(tmp_path / "fits.img", 3 << 20)
        run("cmp", source, catalog_dir.data_file(tool.add(source)))
    finally:
        run("umount", catalog_dir.store)


def test_a_filesystem_without_unnamed_files_will_do(tool, catalog_dir, small_source, tmp_path):
    """NFS has none; a spool is then locked a moment after it is named."""
    spools = catalog_dir.store / ".uploads"
    spools.mkdir()
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-o", trace, "-P", spools, "-e", "trace=openat"]
    fault = ["-e", "inject=openat:error=EOPNOTSUPP:when=1"]
    # Leaks cannot be looked for in a traced process.
    env = environment() | {"ASAN_OPTIONS": "detect_leaks=0"}
    added = run(*strace, *fault, *tool.command("add", small_source), env=env)
    (refused,) = [line for line in trace.read_text().splitlines() if "INJECTED" in line]
    assert "O_TMPFILE" in refused
    run("cmp", small_source, catalog_dir.data_file(added.stdout.strip()))
    assert catalog_dir.spools() == []


def test_a_file_size_limit_is_an_error_and_no_signal(tool, catalog_dir, tmp_path):
    source = random_file(tmp_path / "large.img", 8 << 20)
    limited = ["prlimit", "--fsize=4194304", "--"]
    result = run(*limited, *tool.command("add", source), check=False)
    assert (result.returncode, result.stdout) == (REFUSED, "")
    assert "File too large" in result.stderr
    assert_nothing_left(catalog_dir)


def test_the_size_cap_holds(tool, catalog_dir, tmp_path):
    config = tmp_path / "glance-api.conf"
    config.write_text(
        f"[DEFAULT]\nimage_size_cap = 100000\n[database]\n"
        f"connection = sqlite:///{catalog_dir.database}\n[glance_store]\n"
        f"filesystem_store_datadir = {catalog_dir.store}\n"
    )
    source = random_file(tmp_path / "large.img", 100_001)
    line = tool.fails(REFUSED, "add", source, spec=config)
    assert "100000" in line
    assert_nothing_left(catalog_dir)


def test_an_id_that_cannot_be_written_is_in_the_error(tool, catalog_dir, small_source):
    """It is too late to take the image back: others may have seen it."""
    with open("/dev/full", "wb") as full, tool.running("add", small_source, stdout=full) as process:
        _, err = process.communicate(timeout=30 * SLOW)
    (image_id,) = catalog_dir.data_files()
    assert process.returncode == FAILURE
    assert f"image {image_id} is added" in err.decode()


# ── the progress bar ──────────────────────────────────────────────────────────────────────────


def test_a_terminal_gets_a_progress_bar_that_goes_away(tool):
    with Terminal() as terminal, tool.running("add", "-", stderr=terminal.fd) as process:
        # Of unknown length: amount, rate and time.
        shown = re.compile(r"\d+\.\d MB  \d+\.\d [kM]B/s  0:0\d")
        for _ in range(200):
            feed(process, os.urandom(1 << 20))
            if shown.search(terminal.read()):
                break
        terminal.read_until(shown)
        out, _ = process.communicate(timeout=60 * SLOW)
        assert process.returncode == 0
        assert len(out.decode().strip()) == 36
        assert terminal.read().endswith("\r\x1b[K")


def test_quiet_shows_no_bar_on_a_terminal(tool, tmp_path):
    source = random_file(tmp_path / "large.img", 40 << 20)
    with Terminal() as terminal:
        command = tool.command("add", source, "--quiet")
        subprocess.run(
            command, stderr=terminal.fd, stdout=subprocess.PIPE, env=environment(), check=True
        )
        assert terminal.read() == ""


def test_data_whose_signature_nobody_can_check_are_not_taken(tool, catalog_dir, small_source):
    signature = ("", "_hash_method", "_key_type", "_certificate_uuid")
    options = [word for key in signature for word in ("--property", f"img_signature{key}=x")]
    assert "Signature verification failed" in tool.fails(REFUSED, "add", *options, small_source)
    assert_nothing_left(catalog_dir)
    tool.add(*options[2:], small_source)

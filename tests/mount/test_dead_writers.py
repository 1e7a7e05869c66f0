# SPDX-License-Identifier: Apache-2.0
"""A writer that dies leaves no image; one that ends well leaves a whole one."""

import os
import signal
import subprocess
import sys

import pytest

from support.expectations import assert_published, wait_until_gone
from support.processes import SLOW, environment, run, wait_until

FIRST_PART = 3_000_000


def start_cp(source, target):
    """cp in the background, mortal even where our own parent has us ignore signals."""
    command = ["env", "--default-signal", "cp", source, target]
    return subprocess.Popen(command, env=environment())


class StuckWriter:
    """A cp from a FIFO that has copied the first part and waits for more."""

    def __init__(self, mount, catalog_dir, fifo, data):
        os.mkfifo(fifo)
        self.process = start_cp(fifo, mount / "partial.img")
        self.source = os.open(fifo, os.O_WRONLY)
        os.write(self.source, data)
        wait_until(lambda: catalog_dir.spooled_bytes() == len(data), 10, "the first part")

    def end(self):
        """Waits for the writer and returns its exit status."""
        try:
            return self.process.wait(10 * SLOW)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.source)


@pytest.fixture
def stuck_writer(mount, catalog_dir, tmp_path):
    writer = StuckWriter(mount, catalog_dir, tmp_path / "fifo", b"x" * FIRST_PART)
    yield writer
    if writer.process.poll() is None:
        writer.process.kill()
        writer.process.wait()


def assert_works(mount, catalog_dir, source):
    run("cp", source, mount / "next.img")
    assert_published(mount, catalog_dir, "next.img", source)
    assert catalog_dir.statuses() == {"next.img": "active"}


@pytest.mark.smoke
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_ends_cp_leaves_no_image(
    mount, catalog_dir, stuck_writer, small_source, number
):
    assert mount.xattr("partial.img", "status") == "saving"
    stuck_writer.process.send_signal(number)
    assert stuck_writer.end() == -number
    wait_until_gone(mount, catalog_dir, "partial.img")
    assert_works(mount, catalog_dir, small_source)


def test_a_patient_writer_publishes_after_a_pause(mount, catalog_dir, stuck_writer, tmp_path):
    expected = tmp_path / "expected"
    expected.write_bytes(b"x" * FIRST_PART + b"rest")
    os.write(stuck_writer.source, b"rest")
    os.close(stuck_writer.source)
    assert stuck_writer.process.wait(10 * SLOW) == 0
    assert_published(mount, catalog_dir, "partial.img", expected)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_killing_cp_of_a_big_file_never_leaves_a_truncated_image(
    mount, catalog_dir, big_source, number
):
    copy = start_cp(big_source, mount / "big.img")
    wait_until(lambda: catalog_dir.spooled_bytes() > 0 or copy.poll() is not None, 10, "bytes")
    copy.send_signal(number)
    if copy.wait(30 * SLOW) == 0:  # it was quicker than the signal
        assert_published(mount, catalog_dir, "big.img", big_source)
        return
    wait_until_gone(mount, catalog_dir, "big.img")


PYTHON_WRITER = """
import os, sys
descriptor = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
os.write(descriptor, b"y" * 500_000)
"""


def run_python(code, *arguments):
    return run(sys.executable, "-c", PYTHON_WRITER + code, *arguments, check=False).returncode


@pytest.mark.parametrize(
    "code, status",
    [
        ("sys.exit(3)", 3),
        ("os._exit(1)", 1),
        ("raise RuntimeError", 1),
        ("os.kill(os.getpid(), 9)", -9),
        ("os.abort()", -6),
    ],
)
def test_a_program_that_fails_with_the_file_open_leaves_no_image(
    mount, catalog_dir, small_source, code, status
):
    assert run_python(code, mount / "failed.img") == status
    wait_until_gone(mount, catalog_dir, "failed.img")
    assert_works(mount, catalog_dir, small_source)


@pytest.mark.parametrize("code", ["sys.exit(0)", "os._exit(0)", ""])
def test_a_program_that_succeeds_with_the_file_open_publishes(
    mount, catalog_dir, tmp_path, code
):
    expected = tmp_path / "expected"
    expected.write_bytes(b"y" * 500_000)
    assert run_python(code, mount / "good.img") == 0
    wait_until(lambda: catalog_dir.statuses() == {"good.img": "active"}, 5, "the publication")
    assert_published(mount, catalog_dir, "good.img", expected)


def test_a_program_that_fails_after_closing_has_published(mount, catalog_dir, tmp_path):
    expected = tmp_path / "expected"
    expected.write_bytes(b"y" * 500_000)
    assert run_python("os.close(descriptor); sys.exit(3)", mount / "closed.img") == 3
    assert_published(mount, catalog_dir, "closed.img", expected)


def test_a_dead_writer_of_a_rest_made_image_puts_it_back_to_queued(
    mount, catalog_dir, rest, small_source
):
    image_id = rest.create(name="filled", disk_format="raw", container_format="bare")["id"]
    wait_until((mount / "filled").exists, 1, "the queued image")
    code = PYTHON_WRITER.replace("os.O_CREAT | ", "") + "os._exit(1)"
    assert run(sys.executable, "-c", code, mount / "filled", check=False).returncode == 1
    wait_until(lambda: catalog_dir.image_row(image_id)["status"] == "queued", 5, "queued again")
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    run("cp", small_source, mount / "filled")
    assert mount.xattr("filled", "id") == image_id
    assert_published(mount, catalog_dir, "filled", small_source)


def test_the_whole_pipeline_dying_leaves_no_image(mount, catalog_dir):
    script = "yes | head -c 2M > $1/piped.img & p=$!; kill -9 $p; wait $p"
    run("sh", "-c", script, "sh", mount, check=False)

    def settled():
        return catalog_dir.statuses().get("piped.img") != "saving"

    wait_until(settled, 10, "an end of the upload")
    if catalog_dir.statuses().get("piped.img") == "active":
        assert os.stat(mount / "piped.img").st_size == 2 << 20


def test_the_survivor_of_a_dead_writer_hears_of_it(mount, catalog_dir):
    """A child wrote and failed: its parent must not believe that the image is there."""
    mount.daemon.expect_errors("(fsync|flush): the upload of image .* was discarded")
    script = (
        "import os, sys, errno\n"
        "fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\n"
        "if os.fork() == 0:\n"
        "    os.write(fd, b'part')\n"
        "    os._exit(1)\n"
        "os.wait()\n"
        "for call in (os.fsync, os.close):\n"
        "    try:\n"
        "        call(fd)\n"
        "        sys.exit(7)\n"
        "    except OSError as error:\n"
        "        assert error.errno == errno.EIO, error\n"
    )
    run(sys.executable, "-c", script, mount / "partial.img")
    wait_until_gone(mount, catalog_dir, "partial.img")


def test_a_failed_first_write_is_not_forgotten(mount, catalog_dir):
    """Or the next write would make an active image with a hole."""
    mount.daemon.expect_errors("(write|flush): opening .*: Not a directory")
    spools = catalog_dir.store / ".uploads"
    spools.mkdir(exist_ok=True)
    spools.rename(catalog_dir.store / ".away")
    spools.write_bytes(b"in the way")
    target = os.open(mount / "holed.img", os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError):
        os.pwrite(target, b"x" * 4096, 0)
    spools.unlink()
    (catalog_dir.store / ".away").rename(spools)
    with pytest.raises(OSError):
        os.pwrite(target, b"y" * 4096, 4096)
    with pytest.raises(OSError):
        os.close(target)
    wait_until_gone(mount, catalog_dir, "holed.img")

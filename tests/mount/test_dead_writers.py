# SPDX-License-Identifier: Apache-2.0
"""A writer that dies leaves no image; one that ends well leaves a whole one."""

import os
import signal
import sys

import pytest

from support.catalogs import CatalogDir
from support.expectations import assert_published, wait_until_active, wait_until_gone
from support.processes import SLOW, run, wait_until
from support.web import file_server
from support.writers import StuckWriter, start

FIRST_PART = 3_000_000

# What copies $1 to $2 in a process that is there to be killed.
TOOLS = {
    "cp": "exec cp $1 $2",
    "cat": "exec cat $1 > $2",
    "dd": "exec dd if=$1 of=$2 bs=10k status=none",
    "tee": "exec tee $2 < $1 > /dev/null",
    "python": """exec python3 -c 'import shutil, sys; shutil.copyfileobj(
        open(sys.argv[1], "rb", 0), open(sys.argv[2], "wb", 0))' $1 $2""",
}


@pytest.fixture
def stuck(mount, catalog_dir, tmp_path):
    """Starts a writer of `partial.img` that waits in the middle: stuck(script)."""
    writers = []

    def start_writer(script=TOOLS["cp"]):
        writers.append(StuckWriter(script, tmp_path / "fifo", mount / "partial.img"))
        writers[-1].copy(b"x" * FIRST_PART, catalog_dir)
        return writers[-1]

    yield start_writer
    for writer in writers:
        writer.clean_up()


def assert_works(mount, catalog_dir, source):
    run("cp", source, mount / "next.img")
    assert_published(mount, catalog_dir, "next.img", source)
    assert catalog_dir.statuses() == {"next.img": "active"}


@pytest.mark.smoke
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_ends_cp_leaves_no_image(mount, catalog_dir, stuck, small_source, number):
    writer = stuck()
    assert mount.xattr("partial.img", "status") == "saving"
    writer.process.send_signal(number)
    assert writer.end() == -number
    wait_until_gone(mount, catalog_dir, "partial.img")
    assert_works(mount, catalog_dir, small_source)


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV]
# They close their file before they let the signal end them.
CLOSING = [("dd", signal.SIGINT), ("python", signal.SIGINT)]


@pytest.mark.parametrize(
    "tool, number",
    [
        (tool, number)
        for tool in TOOLS
        for number in SIGNALS
        if tool != "cp" and (tool, number) not in CLOSING
    ],
)
def test_a_signal_that_ends_another_tool_leaves_no_image(mount, catalog_dir, stuck, tool, number):
    writer = stuck(TOOLS[tool])
    writer.process.send_signal(number)
    assert writer.end() != 0
    wait_until_gone(mount, catalog_dir, "partial.img")


@pytest.mark.parametrize("tool, number", CLOSING)
def test_who_closes_before_a_signal_ends_it_has_published(
    mount, catalog_dir, stuck, tmp_path, tool, number
):
    """As after a broken download, only an announced size or digest tells that it is not whole."""
    writer = stuck(TOOLS[tool])
    writer.process.send_signal(number)
    assert writer.end() != 0
    wait_until_active(mount, "partial.img")
    assert os.stat(mount / "partial.img").st_size == FIRST_PART
    os.unlink(mount / "partial.img")
    (tmp_path / "fifo").unlink()
    run("touch", mount / "partial.img")
    mount.set_xattr("partial.img", "size", str(FIRST_PART + 1))
    mount.daemon.expect_errors("was announced")
    writer = stuck(TOOLS[tool])
    writer.process.send_signal(number)
    assert writer.end() != 0
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    assert catalog_dir.statuses() == {"partial.img": "queued"}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_patient_writer_publishes_after_a_pause(mount, catalog_dir, stuck, tmp_path, tool):
    expected = tmp_path / "expected"
    expected.write_bytes(b"x" * FIRST_PART + b"rest")
    writer = stuck(TOOLS[tool])
    writer.go_on(b"rest")
    assert writer.end() == 0
    wait_until_active(mount, "partial.img")
    assert_published(mount, catalog_dir, "partial.img", expected)


def test_what_follows_a_killed_command_does_not_hide_it(mount, catalog_dir, stuck, tmp_path):
    """The shell goes on with the next command of `{ a; b; } > f`; the image is lost all the same."""
    mount.daemon.expect_errors("the upload of image .* was discarded")
    writer = stuck("{ sh -c 'echo $$ > $0.pid; exec cat $0' $1; echo the end; } > $2")
    os.kill(int((tmp_path / "fifo.pid").read_text()), signal.SIGKILL)
    assert b"I/O error" in writer.process.stderr.read()
    writer.end()
    wait_until_gone(mount, catalog_dir, "partial.img")


# What brings $1, which is served at $4, to $2; $3 is a folder for what it needs. `exec` has the signal
# meet the tool itself.
BIG_COPIES = {
    "cp": 'exec cp "$1" "$2"',
    "install": 'exec install -m 644 "$1" "$2"',
    "mv": 'ln "$1" "$3/moved" && exec mv "$3/moved" "$2"',
    "dd": 'exec dd if="$1" of="$2" bs=1M status=none',
    "rsync": 'exec rsync "$1" "$2"',
    "rsync --inplace": 'exec rsync --inplace --whole-file "$1" "$2"',
    "tar": 'tar -C "${1%/*}" --transform "s/.*/big.img/" -cf "$3/archive" "${1##*/}" && '
    'cd "${2%/*}" && exec tar -xf "$3/archive"',
    "qemu-img to raw": 'exec qemu-img convert -f raw -O raw "$1" "$2"',
    "qemu-img to qcow2": 'exec qemu-img convert -f raw -O qcow2 "$1" "$2"',
    "curl": 'exec curl -sS --limit-rate 200M -o "$2" "$4"',
    "wget": 'exec wget -q -O "$2" "$4"',
}


@pytest.fixture
def big_copy(mount, catalog_dir, big_source, tmp_path):
    """Starts a tool that brings `big.img`; returns when it copies data, or is done already.

    qemu-img closes its file twice before it does, with less than 1 MiB in it.
    """
    processes = []

    def begin(tool):
        arguments = (big_source, mount / "big.img", tmp_path, f"{server}/{big_source.name}")
        process = start("sh", "-c", BIG_COPIES[tool], "sh", *arguments)
        processes.append(process)
        wait_until(
            lambda: catalog_dir.spooled_data() > 1 << 20 or process.poll() is not None, 20, "data"
        )
        return process

    with file_server(big_source.parent) as server:
        yield begin
    for process in processes:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("tool", BIG_COPIES)
def test_killing_a_tool_never_leaves_a_truncated_image(
    mount, catalog_dir, big_copy, big_source, tool, number
):
    # It closes its file before it fails, whatever ends it: only the size tells what is not whole.
    closes = tool == "rsync --inplace" or (tool, number) in CLOSING
    if closes:
        run("touch", mount / "big.img")
        mount.set_xattr("big.img", "size", str(big_source.stat().st_size))
        mount.daemon.expect_errors("was announced")
    mount.busy_for = 10  # rsync's receiver outlives the one that was started
    process = big_copy(tool)
    process.send_signal(number)
    if process.wait(60 * SLOW) == 0:  # it was quicker than the signal
        wait_until_active(mount, "big.img")
        run("qemu-img", "compare", big_source, mount / "big.img")
        if tool != "qemu-img to qcow2":
            assert_published(mount, catalog_dir, "big.img", big_source)
    elif closes:
        wait_until(lambda: catalog_dir.statuses() == {"big.img": "queued"}, 10, "a queued image")
        wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
        assert catalog_dir.data_files() == []
    else:
        wait_until(lambda: catalog_dir.statuses() == {}, 10, "the end of all images")
        wait_until(lambda: mount.names() == [], 5, "an empty mount")
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


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)", "os.abort()"])
def test_a_threaded_program_that_fails_leaves_no_image(mount, catalog_dir, end):
    """Whichever thread writes, and whichever ends the process."""
    code = f"""
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
thread = threading.Thread(target=os.write, args=(descriptor, b"more"))
thread.start()
thread.join()
threading.Thread(target=lambda: {end}).start()
time.sleep(60)
"""
    assert run_python(code, mount / "failed.img") != 0
    wait_until_gone(mount, catalog_dir, "failed.img")


def test_a_failing_child_that_only_inherited_the_file_does_no_harm(mount, catalog_dir, tmp_path):
    expected = tmp_path / "expected"
    expected.write_bytes(b"y" * 500_000)
    code = "if os.fork() == 0: os._exit(3)\nos.wait()\nos.close(descriptor)"
    assert run_python(code, mount / "good.img") == 0
    assert_published(mount, catalog_dir, "good.img", expected)


def assert_only_success_publishes(catalog, run_script):
    """`run_script` runs a script for sh(1) in the mount."""
    write = "exec 9> image && echo data >&9 && "
    for end, survives in (("exit 3", False), ("kill -9 $$", False), ("exit 0", True)):
        run_script(write + end)
        wait_until(lambda: "saving" not in catalog.statuses().values(), 5, "the end")
        assert catalog.statuses() == ({"image": "active"} if survives else {}), end


def test_another_users_writer_that_dies_leaves_no_image(mounts, catalog_dir):
    mount = mounts.start(catalog_dir, "create,allow_other,umask=0")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    assert_only_success_publishes(
        catalog_dir, lambda script: run(*nobody, "sh", "-c", script, check=False, cwd=mount)
    )


def test_an_ordinary_users_writer_that_dies_leaves_no_image(nobody):
    nobody.mount()
    enter = 'cd "$1" && '
    assert_only_success_publishes(
        CatalogDir(nobody.catalog),
        lambda script: nobody.run("sh", "-c", enter + script, "sh", nobody.point, check=False),
    )
    nobody.unmount()


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
    mount.daemon.expect_errors("(write|flush): opening the directory .*: Not a directory")
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

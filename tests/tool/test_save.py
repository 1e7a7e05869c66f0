# SPDX-License-Identifier: Apache-2.0
"""`glance-catalog save`: what is written has been verified, or is not there."""

import hashlib
import os
import re
import signal
import stat
import subprocess

import pytest

from support.images import flip_a_bit, md5sum, random_file, sparse_file
from support.processes import SLOW, environment, run, wait_until
from support.tool import FAILURE, PROBLEMS, REFUSED, USAGE, Terminal


@pytest.fixture
def image_id(tool, small_source):
    return tool.add(small_source, "--name", "image")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.mark.smoke
def test_save_writes_a_file_or_stdout(tool, image_id, small_source, folder):
    result = tool("save", "image", folder / "copy.img")
    assert (result.stdout, result.stderr) == ("", "")
    run("cmp", small_source, folder / "copy.img")
    for arguments in (["save", image_id], ["save", "image", "-"]):
        out = subprocess.run(
            tool.command(*arguments), stdout=subprocess.PIPE, env=environment(), check=True
        )
        assert out.stdout == small_source.read_bytes()
    assert os.listdir(folder) == ["copy.img"]


def test_a_new_file_has_the_umasks_mode_and_an_old_one_keeps_its_own(tool, image_id, folder):
    tool("save", "image", folder / "new.img", umask=0o027)
    assert stat.S_IMODE((folder / "new.img").stat().st_mode) == 0o640
    (folder / "old.img").write_bytes(b"old")
    (folder / "old.img").chmod(0o604)
    tool("save", "image", folder / "old.img")
    assert stat.S_IMODE((folder / "old.img").stat().st_mode) == 0o604


@pytest.mark.parametrize("there", [False, True], ids=["new", "replaced"])
def test_the_file_and_its_name_are_durable(tool, image_id, folder, tmp_path, there):
    """The data, the rename, the directory, in this order."""
    if there:
        (folder / "copy.img").write_bytes(b"old")
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-y", "-o", trace, "-e", "trace=fsync,rename"]
    # Leaks cannot be looked for in a traced process.
    env = environment() | {"ASAN_OPTIONS": "detect_leaks=0"}
    run(*strace, *tool.command("save", image_id, folder / "copy.img"), env=env)
    steps = re.findall(r"\b(fsync|rename)\((.*)\) += 0$", trace.read_text(), re.MULTILINE)
    (data, what), (rename, names), (directory, where) = steps[-3:]
    assert (data, rename, directory) == ("fsync", "rename", "fsync")
    assert what.endswith(".part>") and names.endswith(f'"{folder}/copy.img"')
    assert where.endswith(f"<{folder}>")


def test_a_directory_that_cannot_be_read_will_do(tool, image_id, small_source, folder):
    folder.chmod(0o300)
    ordinary = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps=-all"]
    run(*ordinary, *tool.command("save", image_id, folder / "copy.img"))
    run("cmp", small_source, folder / "copy.img")


def test_a_link_stays_a_link(tool, image_id, small_source, folder):
    (folder / "target.img").write_bytes(b"old")
    (folder / "link").symlink_to("target.img")
    (folder / "dangling").symlink_to("later.img")
    tool("save", "image", folder / "link")
    tool("save", "image", folder / "dangling")
    run("cmp", small_source, folder / "target.img")
    run("cmp", small_source, folder / "later.img")
    assert (folder / "link").is_symlink()
    assert (folder / "dangling").is_symlink()


def test_a_relative_name_is_one_in_the_working_directory(tool, image_id, small_source, folder):
    tool("save", "image", "copy.img", cwd=folder)
    run("cmp", small_source, folder / "copy.img")


def test_zeros_become_holes(tool, tmp_path, folder):
    source = sparse_file(tmp_path / "sparse.img", (40 << 20) + 11)
    tool.add(source)
    tool("save", "sparse.img", folder / "copy.img")
    run("cmp", source, folder / "copy.img")
    assert (folder / "copy.img").stat().st_blocks * 512 < 2 << 20


def test_what_an_image_was_saved_as_can_be_added_again(tool, catalog_dir, big_source, folder):
    tool.add(big_source)
    tool("save", "big.img", folder / "copy.img")
    again = tool.add(folder / "copy.img", "--checksum", md5sum(big_source))
    run("cmp", big_source, catalog_dir.data_file(again))


@pytest.mark.smoke
def test_a_corrupted_image_is_not_saved(tool, catalog_dir, image_id, small_source, folder):
    flip_a_bit(catalog_dir.data_file(image_id))
    line = tool.fails(PROBLEMS, "save", "image", folder / "copy.img")
    assert image_id in line
    assert f"md5 {md5sum(small_source)} recorded" in line
    assert "sha512" in line
    assert os.listdir(folder) == []
    (folder / "old.img").write_bytes(b"old")
    tool.fails(PROBLEMS, "save", "image", folder / "old.img")
    assert (folder / "old.img").read_bytes() == b"old"
    assert os.listdir(folder) == ["old.img"]


def test_stdout_cannot_be_taken_back_but_the_exit_code_tells(tool, catalog_dir, image_id):
    flip_a_bit(catalog_dir.data_file(image_id))
    result = subprocess.run(
        tool.command("save", "image"), capture_output=True, env=environment(), check=False
    )
    assert result.returncode == PROBLEMS
    assert result.stdout == catalog_dir.data_file(image_id).read_bytes()
    assert b"not what was stored" in result.stderr


def test_missing_and_truncated_data_are_not_saved(tool, catalog_dir, image_id, folder):
    os.truncate(catalog_dir.data_file(image_id), 1000)
    line = tool.fails(PROBLEMS, "save", "image", folder / "copy.img")
    assert "300001 recorded, 1000 in the store" in line
    os.unlink(catalog_dir.data_file(image_id))
    line = tool.fails(PROBLEMS, "save", "image", folder / "copy.img")
    assert f"{catalog_dir.data_file(image_id)}: No such file" in line
    assert os.listdir(folder) == []


def test_an_image_without_digests_is_saved_with_a_warning(
    tool, image_id, edit_database, small_source, folder
):
    edit_database("UPDATE images SET checksum = NULL, os_hash_algo = NULL, os_hash_value = NULL")
    result = tool("save", "image", folder / "copy.img")
    assert result.stderr == (
        f"glance-catalog: image {image_id} has no recorded digests: its data cannot be verified\n"
    )
    run("cmp", small_source, folder / "copy.img")


def test_one_digest_of_two_is_enough(
    tool, catalog_dir, image_id, edit_database, small_source, folder
):
    """Also one of Python's names, and one that nobody knows beside it."""
    blake = hashlib.blake2b(small_source.read_bytes()).hexdigest()
    edit_database("UPDATE images SET checksum = NULL, os_hash_algo = 'blake2b', os_hash_value = ?",
                  blake)  # fmt: skip
    assert tool("save", "image", folder / "a.img").stderr == ""
    edit_database("UPDATE images SET checksum = ?, os_hash_algo = 'future'", md5sum(small_source))
    assert tool("save", "image", folder / "b.img").stderr == ""
    flip_a_bit(catalog_dir.data_file(image_id))
    assert "md5" in tool.fails(PROBLEMS, "save", "image", folder / "c.img")


def test_an_image_without_data_is_refused(tool, rest, folder):
    image = rest.create(name="queued")
    line = tool.fails(REFUSED, "save", "queued", folder / "copy.img")
    assert image["id"] in line
    assert "queued" in line
    assert os.listdir(folder) == []


def test_data_are_not_written_to_a_terminal(tool, image_id):
    with Terminal() as terminal:
        result = subprocess.run(
            tool.command("save", "image"),
            stdout=terminal.fd,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
        assert result.returncode == USAGE
        assert b"terminal" in result.stderr
        assert terminal.read() == ""


def test_bad_places_are_refused_and_nothing_is_harmed(tool, image_id, folder):
    assert "directory" in tool.fails(USAGE, "save", "image", folder)
    assert "no regular file" in tool.fails(USAGE, "save", "image", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    assert "no regular file" in tool.fails(USAGE, "save", "image", fifo)
    assert "names no file" in tool.fails(USAGE, "save", "image", f"{folder}/none/")
    assert "No such file" in tool.fails(FAILURE, "save", "image", folder / "none" / "copy.img")
    assert os.listdir(folder) == ["fifo"]


def test_a_full_disk_leaves_no_file(tool, tmp_path, folder):
    tool.add(random_file(tmp_path / "large.img", 8 << 20))
    run("mount", "-t", "tmpfs", "-o", "size=4m", "none", folder)
    try:
        assert "No space left" in tool.fails(FAILURE, "save", "large.img", folder / "copy.img")
        assert os.listdir(folder) == []
    finally:
        run("umount", folder)


def test_a_signal_leaves_no_file(tool, big_source, folder):
    tool.add(big_source)
    stopped = tool.command("save", "big.img", folder / "copy.img")
    for _ in range(3):
        process = subprocess.Popen(stopped, env=environment(), stderr=subprocess.PIPE)
        wait_until(lambda: os.listdir(folder) != [] or process.poll() is not None, 10, "a file")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60 * SLOW)
        # A process that was done before the signal has saved the whole image.
        if process.returncode == 0:
            run("cmp", big_source, folder / "copy.img")
            os.unlink(folder / "copy.img")
        else:
            assert process.returncode == -signal.SIGTERM
        assert os.listdir(folder) == []

# SPDX-License-Identifier: Apache-2.0
"""qemu and loop devices use images on the mount as if they were on a disk."""

import contextlib
import json
import os
import re
import subprocess

import pytest

from support.expectations import assert_published, fails_with, wait_until_active
from support.images import installer_iso, packaged, qemu_info, random_file, raw_disk
from support.processes import environment, run, wait_until

WRITABLE = {  # what qemu-img can make, and what Glance calls it
    "raw": "raw",
    "qcow2": "qcow2",
    "vmdk": "vmdk",
    "vdi": "vdi",
    "vhdx": "vhdx",
    "vpc": "vhd",
}


@pytest.fixture
def disk(tmp_path):
    return raw_disk(tmp_path / "disk.raw", 20 << 20)


def convert(source, target, source_format="raw", target_format="raw", *options):
    formats = ("-f", source_format, "-O", target_format)
    return run("qemu-img", "convert", *formats, *options, source, target)


def identical(first, second, first_format="raw", second_format="raw"):
    return run("qemu-img", "compare", "-f", first_format, "-F", second_format, first, second)


# ── qemu-img ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("disk_format", WRITABLE)
def test_qemu_img_converts_onto_the_mount(mount, catalog_dir, tmp_path, disk, disk_format):
    assert convert(disk, mount / "out", "raw", disk_format).stderr == ""
    wait_until_active(mount, "out")
    assert mount.xattr("out", "disk_format") == WRITABLE[disk_format]
    identical(disk, mount / "out", "raw", disk_format)
    run("cp", mount / "out", tmp_path / "out")
    assert_published(mount, catalog_dir, "out", tmp_path / "out")
    assert catalog_dir.statuses() == {"out": "active"}
    assert catalog_dir.spools() == []


@pytest.mark.parametrize(
    "options",
    [
        ["-c"],
        ["-o", "preallocation=metadata"],
        ["-o", "preallocation=falloc"],
        ["-o", "preallocation=full"],
        ["-W", "-m", "8"],
        ["-t", "none"],
        ["-t", "writethrough"],
    ],
    ids=" ".join,
)
def test_qemu_img_converts_in_every_way_it_knows(mount, disk, options):
    convert(disk, mount / "out", "raw", "qcow2", *options)
    wait_until_active(mount, "out")
    identical(disk, mount / "out", "raw", "qcow2")
    run("qemu-img", "check", "-f", "qcow2", mount / "out")


@pytest.mark.parametrize("preallocation", ["off", "falloc", "full"])
def test_raw_disks_of_every_preallocation(mount, disk, preallocation):
    convert(disk, mount / "out", "raw", "raw", "-o", f"preallocation={preallocation}")
    wait_until_active(mount, "out")
    run("cmp", disk, mount / "out")


def test_two_rounds_of_conversion_on_the_mount_give_the_same_disk(mount, disk):
    convert(disk, mount / "first.qcow2", "raw", "qcow2")
    convert(mount / "first.qcow2", mount / "second.raw", "qcow2", "raw")  # waits for the first
    convert(mount / "second.raw", mount / "third.qcow2", "raw", "qcow2")
    wait_until_active(mount, "third.qcow2")
    run("cmp", disk, mount / "second.raw")
    identical(mount / "first.qcow2", mount / "third.qcow2", "qcow2", "qcow2")


def test_qemu_img_creates_an_empty_disk(mount):
    run("qemu-img", "create", "-q", "-f", "qcow2", mount / "empty.qcow2", "1G")
    wait_until_active(mount, "empty.qcow2")
    assert mount.xattr("empty.qcow2", "virtual_size") == str(1 << 30)
    run("qemu-img", "check", "-f", "qcow2", mount / "empty.qcow2")


@pytest.mark.parametrize("options", ["create", "create,overwrite=replace"])
def test_qemu_img_cannot_convert_over_an_image(mounts, catalog_dir, disk, small_source, options):
    """It opens the file without truncating it, as somebody who means to change it."""
    mount = mounts.start(catalog_dir, options)
    run("cp", small_source, mount / "out")
    arguments = ("-f", "raw", "-O", "qcow2", disk, mount / "out")
    assert run("qemu-img", "convert", *arguments, check=False).returncode == 1
    assert_published(mount, catalog_dir, "out", small_source)
    assert mount.names() == ["out"]


def test_a_killed_qemu_img_leaves_nothing(mount, catalog_dir, tmp_path):
    source = random_file(tmp_path / "disk.raw", 64 << 20)
    options = ["-r", "1M", "-f", "raw", "-O", "qcow2"]  # would take a minute
    command = ["qemu-img", "convert", *options, source, mount / "out"]
    convert = subprocess.Popen(command, env=environment())
    # It makes an empty disk, closes it, and opens it anew to copy: only then there is so much.
    wait_until(lambda: catalog_dir.spooled_bytes() > 1 << 20, 10, "the first MiB")
    convert.kill()
    assert convert.wait() == -9
    wait_until(lambda: catalog_dir.statuses() == {}, 5, "the end of the upload")
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")


def test_qemu_img_looks_at_images_on_the_mount(mount, tmp_path, disk):
    source = tmp_path / "disk.qcow2"
    convert(disk, source, "raw", "qcow2")
    for path in (source, disk):
        run("cp", path, mount)
    info = qemu_info(mount / "disk.qcow2")
    assert (info["format"], info["virtual-size"]) == ("qcow2", 20 << 20)
    checked = run("qemu-img", "check", "--output=json", mount / "disk.qcow2").stdout
    assert json.loads(checked)["check-errors"] == 0
    identical(source, mount / "disk.qcow2", "qcow2", "qcow2")
    for name, path in {"disk.qcow2": source, "disk.raw": disk}.items():
        own, copied = (
            json.loads(run("qemu-img", "map", "--output=json", each).stdout)
            for each in (path, mount / name)
        )
        assert copied == own  # the holes too
    assert run("qemu-img", "measure", "-O", "raw", mount / "disk.qcow2").returncode == 0


def test_an_image_on_the_mount_backs_a_guests_disk(mount, tmp_path, disk):
    """What nova does: the guest writes into an overlay, the image stays as it is."""
    convert(disk, tmp_path / "base.qcow2", "raw", "qcow2")
    run("cp", tmp_path / "base.qcow2", mount)
    overlay = tmp_path / "overlay.qcow2"
    backing = ("-b", mount / "base.qcow2", "-F", "qcow2")
    run("qemu-img", "create", "-q", "-f", "qcow2", *backing, overlay)
    io = run("qemu-io", "-f", "qcow2", "-c", "write -P 7 5M 64k", "-c", "read 0 1M", overlay)
    assert "64 KiB" in io.stdout
    flat = tmp_path / "flat.raw"
    convert(overlay, flat, "qcow2", "raw")
    expected = bytearray(disk.read_bytes())
    expected[5 << 20 : (5 << 20) + 65536] = b"\7" * 65536
    assert flat.read_bytes() == expected
    run("cmp", tmp_path / "base.qcow2", mount / "base.qcow2")


@pytest.mark.parametrize("cache", ["none", "directsync", "writeback"])
def test_qemu_io_reads_in_every_cache_mode(mount, disk, cache):
    run("cp", disk, mount)
    io = run("qemu-io", "-r", "-t", cache, "-f", "raw", "-c", "read -v 4096 32", mount / "disk.raw")
    shown = re.match(r"00001000:  ((?:[0-9a-f]{2} ?)+)", io.stdout)
    assert bytes.fromhex(shown[1]) == disk.read_bytes()[4096:4112]


# ── a guest ──────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def guest(output, *arguments):
    """A PC whose serial console goes to the file `output`; it is turned off in the end."""
    machine = ["qemu-system-x86_64", "-nographic", "-accel", "tcg", "-m", "64", "-net", "none"]
    with open(output, "wb") as console:
        process = subprocess.Popen(
            [*machine, *map(str, arguments)],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("cache", ["writeback", "none"])
def test_qemu_boots_ipxe_from_the_mount(mount, tmp_path, cache):
    run("cp", packaged("ipxe.iso"), mount)
    drive = f"file={mount.path}/ipxe.iso,format=raw,media=cdrom,readonly=on,cache={cache}"
    console = tmp_path / "console"
    with guest(console, "-boot", "d", "-drive", drive) as qemu:

        def booted():
            text = console.read_bytes()
            assert qemu.poll() is None, text
            return b"Open Source Network Boot Firmware" in text

        wait_until(booted, 40, "iPXE's banner on the serial console")
    assert re.search(rb"iPXE 1\.\d+\.\d+", console.read_bytes())


# ── loop devices ─────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def loop_device(mount, name, *options):
    mount.busy_for = 5  # the kernel lets go of the file some time after losetup -d
    device = run("losetup", "--show", "-f", *options, mount / name).stdout.strip()
    try:
        yield device
    finally:
        run("losetup", "-d", device)


@contextlib.contextmanager
def mounted(device, point, *options):
    point.mkdir()
    run("mount", *options, device, point)
    try:
        yield point
    finally:
        run("umount", point)


@pytest.fixture
def filesystem(tmp_path):
    """An ext4 filesystem of 8 MiB with a file in it."""
    content = tmp_path / "content"
    content.mkdir()
    random_file(content / "file", 1_000_000)
    image = tmp_path / "ext4.img"
    run("truncate", "-s", "8M", image)
    run("mkfs.ext4", "-q", "-d", content, image)
    return image


@pytest.mark.parametrize("options", [["-r"], []], ids=["losetup -r", "losetup"])
def test_a_loop_device_is_read_only_and_has_the_bytes(mount, filesystem, options):
    """Without -r it falls back to it, since the image cannot be opened for writing."""
    run("cp", filesystem, mount)
    with loop_device(mount, "ext4.img", *options) as device:
        assert run("blockdev", "--getro", device).stdout.strip() == "1"
        run("cmp", filesystem, device)


def test_a_filesystem_inside_an_image_is_mounted(mount, tmp_path, filesystem):
    run("cp", filesystem, mount)
    with loop_device(mount, "ext4.img", "-r") as device:
        with mounted(device, tmp_path / "point", "-o", "ro") as point:
            run("cmp", tmp_path / "content/file", point / "file")


def test_mount_o_loop_mounts_an_image(mount, tmp_path, filesystem):
    run("cp", filesystem, mount)
    mount.busy_for = 5
    with mounted(mount / "ext4.img", tmp_path / "point", "-o", "loop,ro") as point:
        run("cmp", tmp_path / "content/file", point / "file")
        with fails_with("EROFS"):
            os.open(point / "file", os.O_WRONLY)


def test_the_files_of_a_cd_are_read_from_its_image(mount, tmp_path):
    linux = packaged("linux")
    run("cp", installer_iso(tmp_path / "mini.iso"), mount)
    assert "ISO 9660" in run("file", "-b", mount / "mini.iso").stdout
    extract = ("-osirrox", "on", "-indev", mount / "mini.iso", "-extract", "/linux")
    run("xorriso", *extract, tmp_path / "linux")
    run("cmp", linux, tmp_path / "linux")


def test_a_deleted_image_lives_on_under_its_loop_device(mount, catalog_dir, filesystem):
    run("cp", filesystem, mount)
    with loop_device(mount, "ext4.img", "-r") as device:
        os.unlink(mount / "ext4.img")
        assert mount.names() == []
        run("cmp", filesystem, device)
    wait_until(lambda: catalog_dir.data_files() == [], 5, "an empty store")

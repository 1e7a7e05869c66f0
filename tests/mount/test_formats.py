# SPDX-License-Identifier: Apache-2.0
"""Real images and qemu-img's: every byte arrives, and format and virtual size are found out."""

import pytest

from support.expectations import assert_published, fails_with
from support.images import (
    PACKAGED,
    installer_iso,
    packaged,
    qemu_info,
    random_file,
    raw_disk,
    sparse_file,
)
from support.processes import run

# What Glance calls those that qemu calls otherwise.
GLANCE_NAMES = {"vpc": "vhd"}

# qemu's format and options.
VARIANTS = {
    "raw": ("raw",),
    "qcow2": ("qcow2",),
    "qcow2 of version 2": ("qcow2", "-o", "compat=0.10"),
    "compressed qcow2": ("qcow2", "-c"),
    "zstd qcow2": ("qcow2", "-c", "-o", "compression_type=zstd"),
    "qcow2 with big clusters": ("qcow2", "-o", "cluster_size=2M"),
    "qcow2 with small clusters": ("qcow2", "-o", "cluster_size=512"),
    "qcow2 with extended L2 entries": ("qcow2", "-o", "extended_l2=on,cluster_size=128k"),
    "preallocated qcow2": ("qcow2", "-o", "preallocation=metadata"),
    "monolithic vmdk": ("vmdk", "-o", "subformat=monolithicSparse"),
    "streamOptimized vmdk": ("vmdk", "-o", "subformat=streamOptimized"),
    "vdi": ("vdi",),
    "static vdi": ("vdi", "-o", "static=on"),
    "vhdx": ("vhdx",),
    "fixed vhdx": ("vhdx", "-o", "subformat=fixed"),
    "vpc": ("vpc",),
    "vpc of the exact size": ("vpc", "-o", "force_size=on"),
    "fixed vpc": ("vpc", "-o", "subformat=fixed"),
    "fixed vpc of the exact size": ("vpc", "-o", "subformat=fixed,force_size=on"),
}


def assert_recognised(mount, name, disk_format, virtual_size):
    assert mount.xattr(name, "disk_format") == disk_format
    assert mount.xattr(name, "container_format") == "bare"
    assert mount.xattr(name, "virtual_size") == str(virtual_size)


@pytest.mark.parametrize("name", PACKAGED)
def test_a_real_image_arrives_whole_and_is_recognised(mount, catalog_dir, name):
    source = packaged(name)
    assert run("cp", source, mount).stderr == ""
    assert_published(mount, catalog_dir, name, source)
    size = source.stat().st_size
    assert mount.xattr(name, "size") == str(size)
    assert_recognised(mount, name, PACKAGED[name][2], size)  # a guest sees the whole file


def test_an_installer_cd_arrives_whole_and_is_recognised(mount, catalog_dir, tmp_path):
    packaged("linux")
    source = installer_iso(tmp_path / "mini.iso")
    run("cp", source, mount)
    assert_published(mount, catalog_dir, "mini.iso", source)
    assert_recognised(mount, "mini.iso", "iso", source.stat().st_size)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_virtual_disk_is_recognised_as_qemu_does(mount, catalog_dir, tmp_path, variant):
    disk_format, *options = VARIANTS[variant]
    raw = raw_disk(tmp_path / "disk.raw", 6 << 20)
    source = tmp_path / "disk"
    run("qemu-img", "convert", "-f", "raw", "-O", disk_format, *options, raw, source)
    run("cp", source, mount)
    assert_published(mount, catalog_dir, "disk", source)
    info = qemu_info(mount / "disk", "-f", disk_format)
    assert info["virtual-size"] >= 6 << 20
    glance_name = GLANCE_NAMES.get(disk_format, disk_format)
    assert_recognised(mount, "disk", glance_name, info["virtual-size"])
    run("qemu-img", "compare", "-f", "raw", "-F", disk_format, raw, mount / "disk")


def test_a_sparse_raw_disk_is_as_big_as_it_looks(mount, catalog_dir, tmp_path):
    source = sparse_file(tmp_path / "disk.raw", 48 << 20)
    run("cp", source, mount)
    assert_published(mount, catalog_dir, "disk.raw", source)
    assert_recognised(mount, "disk.raw", "raw", 48 << 20)
    assert qemu_info(mount / "disk.raw", "-f", "raw")["virtual-size"] == 48 << 20


@pytest.mark.parametrize("size", [1, 3, 511, 512, 32768, 32769])
def test_what_is_too_short_for_any_format_is_raw(mount, tmp_path, size):
    run("cp", random_file(tmp_path / "short", size), mount)
    assert_recognised(mount, "short", "raw", size)


@pytest.mark.parametrize(
    "magic, offset",
    [
        (b"QFI\xfb", 4),
        (b"conectix", 8),
        (b"vhdxfile", 300 * 1024),
        (b"KDMV", 60),
        (b"KDMV", 1024),
        (b"COWD", 10),
    ],
)
def test_a_header_that_breaks_off_harms_nobody(mount, catalog_dir, tmp_path, magic, offset):
    """Whatever it is called, the bytes are kept and no virtual size is invented."""
    source = tmp_path / "broken"
    source.write_bytes(magic.ljust(offset, b"\xff"))
    run("cp", source, mount)
    assert_published(mount, catalog_dir, "broken", source)
    assert mount.xattr("broken", "disk_format") in ("qcow2", "vhd", "vhdx", "vmdk")
    with fails_with("ENODATA"):
        mount.xattr("broken", "virtual_size")

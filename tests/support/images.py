# SPDX-License-Identifier: Apache-2.0
"""Image files: real ones from Debian packages, and made ones."""

import json
import random
from pathlib import Path

from support.processes import run

GRUB = "/usr/lib/grub-rescue"
INSTALLER = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"

PACKAGED = {
    "ipxe.iso": ("/usr/lib/ipxe/ipxe.iso", "ipxe", "iso"),
    "grub-rescue-cdrom.iso": (f"{GRUB}/grub-rescue-cdrom.iso", "grub-rescue-pc", "iso"),
    "grub-rescue-floppy.img": (f"{GRUB}/grub-rescue-floppy.img", "grub-rescue-pc", "iso"),
    "grub-rescue-usb.img": (f"{GRUB}/grub-rescue-usb.img", "grub-rescue-pc", "iso"),
    "linux": (f"{INSTALLER}/linux", "debian-installer-12-netboot-amd64", "raw"),
    "initrd.gz": (f"{INSTALLER}/initrd.gz", "debian-installer-12-netboot-amd64", "raw"),
}

# Glance's name of a disk format: what qemu-img calls it and wants to be told.
QEMU_FORMATS = {
    "qcow2": ["qcow2"],
    "vmdk": ["vmdk", "-o", "subformat=streamOptimized"],
    "vdi": ["vdi"],
    "vhd": ["vpc", "-o", "force_size=on"],
    "vhdx": ["vhdx"],
}


def packaged(name):
    """The path of a real image that a Debian package installs."""
    path, package, _ = PACKAGED[name]
    assert Path(path).is_file(), f"{path} is missing: install the Debian package {package}"
    return Path(path)


def installer_iso(path):
    """A CD of Debian's installer: its kernel, its initial RAM disk and its boot screens."""
    run("xorriso", "-as", "mkisofs", "-r", "-J", "-V", "DEBIAN_12", "-o", path, INSTALLER)
    return Path(path)


def random_file(path, size, seed=1):
    path = Path(path)
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def sparse_file(path, size):
    """A few written places with holes between and behind them."""
    with open(path, "wb") as file:
        for offset in (0, size // 4 + 17, size // 2):
            file.seek(offset)
            file.write(b"data at %d" % offset)
        file.truncate(size)
    assert Path(path).stat().st_blocks * 512 < size // 2
    return Path(path)


def flip_a_bit(path, offset=1000):
    """What a dying disk does."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def raw_disk(path, size=5 << 20):
    """The bytes of a virtual disk: a MiB of content, and nothing behind it."""
    path = Path(path)
    path.write_bytes(random.Random(2).randbytes(1 << 20))
    with open(path, "r+b") as file:
        file.truncate(size)
    return path


def qemu_info(path, *options):
    """What `qemu-img info` says of an image; `-f FORMAT` keeps it from guessing."""
    return json.loads(run("qemu-img", "info", *options, "--output=json", path).stdout)


def converted(path, disk_format, virtual_size=5 << 20):
    """An image of that format, made by qemu-img from `virtual_size` bytes with some content."""
    path = Path(path)
    raw = raw_disk(path.with_name(path.name + ".raw"), virtual_size)
    name, *options = QEMU_FORMATS[disk_format]
    run("qemu-img", "convert", "-f", "raw", "-O", name, *options, raw, path)
    assert qemu_info(path, "-f", name)["virtual-size"] == virtual_size
    return path


def md5sum(path):
    return run("md5sum", path).stdout.lstrip("\\").split()[0]


def sha512sum(path):
    return run("sha512sum", path).stdout.lstrip("\\").split()[0]

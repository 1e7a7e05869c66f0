# SPDX-License-Identifier: Apache-2.0
"""What several tests expect in the same way."""

import errno
import os
from contextlib import contextmanager

import pytest

from support.images import md5sum, sha512sum
from support.processes import run, wait_until


@contextmanager
def fails_with(name):
    """The block must raise OSError with that errno, e.g. "EACCES"."""
    with pytest.raises(OSError) as caught:
        yield
    assert caught.value.errno == getattr(errno, name), caught.value


def assert_published(mount, catalog_dir, name, source):
    """The image is active and equals `source`, through the mount and in the store."""
    assert mount.xattr(name, "status") == "active"
    assert os.stat(mount / name).st_size == os.stat(source).st_size
    stored = catalog_dir.data_file(mount.xattr(name, "id"))
    run("cmp", source, mount / name)
    digests = {md5sum(source), md5sum(mount / name), md5sum(stored), mount.xattr(name, "checksum")}
    assert len(digests) == 1
    assert mount.xattr(name, "os_hash_algo") == "sha512"
    assert mount.xattr(name, "os_hash_value") == sha512sum(source)


def wait_until_active(mount, name):
    """For writers whose end is not a close() that anybody waits for, like an exiting shell's."""
    wait_until(lambda: mount.xattr(name, "status") == "active", 5, f"active {name}")


def wait_until_gone(mount, catalog_dir, name):
    """Nothing of the image may be left: no file, no row, no spool, no data."""

    def gone():
        return name not in mount.names() and name not in catalog_dir.statuses()

    wait_until(gone, 5, f"the end of {name}")
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    wait_until(lambda: catalog_dir.data_files() == [], 5, "an empty store")

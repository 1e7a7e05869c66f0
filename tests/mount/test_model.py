# SPDX-License-Identifier: Apache-2.0
"""Random operations on a real mount give what an in-memory model of it says."""

import errno
import hashlib
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

NAMES = ["a", "b.qcow2", "ünï ✓", "dir%2Fc", ".d.AbCdEf", "~"]
KEYS = ["os_distro", "note", "hw_disk_bus"]
LARGEST = 200_000

names = st.sampled_from(NAMES)
accesses = st.sampled_from([os.O_WRONLY, os.O_RDWR])
places = st.one_of(st.integers(0, 20), st.integers(0, LARGEST))
sizes = st.one_of(st.integers(1, 20), st.integers(1, LARGEST))
texts = st.text(st.characters(max_codepoint=0xFFFF, blacklist_categories=["Cs"]), max_size=20)


@dataclass(eq=False)
class File:
    """What the model knows about one image."""

    data: bytearray = field(default_factory=bytearray)
    touched: bool = False  # written or sized
    active: bool = False
    editor: bool = False  # was opened for both reading and writing
    known: bool = True  # made or opened for writing by us since the mount began
    gone: bool = False
    properties: dict = field(default_factory=dict)
    writers: int = 0
    handles: int = 0
    replaces: "File | None" = None  # hidden until this one, which has its name, is whole

    @property
    def status(self):
        if self.active:
            return "active"
        return "saving" if self.touched else "queued"

    def put(self, offset, data):
        self.touched = True
        self.data.extend(bytes(max(0, offset - len(self.data))))
        self.data[offset : offset + len(data)] = data

    def resize(self, size):
        self.touched = self.touched or size > 0
        self.data.extend(bytes(max(0, size - len(self.data))))
        del self.data[size:]

    def settle(self, for_good=False):
        """Nobody writes to it any more; `for_good`: nor comes back."""
        if self.touched and not self.writers and (for_good or not self.editor):
            self.active = True
            self.replace()

    def replace(self):
        if self.replaces:
            self.replaces.gone = True
        self.replaces = None


@dataclass(eq=False)
class Handle:
    descriptor: int
    file: File
    access: int

    @property
    def writes(self):
        return self.access != os.O_RDONLY


@contextmanager
def answers(error):
    """The call fails with that errno, or succeeds if there is none."""
    if error is None:
        yield
        return
    with pytest.raises(OSError) as caught:
        yield
    assert errno.errorcode[caught.value.errno] == error


class Machine(RuleBasedStateMachine):
    mount = None  # the tests set both
    catalog_dir = None

    def __init__(self):
        super().__init__()
        self.files = {}
        self.handles = []
        assert self.mount.names() == []

    def path(self, name):
        return self.mount / name

    def pick(self, number, wanted=lambda handle: True):
        fitting = [handle for handle in self.handles if wanted(handle)]
        return fitting[number % len(fitting)] if fitting else None

    def opened(self, descriptor, file, access):
        handle = Handle(descriptor, file, access)
        self.handles.append(handle)
        file.handles += 1
        if handle.writes:
            file.writers += 1
            file.known = True
        file.editor = file.editor or access == os.O_RDWR
        return handle

    # ── making and opening ───────────────────────────────────────────────────────────────────

    @rule(name=names, access=accesses)
    def create(self, name, access):
        with answers("EEXIST" if name in self.files else None):
            descriptor = os.open(self.path(name), os.O_CREAT | os.O_EXCL | access)
            self.files[name] = File()
            self.opened(descriptor, self.files[name], access)

    @rule(name=names)
    def mknod(self, name):
        with answers("EEXIST" if name in self.files else None):
            os.mknod(self.path(name))
            self.files[name] = File()

    @rule(name=names, access=st.sampled_from([os.O_RDONLY, os.O_WRONLY, os.O_RDWR]))
    def open(self, name, access):
        file = self.files.get(name)
        error = None
        if not file:
            error = "ENOENT"
        elif file.active and access != os.O_RDONLY:
            error = "EACCES"
        elif access == os.O_RDONLY and not file.active and not file.known:
            error = "EBUSY"
        with answers(error):
            descriptor = os.open(self.path(name), access)
            self.opened(descriptor, file, access if not file.active else os.O_RDONLY)

    @rule(name=names, data=st.binary(min_size=1, max_size=1000))
    def write_anew(self, name, data):
        """As `cat >` does: O_CREAT and O_TRUNC."""
        file = self.files.get(name)
        with answers("EACCES" if file and file.active else None):
            with open(self.path(name), "wb", buffering=0) as target:
                file = self.files.setdefault(name, File())
                file.known = True
                file.resize(0)
                target.write(data)
                file.put(0, data)
            file.settle()

    # ── data ─────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: any(handle.writes for handle in self.handles))
    @rule(number=st.integers(0), offset=places, size=sizes, byte=st.integers(0, 255))
    def write(self, number, offset, size, byte):
        handle = self.pick(number, lambda handle: handle.writes)
        data = bytes([byte]) * size
        with suppress(OSError) if handle.file.gone else answers(None):
            assert os.pwrite(handle.descriptor, data, offset) == size
            handle.file.put(offset, data)

    @precondition(lambda self: any(handle.writes for handle in self.handles))
    @rule(number=st.integers(0), size=places)
    def ftruncate(self, number, size):
        handle = self.pick(number, lambda handle: handle.writes)
        with suppress(OSError) if handle.file.gone else answers(None):
            os.ftruncate(handle.descriptor, size)
            handle.file.resize(size)

    @precondition(lambda self: any(handle.writes for handle in self.handles))
    @rule(number=st.integers(0), offset=places, size=sizes)
    def fallocate(self, number, offset, size):
        handle = self.pick(number, lambda handle: handle.writes)
        with suppress(OSError) if handle.file.gone else answers(None):
            os.posix_fallocate(handle.descriptor, offset, size)
            handle.file.resize(max(offset + size, len(handle.file.data)))

    @rule(name=names, size=places)
    def truncate(self, name, size):
        file = self.files.get(name)
        error = None
        if not file:
            error = "ENOENT"
        elif file.active and size != len(file.data):
            error = "EACCES"
        with answers(error):
            os.truncate(self.path(name), size)
            if not file.active:
                file.known = True
                file.resize(size)
                file.settle()

    @precondition(lambda self: any(handle.access != os.O_WRONLY for handle in self.handles))
    @rule(number=st.integers(0), offset=places, size=sizes)
    def read(self, number, offset, size):
        handle = self.pick(number, lambda handle: handle.access != os.O_WRONLY)
        lost = handle.file.gone and not handle.file.active
        with suppress(OSError) if lost else answers(None):
            read = os.pread(handle.descriptor, size, offset)
            assert lost or read == handle.file.data[offset : offset + size]

    @rule(name=names)
    def read_all(self, name):
        file = self.files.get(name)
        if file and file.active:
            assert self.path(name).read_bytes() == file.data

    @rule(source=names, name=names)
    def copy(self, source, name):
        file = self.files.get(source)
        if not file or not file.active or name in self.files:
            return
        with open(self.path(source), "rb") as reader, open(self.path(name), "xb") as writer:
            left = len(file.data)
            while left:
                left -= os.copy_file_range(reader.fileno(), writer.fileno(), left)
        copied = self.files[name] = File(data=bytearray(file.data), touched=file.data != b"")
        copied.settle()

    @precondition(lambda self: self.handles)
    @rule(number=st.integers(0))
    def fsync(self, number):
        handle = self.pick(number)
        with suppress(OSError) if handle.file.gone else answers(None):
            os.fsync(handle.descriptor)

    @precondition(lambda self: self.handles)
    @rule(number=st.integers(0))
    def close(self, number):
        handle = self.pick(number)
        self.handles.remove(handle)
        with suppress(OSError) if handle.file.gone else answers(None):
            os.close(handle.descriptor)
        handle.file.handles -= 1
        handle.file.writers -= handle.writes
        if not handle.file.gone:
            handle.file.settle()

    def take_away(self, name):
        """The file of that name, which goes back to whom it was to replace."""
        file = self.files.pop(name)
        if file.replaces:
            self.files[name] = file.replaces
            file.replaces = None
        return file

    # ── names ────────────────────────────────────────────────────────────────────────────────

    @rule(old=names, new=names)
    def rename(self, old, new):
        with answers(None if old in self.files else "ENOENT"):
            os.rename(self.path(old), self.path(new))
            if old == new:
                return
            if not self.files[old].handles:
                self.files[old].settle(for_good=True)
            file = self.take_away(old)
            if target := self.files.get(new):
                file.replaces = target if target.active else target.replaces
                target.gone = target.gone or target is not file.replaces
                target.replaces = None
            if file.status != "saving":
                file.replace()
            self.files[new] = file

    @rule(name=names)
    def unlink(self, name):
        with answers(None if name in self.files else "ENOENT"):
            os.unlink(self.path(name))
            self.take_away(name).gone = True

    @rule(name=names, other=names, make=st.sampled_from([os.mkdir, os.symlink, os.link]))
    def make_what_is_no_image(self, name, other, make):
        if name in self.files or (make is os.link and other not in self.files):
            return
        with answers("EPERM"):
            make(*([self.path(other)] if make is not os.mkdir else []), self.path(name))

    # ── metadata ─────────────────────────────────────────────────────────────────────────────

    @rule(name=names, key=st.sampled_from(KEYS), value=texts)
    def set_property(self, name, key, value):
        with answers(None if name in self.files else "ENOENT"):
            self.mount.set_xattr(name, key, value)
            self.files[name].properties[key] = value

    @rule(name=names, key=st.sampled_from(KEYS))
    def remove_property(self, name, key):
        file = self.files.get(name)
        error = "ENOENT" if not file else None if key in file.properties else "ENODATA"
        with answers(error):
            self.mount.remove_xattr(name, key)
            del file.properties[key]

    @rule(name=names, seconds=st.integers(0, 2**32))
    def utime(self, name, seconds):
        with answers(None if name in self.files else "ENOENT"):
            os.utime(self.path(name), (seconds, seconds))
            assert os.stat(self.path(name)).st_mtime == seconds

    # ── the daemon ───────────────────────────────────────────────────────────────────────────

    def begins_anew(self):
        """Closed files are published, and who made the others is forgotten."""
        for file in self.files.values():
            file.settle(for_good=True)
            file.known = file.editor = False

    @precondition(lambda self: not self.handles)
    @rule()
    def remount(self):
        self.mount.remount()
        self.begins_anew()

    @precondition(lambda self: not self.handles)
    @rule()
    def crash(self):
        self.mount.crash()
        self.mount.start()
        self.begins_anew()

    # ── what must be true ────────────────────────────────────────────────────────────────────

    @invariant()
    def the_directory_is_as_expected(self):
        assert self.mount.names() == sorted(self.files)
        for name, file in self.files.items():
            assert os.stat(self.path(name)).st_size == len(file.data), name
            assert self.mount.xattr(name, "status") == file.status, name
            found = {key: v for key, v in self.mount.xattrs(name).items() if key in KEYS}
            assert found == file.properties, name

    def teardown(self):
        """Also after a failure: the next example begins with an empty mount."""
        try:
            while self.handles:
                self.close(0)
            self.remount()
            self.the_directory_is_as_expected()
            self.the_store_is_as_expected()
        finally:
            for handle in self.handles:
                with suppress(OSError):
                    os.close(handle.descriptor)
            if not self.mount.is_mounted():
                self.mount.start()
            for name in self.mount.names():
                os.unlink(self.path(name))

    def the_store_is_as_expected(self):
        active = {name: file for name, file in self.files.items() if file.active}
        for name, file in active.items():
            assert self.path(name).read_bytes() == file.data
            assert self.mount.xattr(name, "checksum") == hashlib.md5(file.data).hexdigest()
        assert self.catalog_dir.spools() == []
        ids = sorted(self.mount.xattr(name, "id") for name in active)
        assert self.catalog_dir.data_files() == ids


def run_machine(mounts, catalog_dir, **settings):
    class Here(Machine):
        pass

    Here.catalog_dir = catalog_dir
    Here.mount = mounts.start(catalog_dir, "create,commit_linger=86400")
    run_state_machine_as_test(
        Here,
        settings=hypothesis.settings(
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            **settings,
        ),
    )


@pytest.mark.timeout(300)
def test_random_operations_agree_with_a_model(mounts, catalog_dir):
    run_machine(mounts, catalog_dir, max_examples=20, stateful_step_count=40, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_operations_agree_with_a_model(mounts, catalog_dir):
    run_machine(mounts, catalog_dir, max_examples=400, stateful_step_count=80)

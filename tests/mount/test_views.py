# SPDX-License-Identifier: Apache-2.0
"""One image, several paths: inodes, link counts, times, and the tools that look at them."""

import ctypes
import os
import stat

import pytest

from support.expectations import fails_with
from support.images import random_file
from support.processes import run, shell, wait_until

VIEWS = [".MD5SUMS", ".SHA512SUMS", ".by-id", ".by-tag"]
FOLDERS = [".", ".by-id", ".by-tag", ".by-tag/a"]
MAX_HANDLE = 128


@pytest.fixture
def image(mount, small_source):
    """The id of an active image with two tags."""
    run("cp", small_source, mount / "image")
    mount.set_xattr("image", "tags", "a,b")
    return mount.xattr("image", "id")


@pytest.fixture
def paths(mount, image):
    """All paths of that image."""
    names = ["image", f"image~{image[:8]}", f".by-id/{image}", ".by-tag/a/image", ".by-tag/b/image"]
    return [mount / name for name in names]


def test_every_path_is_the_same_file(mount, paths, small_source):
    (inode,) = {os.stat(path).st_ino for path in paths}
    for path in paths:
        run("cmp", small_source, path)
        assert os.stat(path).st_nlink == 4
    mount.remount()
    assert {os.stat(path).st_ino for path in paths} == {inode}


def test_listings_tell_the_inode_that_stat_tells(mount, paths):
    for folder in (".", ".by-id", ".by-tag", ".by-tag/a"):
        for entry in os.scandir(mount / folder):
            assert entry.inode() == os.stat(entry.path).st_ino
            assert entry.is_dir() == stat.S_ISDIR(os.stat(entry.path).st_mode)


def test_the_link_count_is_the_number_of_paths(mount, rest, image):
    assert os.stat(mount / "image").st_nlink == 4
    mount.set_xattr("image", "tags", "b")
    assert os.stat(mount / "image").st_nlink == 3
    rest.replace(image, "os_hidden", True)
    by_id = mount / ".by-id" / image
    wait_until(lambda: os.stat(by_id).st_nlink == 2, 1, "two paths")
    rest.replace(image, "tags", [])
    wait_until(lambda: os.stat(by_id).st_nlink == 1, 1, "one path")


def test_directories_count_the_directories_in_them(mount, image):
    links = {name: os.stat(mount / name).st_nlink for name in FOLDERS}
    assert links == {".": 2, ".by-id": 2, ".by-tag": 4, ".by-tag/a": 2}


def test_the_views_resolve_but_are_not_listed(mount, image):
    assert os.listdir(mount) == ["image"]
    for name in VIEWS:
        assert os.access(mount / name, os.R_OK)
    inodes = {name: os.stat(mount / name).st_ino for name in VIEWS}
    assert len(set(inodes.values())) == 4
    mount.remount()
    assert {name: os.stat(mount / name).st_ino for name in VIEWS} == inodes


def test_show_views_lists_them(mounts, catalog_dir, small_source):
    mount = mounts.start(catalog_dir, "create,show_views")
    assert mount.names() == VIEWS
    assert os.stat(mount).st_nlink == 4
    run("cp", small_source, mount / "image")
    mount.set_xattr("image", "tags", "a")
    assert mount.names() == sorted([*VIEWS, "image"])
    for entry in os.scandir(mount):
        assert entry.inode() == os.stat(entry.path).st_ino
        assert entry.is_dir() == (entry.name in (".by-id", ".by-tag"))
    found = run("find", mount, "-samefile", mount / "image").stdout.split()
    image = mount.xattr("image", "id")
    assert sorted(found) == sorted(
        str(mount / path) for path in ("image", f".by-id/{image}", ".by-tag/a/image")
    )
    assert len(found) == os.stat(mount / "image").st_nlink


def test_with_show_views_tools_still_see_one_file(mounts, catalog_dir, small_source, tmp_path):
    mount = mounts.start(catalog_dir, "create,show_views")
    run("cp", small_source, mount / "image")
    mount.set_xattr("image", "tags", "a")
    assert 293 <= int(run("du", "-sk", mount).stdout.split()[0]) <= 300
    run("cp", "-a", mount, tmp_path / "cp")
    shell("mkdir $2/tar && tar -C $1 -cf - . | tar -C $2/tar -xf -", mount, tmp_path)
    run("rsync", "-aH", f"{mount.path}/", tmp_path / "rsync")
    image = mount.xattr("image", "id")
    for copy in ("cp", "tar", "rsync"):
        status = os.stat(tmp_path / copy / "image")
        assert status.st_nlink == 3
        assert os.path.samefile(tmp_path / copy / "image", tmp_path / copy / f".by-id/{image}")
        run("cmp", small_source, tmp_path / copy / ".by-tag/a/image")


def test_cp_a_copies_each_image_once(mount, image, tmp_path):
    random_file(tmp_path / "other", 5000, seed=4)
    run("cp", tmp_path / "other", mount / "other")
    run("cp", "-a", f"{mount.path}/.", tmp_path / "copy")
    assert sorted(os.listdir(tmp_path / "copy")) == ["image", "other"]
    for name in ("image", "other"):
        run("cmp", mount / name, tmp_path / "copy" / name)
        assert os.stat(tmp_path / "copy" / name).st_nlink == 1


def test_find_du_and_ls_agree(mount, image, small_source):
    run("cp", small_source, mount / "other")
    found = dict(line.split()[::-1] for line in run("find", mount, "-type", "f", "-printf",
                                                    "%i %f\n").stdout.splitlines())
    listed = dict(line.split()[::-1] for line in run("ls", "-i", mount).stdout.splitlines())
    assert found == listed
    assert sorted(listed) == ["image", "other"]
    assert found["image"] == str(os.stat(mount / ".by-tag/a/image").st_ino)
    in_kilobytes = lambda path: int(run("du", "-sk", path).stdout.split()[0])
    assert in_kilobytes(mount.path) == 2 * in_kilobytes(mount / ".by-tag")


def test_hidden_images_have_paths_in_views_only(mount, rest):
    image = rest.create_raw("old", b"data", os_hidden=True, tags=["a"])["id"]
    listed = f"old~{image[:8]}"
    wait_until((mount / ".by-tag/a").exists, 1, "the tag")
    assert os.listdir(mount) == []
    assert os.listdir(mount / ".by-tag/a") == [listed]
    assert os.listdir(mount / ".by-id") == [image]
    for path in (listed, f".by-tag/a/{listed}", f".by-id/{image}"):
        assert (mount / path).read_bytes() == b"data"
    with fails_with("ENOENT"):
        os.stat(mount / "old")


def times(mount):
    return {name: os.stat(mount / name).st_mtime_ns for name in FOLDERS}


def wait_for_changed(mount, before, *changed):
    """These directories, and no others, get a new time: within the second that stat may be old."""
    expected = {name for name in before if name in changed}

    def as_expected():
        after = times(mount)
        return {name for name in before if after[name] > before[name]} == expected

    wait_until(as_expected, 2, f"new times of {changed}")


def test_a_directorys_time_changes_with_its_names(mount, rest, image):
    before = times(mount)
    mount.set_xattr("image", "os_distro", "debian")
    other = rest.create(name="other")["id"]
    wait_for_changed(mount, before, ".", ".by-id")
    before = times(mount)
    rest.replace(other, "tags", ["a"])
    wait_for_changed(mount, before, ".by-tag/a")
    before = times(mount)
    rest.replace(other, "tags", ["a", "new"])
    wait_for_changed(mount, before, ".by-tag")
    before = times(mount)
    os.rename(mount / "image", mount / "renamed")
    wait_for_changed(mount, before, ".", ".by-tag/a")
    before = times(mount)
    os.unlink(mount / "renamed")
    wait_for_changed(mount, before, ".", ".by-id", ".by-tag", ".by-tag/a")
    for name in times(mount):
        status = os.stat(mount / name)
        assert status.st_ctime_ns == status.st_mtime_ns


def test_a_directorys_time_is_not_of_the_mounting(mount, image):
    """A backup of a mount that nobody has changed finds nothing new."""
    mount.remount()
    before = times(mount)
    mount.remount()
    assert times(mount) == before


def test_names_that_were_listed_before_are_not_believed_after_a_change(mount, rest):
    """The kernel caches listings; a change through the other door must end that."""
    folders = (mount.path, mount / ".by-id", mount / ".by-tag", mount / ".by-tag/a")
    ids = [rest.create_raw("image0", b"data", tags=["a"])["id"]]
    wait_until((mount / ".by-tag/a").exists, 1, "the tag")
    for i in range(1, 20):
        for folder in folders:
            assert os.listdir(folder) == os.listdir(folder)
        ids.append(rest.create_raw(f"image{i}", b"data", tags=["a", f"tag{i}"])["id"])
        names = sorted(f"image{j}" for j in range(i + 1))
        wait_until(lambda: sorted(os.listdir(folders[0])) == names, 1, "the new name")
        assert sorted(os.listdir(folders[1])) == sorted(ids)
        assert f"tag{i}" in os.listdir(folders[2])
        assert sorted(os.listdir(folders[3])) == names


def test_rm_shows_at_once_in_all_views(mount, small_source):
    for i in range(20):
        run("cp", small_source, mount / "image")
        image = mount.xattr("image", "id")
        mount.set_xattr("image", "tags", "a")
        paths = [mount / "image", mount / ".by-id" / image, mount / ".by-tag/a/image"]
        for path in paths:
            assert os.stat(path).st_size == 300_001
            assert path.name in os.listdir(path.parent)
        os.unlink(paths[i % 2])
        assert mount.names() == os.listdir(mount / ".by-id") == os.listdir(mount / ".by-tag") == []
        for path in paths:
            with fails_with("ENOENT"):
                os.open(path, os.O_RDONLY)


class FileHandle(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint),
        ("type", ctypes.c_int),
        ("bytes", ctypes.c_ubyte * MAX_HANDLE),
    ]


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def file_handle(path):
    """What an NFS server gives to its clients instead of a path."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle, mount_id = FileHandle(size=MAX_HANDLE), ctypes.c_int()
    name = os.fsencode(path)
    checked(libc.name_to_handle_at(-100, name, ctypes.byref(handle), ctypes.byref(mount_id), 0))
    return handle


def open_handle(mount, handle):
    libc = ctypes.CDLL(None, use_errno=True)
    root = os.open(mount, os.O_RDONLY)
    try:
        return checked(libc.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY))
    finally:
        os.close(root)


def test_nfs_file_handles_of_images_survive_a_remount(mount, paths, small_source):
    inode = os.stat(paths[0]).st_ino
    handles = [file_handle(path) for path in paths]
    mount.remount()
    for handle in handles:
        descriptor = open_handle(mount, handle)
        assert os.fstat(descriptor).st_ino == inode
        assert os.pread(descriptor, 1 << 20, 0) == small_source.read_bytes()
        os.close(descriptor)
    os.unlink(paths[0])
    mount.remount()
    with fails_with("ESTALE"):
        open_handle(mount, handles[0])


def test_nfs_file_handles_of_listed_views_survive_a_remount(mounts, catalog_dir, small_source):
    """The kernel looks for a directory's name in its parent's listing."""
    mount = mounts.start(catalog_dir, "create,show_views")
    run("cp", small_source, mount / "image")
    mount.set_xattr("image", "tags", "a")
    places = [mount / name for name in (".by-id", ".by-tag", ".by-tag/a", ".MD5SUMS")]
    handles = [(file_handle(path), os.stat(path).st_ino) for path in places]
    mount.remount()
    for handle, inode in handles:
        descriptor = open_handle(mount, handle)
        assert os.fstat(descriptor).st_ino == inode
        os.close(descriptor)


def test_a_listing_goes_on_where_it_stopped_in_an_older_one(mount, rest):
    """NFS servers read a directory in parts, and open it anew for each."""
    names = [f"image{i}" for i in range(300)]
    ids = [rest.create(name=name)["id"] for name in names]
    wait_until(lambda: len(os.listdir(mount)) == 300, 2, "the images")
    libc = ctypes.CDLL(None, use_errno=True)
    part = ctypes.create_string_buffer(2048)

    def entries(offset):
        descriptor = os.open(mount, os.O_RDONLY | os.O_DIRECTORY)
        os.lseek(descriptor, offset, os.SEEK_SET)
        size = checked(libc.syscall(217, descriptor, part, len(part)))  # getdents64
        os.close(descriptor)
        at = 0
        while at < size:
            length = int.from_bytes(part.raw[at + 16 : at + 18], "little")
            name = part.raw[at + 19 : at + length].split(b"\0")[0].decode()
            yield name, int.from_bytes(part.raw[at + 8 : at + 16], "little")
            at += length

    seen, offset = [], 0
    while found := list(entries(offset)):
        seen += [name for name, _ in found]
        offset = found[-1][1]
        # What was read already may go away meanwhile.
        victim = names.index(seen[-1]) if seen[-1] in names else None
        if victim is not None and victim % 2:
            rest.delete(ids[victim])
            wait_until(lambda: not (mount / ".by-id" / ids[victim]).exists(), 1, "the deletion")
    assert [name for name in seen if name not in (".", "..")] == names

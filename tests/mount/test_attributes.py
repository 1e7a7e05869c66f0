# SPDX-License-Identifier: Apache-2.0
"""What stat, chmod, utimens, statfs and the tools above them see."""

import mmap
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

import pytest

from support.expectations import fails_with, wait_until_active
from support.processes import run, shell, wait_until


@pytest.fixture
def image(mount, small_source):
    """The path of an active image."""
    run("cp", small_source, mount / "image")
    assert mount.xattr("image", "status") == "active"  # waits for the publication
    return mount / "image"


def test_an_active_image_is_a_read_only_regular_file(image):
    status = os.stat(image)
    assert stat.filemode(status.st_mode) == "-r--r--r--"
    assert status.st_size == 300_001
    assert 0 <= status.st_blocks * 512 - status.st_size < 8192
    assert (status.st_uid, status.st_gid) == (os.getuid(), os.getgid())


def test_a_queued_image_can_be_written_by_its_owner(mount):
    shell("touch $1/queued", mount)
    assert os.stat(mount / "queued").st_mode & stat.S_IWUSR


def test_the_root_is_a_directory_of_the_mounter(mount):
    status = os.stat(mount)
    assert stat.S_ISDIR(status.st_mode)
    assert (status.st_uid, status.st_gid) == (os.getuid(), os.getgid())
    assert status.st_mode & stat.S_IWUSR


def test_the_inode_is_the_same_under_every_path_and_after_a_remount(mount, image):
    by_id = mount / ".by-id" / mount.xattr("image", "id")
    inode = os.stat(image).st_ino
    assert os.stat(by_id).st_ino == inode
    assert os.path.samefile(image, by_id)
    (entry,) = os.scandir(mount)
    assert entry.inode() == inode
    mount.remount()
    assert os.stat(image).st_ino == inode
    assert os.stat(by_id).st_ino == inode


def test_two_images_have_two_inodes(mount, image, small_source):
    run("cp", small_source, mount / "other")
    assert os.stat(image).st_ino != os.stat(mount / "other").st_ino


@pytest.mark.parametrize(
    "command",
    [
        "chmod 755 $1",
        "chmod u+w $1",
        "chmod a-r $1",
        "chown 1234 $1",
        "chown 1234:4321 $1",
        "chgrp 4321 $1",
    ],
)
def test_chmod_and_chown_succeed_silently_and_change_nothing(image, command):
    before = os.stat(image)
    assert shell(command, image).stderr == ""
    after = os.stat(image)
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_a_time_that_a_tool_sets_is_kept(mount, image):
    wanted = 1_234_567_890_123_456_000
    os.utime(image, ns=(wanted, wanted))
    assert os.stat(image).st_mtime_ns == wanted
    mount.remount()
    assert os.stat(image).st_mtime_ns == wanted


def test_cp_p_keeps_the_modification_time(mount, small_source):
    os.utime(small_source, (1_000_000_000, 1_100_000_000))
    run("cp", "-p", small_source, mount / "dated")
    assert os.stat(mount / "dated").st_mtime == 1_100_000_000
    mount.remount()
    assert os.stat(mount / "dated").st_mtime == 1_100_000_000


def test_touch_d_dates_an_image(image):
    run("touch", "-d", "2001-02-03T04:05:06Z", image)
    assert os.stat(image).st_mtime == 981_173_106


def test_touch_of_an_active_image_succeeds(image):
    run("touch", "-d", "2001-02-03T04:05:06Z", image)
    assert run("touch", "-c", image).stderr == ""
    assert abs(os.stat(image).st_mtime - time.time()) < 60


def test_without_a_tool_the_time_is_when_the_data_came(image):
    assert abs(os.stat(image).st_mtime - time.time()) < 60


def test_a_property_changes_ctime_but_not_mtime(mount, image):
    before = os.stat(image)
    mount.set_xattr("image", "os_distro", "debian")
    after = os.stat(image)
    assert after.st_mtime_ns == before.st_mtime_ns
    assert after.st_ctime_ns > before.st_ctime_ns


@pytest.mark.parametrize(
    "flags", [os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND]
)
def test_an_active_image_cannot_be_opened_for_writing(mount, image, small_source, flags):
    with fails_with("EACCES"):
        os.open(image, flags)
    assert image.read_bytes() == small_source.read_bytes()
    assert mount.xattr("image", "status") == "active"


def test_a_copied_image_is_shut_to_writers_at_once(mount, small_source):
    for round_ in range(20):
        path = mount / f"image{round_}"
        run("cp", small_source, path)
        with fails_with("EACCES"):
            os.open(path, os.O_WRONLY)


def test_an_active_image_cannot_be_truncated(image, small_source):
    with fails_with("EACCES"):
        os.truncate(image, 10)
    assert run("truncate", "-s", "0", image, check=False).returncode == 1
    assert image.read_bytes() == small_source.read_bytes()


def test_cp_over_an_active_image_fails_and_leaves_it(mount, image, small_source):
    result = run("cp", "/etc/passwd", image, check=False)
    assert result.returncode == 1
    assert "Permission denied" in result.stderr
    assert image.read_bytes() == small_source.read_bytes()
    assert mount.names() == ["image"]


def test_an_unfinished_image_cannot_be_read_by_others(mount, tmp_path):
    descriptor = os.open(mount / "growing", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"x" * 4096)
    result = run("cp", mount / "growing", tmp_path / "out", check=False)
    assert result.returncode == 1
    assert "Device or resource busy" in result.stderr
    assert not (tmp_path / "out").exists()
    os.close(descriptor)
    run("cp", mount / "growing", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"x" * 4096


def test_a_growing_image_shows_its_size(mount):
    descriptor = os.open(mount / "growing", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"x" * 70_000)
    assert os.fstat(descriptor).st_size == 70_000
    os.close(descriptor)
    assert os.stat(mount / "growing").st_size == 70_000


def test_reads_at_any_offset_return_those_bytes(image, small_source):
    data = small_source.read_bytes()
    descriptor = os.open(image, os.O_RDONLY)
    for offset, size in [(0, 1), (4095, 2), (131_071, 131_074), (299_999, 100), (300_001, 10)]:
        assert os.pread(descriptor, size, offset) == data[offset : offset + size]
    assert os.lseek(descriptor, 0, os.SEEK_END) == len(data)
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:] == data
    os.close(descriptor)


def test_statfs_tells_the_space_of_the_store(mount, catalog_dir, image):
    ours = os.statvfs(mount)
    store = os.statvfs(catalog_dir.store)
    assert ours.f_blocks * ours.f_frsize == store.f_blocks * store.f_frsize
    difference = abs(ours.f_bavail * ours.f_frsize - store.f_bavail * store.f_frsize)
    assert difference < store.f_blocks * store.f_frsize // 10
    assert ours.f_namemax == 255
    df = run("df", "--output=target", mount).stdout
    assert df.split()[-1] == str(mount.path)


def test_statfs_tells_the_projects_quota(mounts, catalog_dir):
    mount = mounts.start(catalog_dir.config(user_storage_quota=1 << 30), "create,owner=team")
    (mount / "image").write_bytes(bytes(1 << 20))
    wait_until_active(mount, "image")
    space = os.statvfs(mount)
    assert space.f_blocks * space.f_frsize == 1 << 30
    assert space.f_bavail * space.f_frsize == (1 << 30) - (1 << 20)


def test_df_i_counts_the_images_and_never_runs_out(mount, image):
    shell("touch $1/queued", mount)
    used, percent = run("df", "--output=iused,ipcent", mount).stdout.split()[-2:]
    assert (used, percent) == ("2", "1%")


def test_ls_l_shows_the_image_without_complaints(mount, image):
    result = run("ls", "-l", mount)
    assert result.stderr == ""
    line = result.stdout.splitlines()[1].split()
    assert line[0] == "-r--r--r--"
    assert (line[4], line[-1]) == ("300001", "image")


def test_find_finds_each_image_once(mount, image, small_source):
    run("cp", small_source, mount / "other")
    found = run("find", mount, "-type", "f", "-size", "300001c").stdout.split()
    assert sorted(found) == [str(image), str(mount / "other")]
    assert run("find", mount, "-type", "f", "-newer", small_source).stdout.count("\n") == 2
    assert run("find", mount, "-name", ".by-id").stdout == ""


def test_du_counts_the_bytes(mount, image, small_source):
    run("cp", small_source, mount / "other")
    apparent = run("du", "--apparent-size", "--block-size=1", image).stdout.split()[0]
    assert apparent == "300001"
    kilobytes = int(run("du", "-sk", mount).stdout.split()[0])
    assert 586 <= kilobytes < 620


def test_the_uid_and_gid_options_own_everything(mounts, catalog_dir, small_source):
    mount = mounts.start(catalog_dir, "create,allow_other,uid=1234,gid=4321")
    run("cp", small_source, mount / "image")
    for path in (mount.path, mount / "image", mount / ".by-id"):
        status = os.stat(path)
        assert (status.st_uid, status.st_gid) == (1234, 4321)


def test_a_read_only_mount_reads_and_changes_nothing(mounts, catalog_dir, small_source):
    writable = mounts.start(catalog_dir)
    run("cp", small_source, writable / "image")
    writable.unmount()
    mount = mounts.start(catalog_dir, "ro")
    run("cmp", small_source, mount / "image")
    changes = [
        lambda: os.open(mount / "new", os.O_CREAT | os.O_WRONLY),
        lambda: os.unlink(mount / "image"),
        lambda: os.rename(mount / "image", mount / "other"),
        lambda: os.utime(mount / "image"),
        lambda: mount.set_xattr("image", "os_distro", "x"),
    ]
    for change in changes:
        with fails_with("EROFS"):
            change()
    assert mount.names() == ["image"]


@pytest.fixture
def public_dir():
    """A directory that other users can enter, unlike tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="glancefs-public-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_another_user_reads_what_allow_other_shows(public_dir, mounts, catalog_dir, small_source):
    mount = mounts.start(catalog_dir, "create,allow_other", name=public_dir / "mnt")
    run("cp", small_source, mount / "image")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    with open(small_source, "rb") as expected:
        run(*nobody, "cmp", "-", mount / "image", stdin=expected)
    assert run(*nobody, "rm", "-f", mount / "image", check=False).returncode == 1
    assert run(*nobody, "touch", mount / "new", check=False).returncode == 1
    assert mount.names() == ["image"]


def test_umount_of_a_busy_mount_is_refused_and_harmless(mount, image, small_source):
    with open(image, "rb") as file:
        result = run("umount", "-i", mount, check=False)
        assert result.returncode == 32
        assert "busy" in result.stderr
        assert file.read() == small_source.read_bytes()


@pytest.mark.smoke
def test_sigterm_unmounts_and_ends_with_status_0(mount, small_source):
    run("cp", small_source, mount / "image")
    assert mount.daemon.signal_and_wait(15) == 0
    wait_until(lambda: not mount.is_mounted(), 5, "the unmounting")
    mount.daemon.check_log()

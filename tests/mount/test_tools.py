# SPDX-License-Identifier: Apache-2.0
"""The tools that people have write whole images into the mount and exit with 0."""

import os
import sys
import textwrap

import pytest

from support.catalogs import CatalogDir
from support.expectations import assert_published, fails_with, wait_until_active
from support.filesystems import btrfs
from support.images import random_file, sparse_file
from support.mounts import MountSet
from support.processes import run, shell, wait_until
from support.web import file_server

# $1 is a file, $2 the mount; what comes of it is $2/out.img.
WRITERS = {
    "cp": "cp $1 $2/out.img",
    "cp -p": "cp -p $1 $2/out.img",
    "cp -a": "cp -a $1 $2/out.img",
    "cp --sparse=always": "cp --sparse=always $1 $2/out.img",
    "cp --preserve=xattr": "cp --preserve=xattr $1 $2/out.img",
    "cp --preserve=all": "cp --preserve=all $1 $2/out.img",
    "cp -f": "cp -f $1 $2/out.img",
    "cp -T": "cp -T $1 $2/out.img",
    "install": "install -m 600 $1 $2/out.img",
    "install -D -p": "install -D -p $1 $2/out.img",
    "cat": "cat $1 > $2/out.img",
    "cat, by appending": "cat $1 >> $2/out.img",
    "cat in a pipeline": "cat $1 | cat > $2/out.img",
    "tee": "tee $2/out.img < $1 > /dev/null",
    "tee -a": "tee -a $2/out.img < $1 > /dev/null",
    "head": "head -c 1G $1 > $2/out.img",
    "dd": "dd if=$1 of=$2/out.img bs=64k status=none",
    "dd with small blocks": "dd if=$1 of=$2/out.img bs=777 status=none",
    "dd with odd blocks": "dd if=$1 of=$2/out.img bs=99991 status=none",
    "dd with one block": "dd if=$1 of=$2/out.img bs=1M status=none",
    "dd conv=fsync": "dd if=$1 of=$2/out.img bs=64k conv=fsync status=none",
    "dd conv=fdatasync": "dd if=$1 of=$2/out.img bs=64k conv=fdatasync status=none",
    "dd conv=sparse": "dd if=$1 of=$2/out.img bs=4k conv=sparse status=none",
    "dd conv=excl": "dd if=$1 of=$2/out.img bs=64k conv=excl status=none",
    "dd conv=notrunc": "dd if=$1 of=$2/out.img bs=64k conv=notrunc status=none",
    "dd oflag=direct": "dd if=$1 of=$2/out.img bs=64k oflag=direct status=none",
    "dd oflag=direct with odd blocks": "dd if=$1 of=$2/out.img bs=777 oflag=direct status=none",
    "dd oflag=dsync": "dd if=$1 of=$2/out.img bs=128k oflag=dsync status=none",
    "two commands in braces": "{ head -c 1000 $1; tail -c +1001 $1; } > $2/out.img",
    "two commands in a subshell": "(head -c 1000 $1; tail -c +1001 $1) > $2/out.img",
    "a subshell in braces": "{ (head -c 1000 $1); tail -c +1001 $1; } > $2/out.img",
    "commands in the background": "{ head -c 1000 $1; tail -c +1001 $1 & wait; } > $2/out.img",
    "a descriptor of the shell": "exec 7> $2/out.img; cat $1 >&7; exec 7>&-",
    "a descriptor in parts": "exec 7> $2/out.img; head -c 9 $1 >&7; tail -c +10 $1 >&7; exec 7>&-",
    "rsync": "rsync $1 $2/out.img",
    "rsync -a": "rsync -a $1 $2/out.img",
    "rsync -aX": "rsync -aX $1 $2/out.img",
    "rsync -S": "rsync -S $1 $2/out.img",
    "rsync --inplace": "rsync --inplace $1 $2/out.img",
    "rsync --fsync": "rsync --fsync $1 $2/out.img",
    "rsync --preallocate": "rsync --preallocate $1 $2/out.img",
    "rsync --append": "rsync --append $1 $2/out.img",
}


@pytest.mark.parametrize("tool", WRITERS)
def test_a_writer_makes_a_whole_image(mount, catalog_dir, small_source, tool):
    assert shell(f"set -e; {WRITERS[tool]}", small_source, mount).stderr == ""
    wait_until_active(mount, "out.img")  # the shell's own close is nobody's to wait for
    assert_published(mount, catalog_dir, "out.img", small_source)
    assert catalog_dir.statuses() == {"out.img": "active"}
    assert catalog_dir.spools() == []


def test_mv_moves_in_and_out(mount, catalog_dir, small_source, tmp_path):
    kept, out = tmp_path / "kept", tmp_path / "out"
    run("cp", small_source, kept)
    assert run("mv", small_source, mount / "moved.img").stderr == ""
    assert not small_source.exists()
    assert_published(mount, catalog_dir, "moved.img", kept)
    assert run("mv", mount / "moved.img", out).stderr == ""
    run("cmp", kept, out)
    assert mount.names() == []


@pytest.mark.parametrize(
    "copy",
    ["cp --sparse=auto", "cp --sparse=always", "cp --sparse=never", "cp -a", "rsync -S", "rsync"],
)
def test_a_sparse_file_arrives_with_every_byte(mount, catalog_dir, tmp_path, copy):
    source = sparse_file(tmp_path / "sparse.img", (16 << 20) + 5)
    run(*copy.split(), source, mount / "sparse.img")
    assert_published(mount, catalog_dir, "sparse.img", source)


def test_holes_stay_holes_in_the_store_and_on_the_way_out(mount, catalog_dir, tmp_path):
    source = sparse_file(tmp_path / "sparse.img", 64 << 20)
    run("cp", source, mount / "sparse.img")
    assert_published(mount, catalog_dir, "sparse.img", source)
    stored = catalog_dir.data_file(mount.xattr("sparse.img", "id")).stat()
    assert stored.st_blocks * 512 < 1 << 20
    reader = os.open(mount / "sparse.img", os.O_RDONLY)
    hole = os.lseek(reader, 0, os.SEEK_HOLE)
    assert hole < 1 << 20
    assert os.lseek(reader, hole, os.SEEK_DATA) > 15 << 20
    os.close(reader)
    run("cp", "--sparse=always", mount / "sparse.img", tmp_path / "out")
    run("cmp", source, tmp_path / "out")
    assert os.stat(tmp_path / "out").st_blocks * 512 < 1 << 20


@pytest.mark.parametrize("command", ["cp /dev/null $1/empty", "touch $1/empty", ": > $1/empty"])
def test_a_file_without_data_stays_queued(mount, catalog_dir, command):
    shell(command, mount)
    assert mount.names() == ["empty"]
    assert mount.xattr("empty", "status") == "queued"
    assert os.stat(mount / "empty").st_size == 0
    assert catalog_dir.data_files() == []
    assert catalog_dir.spools() == []
    with fails_with("EBUSY"):
        open(mount / "empty", "rb")


@pytest.mark.parametrize("command", ["truncate -s 3M $1/zeros", "fallocate -l 3M $1/zeros"])
def test_a_size_without_data_is_an_image_of_zeros(mount, catalog_dir, tmp_path, command):
    shell(command, mount)
    wait_until_active(mount, "zeros")
    (tmp_path / "expected").write_bytes(bytes(3 << 20))
    assert_published(mount, catalog_dir, "zeros", tmp_path / "expected")


def test_truncate_of_an_existing_image_is_refused(mount, small_source):
    run("cp", small_source, mount / "out.img")
    for size in ("0", "10", "+10", "1M"):
        result = run("truncate", "-s", size, mount / "out.img", check=False)
        assert result.returncode == 1
        assert "Permission denied" in result.stderr
    run("cmp", small_source, mount / "out.img")


def test_touch_dates_queued_and_active_images(mount, small_source):
    run("touch", mount / "queued")
    run("cp", small_source, mount / "active")
    for name in ("queued", "active"):
        run("touch", "-d", "2001-02-03T04:05:06Z", mount / name)
        assert os.stat(mount / name).st_mtime == 981_173_106


# ── programs ─────────────────────────────────────────────────────────────────────────────────

# sys.argv[1] is the source and sys.argv[2] the file to make.
PROGRAMS = {
    "Popen(stdout=f)": """
        with open(sys.argv[2], "wb") as file:
            subprocess.Popen(["cat", sys.argv[1]], stdout=file).wait()
    """,
    "two children share stdout": """
        with open(sys.argv[2], "wb") as file:
            subprocess.run(["head", "-c", "1000", sys.argv[1]], stdout=file)
            subprocess.run(["tail", "-c", "+1001", sys.argv[1]], stdout=file)
    """,
    "a parent and its child": """
        with open(sys.argv[2], "wb", buffering=0) as file:
            file.write(data[:1000])
            subprocess.run(["tail", "-c", "+1001", sys.argv[1]], stdout=file)
    """,
    "the child outlives its parent's close": """
        file = open(sys.argv[2], "wb", buffering=0)
        child = subprocess.Popen(["sh", "-c", "read go; cat $0", sys.argv[1]], stdout=file,
                                 stdin=subprocess.PIPE)
        file.close()
        child.communicate(b"go\\n")
    """,
    "shutil.copyfile": "shutil.copyfile(sys.argv[1], sys.argv[2])",
    "shutil.copy2": "shutil.copy2(sys.argv[1], sys.argv[2])",
    "os.sendfile": """
        source, target = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], flags)
        while os.sendfile(target, source, None, 1 << 20): pass
        os.close(target)
    """,
    "os.splice": """
        source, target = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], flags)
        read, write = os.pipe()
        while count := os.splice(source, write, 65536):
            while count: count -= os.splice(read, target, count)
        os.close(target)
    """,
    "a thread writes": """
        target = os.open(sys.argv[2], flags)
        thread(lambda: os.write(target, data))
        os.close(target)
    """,
    "a thread opens, writes and closes": """
        def work():
            with open(sys.argv[2], "wb") as file: file.write(data)
        thread(work)
    """,
    "a thread opens, another closes": """
        opened = []
        thread(lambda: opened.append(os.open(sys.argv[2], flags)))
        thread(lambda: os.write(opened[0], data))
        thread(lambda: os.close(opened[0]))
    """,
    "threads write all at once": """
        target = os.open(sys.argv[2], flags)
        def part(at): os.pwrite(target, data[at : at + 10_000], at)
        threads = [threading.Thread(target=part, args=(at,)) for at in range(0, len(data), 10_000)]
        for each in threads: each.start()
        for each in threads: each.join()
        os.close(target)
    """,
    "a thread writes, exit without close": """
        target = os.open(sys.argv[2], flags)
        thread(lambda: os.write(target, data))
        os._exit(0)
    """,
    "exit while another thread lives": """
        target = os.open(sys.argv[2], flags)
        os.write(target, data)
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        os._exit(0)
    """,
    "a thread ends the process": """
        target = os.open(sys.argv[2], flags)
        def work():
            os.write(target, data)
            os._exit(0)
        thread(work)
    """,
    "a child of fork writes": """
        target = os.open(sys.argv[2], flags)
        if os.fork() == 0:
            os.write(target, data)
            os._exit(0)
        os.wait()
        os.close(target)
    """,
    "the last byte first": """
        target = os.open(sys.argv[2], flags)
        for at in range(len(data) - 1000, -1000, -1000):
            os.pwrite(target, data[max(at, 0) : at + 1000], max(at, 0))
        os.close(target)
    """,
    "every byte twice": """
        target = os.open(sys.argv[2], flags)
        os.write(target, bytes(len(data)))
        os.pwrite(target, data, 0)
        os.close(target)
    """,
    "writev": """
        target = os.open(sys.argv[2], flags)
        os.writev(target, [data[:7], data[7:100_000], data[100_000:]])
        os.close(target)
    """,
}

PRELUDE = """
import os, shutil, subprocess, sys, threading, time
flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
data = open(sys.argv[1], "rb").read()
def thread(work):
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_makes_a_whole_image(mount, catalog_dir, small_source, program):
    code = PRELUDE + textwrap.dedent(PROGRAMS[program])
    run(sys.executable, "-c", code, small_source, mount / "out.img")
    wait_until_active(mount, "out.img")
    assert_published(mount, catalog_dir, "out.img", small_source)
    assert catalog_dir.statuses() == {"out.img": "active"}


# ── over an existing image ───────────────────────────────────────────────────────────────────


@pytest.fixture
def newer(tmp_path):
    return random_file(tmp_path / "newer.img", 123_457, seed=9)


def in_place(mounts, catalog_dir, source, options):
    """A mount with an image `out.img` that has a property and a tag; and the image's id."""
    mount = mounts.start(catalog_dir, options)
    run("cp", source, mount / "out.img")
    mount.set_xattr("out.img", "os_distro", "debian")
    mount.set_xattr("out.img", "tags", "prod")
    return mount, mount.xattr("out.img", "id")


IN_PLACE = {
    "cp": "cp $1 $2/out.img",
    "cp -p": "cp -p $1 $2/out.img",
    "cat": "cat $1 > $2/out.img",
    "dd": "dd if=$1 of=$2/out.img bs=64k status=none",
    "tee": "tee $2/out.img < $1 > /dev/null",
    "curl": "curl -s -o $2/out.img file://$1",
}


@pytest.mark.parametrize("tool", IN_PLACE)
def test_overwriting_is_refused_by_default(mounts, catalog_dir, small_source, newer, tool):
    mount, image_id = in_place(mounts, catalog_dir, small_source, "create")
    assert shell(IN_PLACE[tool], newer, mount, check=False).returncode != 0
    assert mount.xattr("out.img", "id") == image_id
    assert_published(mount, catalog_dir, "out.img", small_source)
    assert mount.names() == ["out.img"]


@pytest.mark.parametrize("tool", IN_PLACE)
def test_overwriting_replaces_where_the_mount_says_so(
    mounts, catalog_dir, small_source, newer, tool
):
    mount, old_id = in_place(mounts, catalog_dir, small_source, "create,overwrite=replace")
    assert shell(IN_PLACE[tool], newer, mount).stderr == ""
    if ">" in IN_PLACE[tool]:  # the shell's own close is nobody's to wait for
        wait_until(lambda: mount.xattr("out.img", "id") != old_id, 5, "the publication")
    assert_published(mount, catalog_dir, "out.img", newer)
    assert mount.names() == ["out.img"]
    assert mount.xattr("out.img", "os_distro") == "debian"
    assert mount.xattr("out.img", "tags") == "prod"
    assert catalog_dir.image_row(old_id)["status"] == "deleted"
    wait_until(lambda: old_id not in catalog_dir.data_files(), 5, "the old data's end")
    assert catalog_dir.spools() == []


@pytest.mark.parametrize("size", [1000, 300_001, 2_000_000])
@pytest.mark.parametrize("replaced", ["delete", "hide"])
def test_what_is_overwritten_stays_readable_until_the_close(
    mounts, catalog_dir, small_source, tmp_path, actor, size, replaced
):
    options = f"create,overwrite=replace,replaced={replaced}"
    mount, _ = in_place(mounts, catalog_dir, small_source, options)
    newer = random_file(tmp_path / "newer.img", size, seed=9)
    old_data = small_source.read_bytes()
    with open(mount / "out.img", "rb") as reader:
        assert reader.read(100) == old_data[:100]
        descriptor = actor.open(mount / "out.img", os.O_WRONLY | os.O_TRUNC)
        actor.write(descriptor, newer.read_bytes())
        assert os.stat(mount / "out.img").st_size == 300_001
        run("cmp", small_source, mount / "out.img")
        actor.close(descriptor)
        assert os.stat(mount / "out.img").st_size == size
        run("cmp", newer, mount / "out.img")
        assert reader.read() == old_data[100:]
    assert mount.names() == ["out.img"]


def test_an_editor_that_overwrites_reads_back_its_own(mounts, catalog_dir, small_source, actor):
    mount, old_id = in_place(mounts, catalog_dir, small_source, "create,overwrite=replace")
    descriptor = actor.open(mount / "out.img", os.O_RDWR | os.O_TRUNC)
    actor.write(descriptor, b"0123456789")
    actor.close(descriptor)
    descriptor = actor.open(mount / "out.img", os.O_RDWR)
    assert actor.pread(descriptor, 4, 2) == b"2345"
    actor.pwrite(descriptor, b"AB", 4)
    actor.close(descriptor)
    run("cmp", small_source, mount / "out.img")  # others see the old one
    actor.exit()
    wait_until(lambda: mount.xattr("out.img", "id") != old_id, 5, "another image of the name")
    assert (mount / "out.img").read_bytes() == b"0123AB6789"


def test_a_writer_that_dies_while_overwriting_leaves_the_old_image(
    mounts, catalog_dir, small_source, actor
):
    mount, image_id = in_place(mounts, catalog_dir, small_source, "create,overwrite=replace")
    descriptor = actor.open(mount / "out.img", os.O_WRONLY | os.O_TRUNC)
    actor.write(descriptor, b"half")
    actor.kill()
    wait_until(lambda: catalog_dir.spools() == [], 5, "an empty spool")
    assert mount.xattr("out.img", "id") == image_id
    assert_published(mount, catalog_dir, "out.img", small_source)
    assert mount.names() == ["out.img"]
    assert catalog_dir.statuses() == {"out.img": "active"}


@pytest.mark.parametrize("options", ["create,overwrite=replace", "create"])
def test_a_protected_image_is_not_overwritten(mounts, catalog_dir, small_source, newer, options):
    mount, image_id = in_place(mounts, catalog_dir, small_source, options)
    mount.set_xattr("out.img", "protected", "true")
    for script in [*IN_PLACE.values(), "cp -f $1 $2/out.img", "install $1 $2/out.img"]:
        assert shell(script, newer, mount, check=False).returncode != 0
    assert mount.names() == ["out.img"]
    assert mount.xattr("out.img", "id") == image_id
    assert_published(mount, catalog_dir, "out.img", small_source)
    mount.set_xattr("out.img", "protected", "false")


# Those that unlink or rename replace an image whatever the mount says.
BY_NAME = {
    "cp -f": "cp -f $1 $2/out.img",
    "cp --remove-destination": "cp --remove-destination $1 $2/out.img",
    "install": "install $1 $2/out.img",
    "cp -a": "cp -a $1 $2/out.img",  # unlinks what has more than one path: .by-id is the second
    "mv": "cp $1 $1.2; mv $1.2 $2/out.img",
    "rsync": "rsync $1 $2/out.img",
    "rsync -a": "rsync -a $1 $2/out.img",
    "tar": "tar -C $(dirname $1) --transform=s/newer/out/ -cf - newer.img | tar -C $2 -xf -",
}


@pytest.mark.parametrize("overwrite", ["refuse", "replace"])
@pytest.mark.parametrize("tool", BY_NAME)
def test_replacing_by_name_is_always_possible(
    mounts, catalog_dir, small_source, newer, tool, overwrite
):
    options = f"create,overwrite={overwrite}"
    mount, old_id = in_place(mounts, catalog_dir, small_source, options)
    assert shell(BY_NAME[tool], newer, mount).stderr == ""
    assert_published(mount, catalog_dir, "out.img", newer)
    assert mount.names() == ["out.img"]
    assert catalog_dir.image_row(old_id)["status"] == "deleted"
    wait_until(lambda: old_id not in catalog_dir.data_files(), 5, "the old data's end")


@pytest.mark.parametrize("tool", ["cp", "rsync"])
def test_replaced_hide_keeps_the_old_image_by_id(mounts, catalog_dir, small_source, newer, tool):
    options = "create,overwrite=replace,replaced=hide"
    mount, old_id = in_place(mounts, catalog_dir, small_source, options)
    run(tool, newer, mount / "out.img")
    assert_published(mount, catalog_dir, "out.img", newer)
    assert mount.names() == ["out.img"]
    assert mount.xattr(f".by-id/{old_id}", "os_hidden") == "true"
    assert mount.xattr(f".by-id/{old_id}", "name") == "out.img"
    run("cmp", small_source, mount / ".by-id" / old_id)


def test_what_replaces_a_hidden_image_is_hidden(mounts, catalog_dir, small_source, newer):
    mount, old_id = in_place(mounts, catalog_dir, small_source, "create,overwrite=replace")
    mount.set_xattr("out.img", "os_hidden", "true")
    shell('cat "$1" > "$2"', newer, mount / ".by-id" / old_id)
    wait_until(lambda: old_id not in catalog_dir.data_files(), 5, "the old data's end")
    (new_id,) = os.listdir(mount / ".by-id")
    run("cmp", newer, mount / ".by-id" / new_id)
    assert mount.names() == []
    assert mount.xattr(f".by-id/{new_id}", "name") == "out.img"


def test_appending_to_an_active_image_is_refused(mount, small_source):
    run("cp", small_source, mount / "out.img")
    result = shell("echo more >> $1/out.img", mount, check=False)
    assert result.returncode == 2
    assert "Permission denied" in result.stderr
    run("cmp", small_source, mount / "out.img")


# ── editors of text ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def text(mount):
    (mount / "user-data").write_text("#cloud-config\nhostname: one\n")
    return mount / "user-data"


@pytest.mark.parametrize(
    "script",
    [
        "sed -i s/one/two/ $1",
        "perl -pi -e s/one/two/ $1",
        "sed s/one/two/ $1 > $1.new && mv $1.new $1",
        # vim with backupcopy=no: the old file becomes the backup, a new one takes its name.
        "mv $1 $1~ && sed s/one/two/ $1~ > $1 && rm $1~",
    ],
    ids=["sed -i", "perl -pi", "mv", "vim"],
)
def test_an_editor_that_renames_edits_an_image(mount, catalog_dir, text, tmp_path, script):
    assert shell(script, text).stderr == ""
    wait_until_active(mount, "user-data")
    (tmp_path / "expected").write_text("#cloud-config\nhostname: two\n")
    assert_published(mount, catalog_dir, "user-data", tmp_path / "expected")
    assert mount.names() == ["user-data"]
    assert catalog_dir.statuses() == {"user-data": "active"}


# ── copies within the mount ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tool", ["cp", "cp -a", "cp --sparse=always", "cat", "rsync -a", "dd"])
def test_a_copy_within_the_mount_has_the_same_digests(mount, catalog_dir, small_source, tool):
    scripts = {
        "cat": "cat $1/image > $1/copy",
        "dd": "dd if=$1/image of=$1/copy bs=10007 status=none",
    }
    run("cp", small_source, mount / "image")
    shell(scripts.get(tool, f"{tool} $1/image $1/copy"), mount)
    wait_until_active(mount, "copy")
    assert_published(mount, catalog_dir, "copy", small_source)
    for key in ("checksum", "os_hash_algo", "os_hash_value", "size", "disk_format"):
        assert mount.xattr("copy", key) == mount.xattr("image", key)
    assert mount.xattr("copy", "id") != mount.xattr("image", "id")


def spoil(path):
    """Changes a byte behind everybody's back: who digests the data anew will notice."""
    with open(path, "r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))


def test_cp_of_a_whole_image_takes_its_digests_over(mount, catalog_dir, small_source):
    run("cp", small_source, mount / "image")
    checksum = mount.xattr("image", "checksum")
    spoil(catalog_dir.data_file(mount.xattr("image", "id")))
    run("cp", mount / "image", mount / "copy")
    assert mount.xattr("copy", "checksum") == checksum


def test_a_copy_shares_its_blocks_where_the_stores_filesystem_can(filesystems, tmp_path):
    """A second image of 64 MiB costs nothing on btrfs."""
    source = random_file(tmp_path / "source", 64 << 20)
    with btrfs(filesystems) as disk, MountSet(tmp_path, 60) as mounts:
        catalog = CatalogDir(disk / "catalog")
        mount = mounts.start(catalog)
        run("cp", source, mount / "image")
        run("cp", mount / "image", mount / "copy")
        assert_published(mount, catalog, "copy", source)
        total, exclusive, shared = run(
            "btrfs", "filesystem", "du", "--raw", "-s", catalog.store
        ).stdout.split()[-4:-1]
        assert (int(total), int(exclusive), int(shared)) == (128 << 20, 0, 64 << 20)


def test_a_copied_range_is_digested_by_what_it_holds(mount, catalog_dir, small_source, tmp_path):
    data = small_source.read_bytes()
    run("cp", small_source, mount / "image")
    source = os.open(mount / "image", os.O_RDONLY)
    for name, parts in {
        "part": [(1000, 200_000, 0)],
        "head": [(0, 100_000, 0)],
        "twice": [(0, len(data), 0), (0, len(data), len(data))],
        "swapped": [(200_000, 100_001, 0), (0, 200_000, 100_001)],
    }.items():
        expected = bytearray()
        target = os.open(mount / name, os.O_CREAT | os.O_WRONLY)
        for start, count, at in parts:
            assert os.copy_file_range(source, target, count, start, at) == count
            expected[at : at + count] = data[start : start + count]
        os.close(target)
        (tmp_path / name).write_bytes(expected)
        assert_published(mount, catalog_dir, name, tmp_path / name)
    os.close(source)


def test_a_copy_that_is_changed_afterwards_is_digested(mount, catalog_dir, small_source, tmp_path):
    data = bytearray(small_source.read_bytes())
    run("cp", small_source, mount / "image")
    source = os.open(mount / "image", os.O_RDONLY)
    target = os.open(mount / "copy", os.O_CREAT | os.O_WRONLY)
    assert os.copy_file_range(source, target, len(data), 0, 0) == len(data)
    os.pwrite(target, b"changed", 100)
    data[100:107] = b"changed"
    os.close(target)
    os.close(source)
    (tmp_path / "expected").write_bytes(data)
    assert_published(mount, catalog_dir, "copy", tmp_path / "expected")


def test_one_call_copies_a_quarter_of_a_gibibyte_at_most(mount, catalog_dir, tmp_path):
    """So that no request holds its upload, and a thread of the mount, for minutes."""
    quarter, rest = 256 << 20, 3 << 20
    source = tmp_path / "source"
    with open(source, "wb") as file:
        file.truncate(quarter)
        file.seek(quarter)
        file.write(os.urandom(rest))
    run("cp", source, mount / "image")
    reading = os.open(mount / "image", os.O_RDONLY)
    writing = os.open(mount / "copy", os.O_CREAT | os.O_WRONLY)
    assert os.copy_file_range(reading, writing, quarter + rest) == quarter
    assert os.copy_file_range(reading, writing, quarter + rest) == rest
    assert os.copy_file_range(reading, writing, quarter + rest) == 0
    os.close(writing)
    os.close(reading)
    assert_published(mount, catalog_dir, "copy", source)


# ── from the network ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def url(small_source):
    """Where a server on the loopback has small_source."""
    with file_server(small_source.parent) as server:
        yield f"{server}/{small_source.name}"


@pytest.mark.parametrize(
    "command",
    [
        "curl -sS -o $1/out.img $2",
        "curl -sS -R -o $1/out.img $2",
        "curl -sS $2 > $1/out.img",
        "wget -q -O $1/out.img $2",
        "wget -q -P $1 $2 && mv $1/small.img $1/out.img",
    ],
)
def test_a_download_makes_a_whole_image(mount, catalog_dir, small_source, url, command):
    assert shell(command, mount, url).stderr == ""
    wait_until_active(mount, "out.img")
    assert_published(mount, catalog_dir, "out.img", small_source)


def test_downloaded_files_keep_the_servers_date(mount, small_source, url):
    os.utime(small_source, (1_000_000_000, 1_100_000_000))
    run("wget", "-q", "-O", mount / "out.img", url)
    assert os.stat(mount / "out.img").st_mtime == 1_100_000_000


# ── looking ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def images(mount, small_source):
    for name in ("a.img", "b.img"):
        run("cp", small_source, mount / name)
    return mount


def test_find_du_df_stat_and_file_look_at_images(images, small_source):
    found = run("find", images, "-type", "f", "-size", "300001c", "-printf", "%f %s %n\\n").stdout
    assert sorted(found.splitlines()) == ["a.img 300001 2", "b.img 300001 2"]
    assert run("find", images, "-newer", small_source, "-name", "*.img").stdout.count("\n") == 2
    assert run("du", "-b", images / "a.img").stdout.split()[0] == "300001"
    assert int(run("du", "-sk", images).stdout.split()[0]) in range(586, 620)
    df = run("df", "--output=fstype,target", images).stdout.splitlines()[1]
    assert df.split() == ["fuse.glance", str(images.path)]
    shown = run("stat", "-c", "%F|%s|%A|%h", images / "a.img").stdout.strip()
    assert shown == "regular file|300001|-r--r--r--|2"
    assert run("stat", "-f", "-c", "%T", images).stdout.strip() == "fuseblk"
    assert run("file", "-b", images / "a.img").stdout.strip() == "data"
    assert run("ls", "-l", images).stderr == ""


def test_cmp_diff_and_checksums_agree_with_the_source(images, small_source):
    run("cmp", images / "a.img", images / "b.img")
    run("diff", images / "a.img", small_source)
    for tool in ("md5sum", "sha1sum", "sha256sum", "sha512sum", "b2sum", "cksum"):
        (expected, *_), (found, *_) = (
            run(tool, path).stdout.split() for path in (small_source, images / "a.img")
        )
        assert found == expected


def test_diff_r_and_cp_r_of_the_whole_mount(images, tmp_path):
    run("cp", "-r", f"{os.fspath(images)}/.", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == ["a.img", "b.img"]
    assert run("diff", "-r", images, tmp_path / "out").stdout == ""


def test_compressors_and_archivers_read_images(images, small_source):
    for script in ("gzip -c $1 | gunzip", "xz -0 -c $1 | xz -dc", "tar -cf - -C $2 a.img | tar xO"):
        output = shell(f"{script} | cmp - $3", images / "a.img", images, small_source)
        assert output.stderr == ""



# SPDX-License-Identifier: Apache-2.0
""".MD5SUMS and .SHA512SUMS: what md5sum and sha512sum verify."""

import hashlib
import os

import pytest

from support.expectations import fails_with
from support.processes import run, shell, wait_until

SUMS = {"md5": ".MD5SUMS", "sha512": ".SHA512SUMS"}


def expected(algorithm, **contents):
    """The file that lists these images."""
    return "".join(
        f"{hashlib.new(algorithm, data).hexdigest()}  {name}\n" for name, data in contents.items()
    )


@pytest.fixture
def images(mount):
    contents = {"one": b"1", "two": b"22", "three": b"333" * 100_000}
    for name, data in contents.items():
        (mount / name).write_bytes(data)
        assert mount.xattr(name, "status") == "active"
    return contents


@pytest.mark.parametrize("algorithm", SUMS)
def test_without_images_the_file_is_empty(mount, algorithm):
    assert (mount / SUMS[algorithm]).read_bytes() == b""
    assert os.stat(mount / SUMS[algorithm]).st_size == 0


@pytest.mark.smoke
@pytest.mark.parametrize("algorithm", SUMS)
def test_every_image_has_its_line(mount, images, algorithm):
    assert SUMS[algorithm] not in os.listdir(mount)
    text = (mount / SUMS[algorithm]).read_text()
    assert text == expected(algorithm, **images)
    assert os.stat(mount / SUMS[algorithm]).st_size == len(text)


@pytest.mark.parametrize("algorithm", SUMS)
def test_coreutils_verify_the_whole_mount(mount, images, algorithm):
    result = run(f"{algorithm}sum", "-c", "--strict", SUMS[algorithm], cwd=mount)
    assert result.stdout == "one: OK\ntwo: OK\nthree: OK\n"
    assert result.stderr == ""


ODD_NAMES = ["a\nb", "a\\b", "a\rb", "\\", " x", "*x", "-", "-rf", "é ✓", "x" * 255, "a  b"]


@pytest.mark.parametrize("algorithm", SUMS)
def test_odd_names_are_written_as_coreutils_do(mount, algorithm):
    for i, name in enumerate(ODD_NAMES):
        (mount / name).write_bytes(b"%d" % i)
        assert mount.xattr(name, "status") == "active"
    named = [name for name in ODD_NAMES if name != "-"]
    lines = run(f"{algorithm}sum", "--", *named, cwd=mount).stdout.splitlines()
    ours = (mount / SUMS[algorithm]).read_text().splitlines()
    # There is no line that means the file `-`.
    dash = f"{hashlib.new(algorithm, b'6').hexdigest()}  ./-"
    assert ours == lines[:6] + [dash] + lines[6:]
    assert os.stat(mount / SUMS[algorithm]).st_size == len("\n".join(ours).encode()) + 1
    result = run(f"{algorithm}sum", "-c", "--strict", "--quiet", SUMS[algorithm], cwd=mount)
    assert (result.stdout, result.stderr) == ("", "")


def test_corrupt_data_are_found(mount, catalog_dir, images):
    data = catalog_dir.data_file(mount.xattr("two", "id"))
    data.chmod(0o640)
    data.write_bytes(b"23")
    result = run("md5sum", "-c", ".MD5SUMS", cwd=mount, check=False)
    assert result.returncode == 1
    assert "two: FAILED" in result.stdout


def test_only_active_images_that_the_root_shows_are_listed(mount, rest, images):
    rest.create_raw("hidden", b"data", os_hidden=True)
    rest.create(name="queued")
    closed = rest.create_raw("deactivated", b"data")["id"]
    rest.request("POST", f"/v2/images/{closed}/actions/deactivate", expect=204)

    def is_closed():
        return "deactivated" in mount.names() and mount.xattr("deactivated", "status") != "active"

    wait_until(is_closed, 1, "the images")
    with fails_with("EACCES"):
        os.open(mount / "deactivated", os.O_RDONLY)
    wait_until(lambda: (mount / ".MD5SUMS").read_text() == expected("md5", **images), 1, "the sums")


@pytest.mark.parametrize("algorithm", SUMS)
def test_images_without_the_digest_are_left_out(mount, catalog_dir, bridges, images, algorithm):
    """One that was registered where it lay has none, and one by another hash no SHA-512."""
    config = catalog_dir.config(show_multiple_locations=True, hashing_algorithm="sha256")
    rest = bridges.start(config).rest
    if algorithm == "md5":
        (catalog_dir.store / "file").write_bytes(b"data")
        image = rest.create(name="other", disk_format="raw", container_format="bare")
        location = {"url": f"file://{catalog_dir.store}/file", "metadata": {}}
        add = {"op": "add", "path": "/locations/-", "value": location}
        assert rest.patch(image["id"], add).json()["status"] == "active"
    else:
        assert rest.create_raw("other", b"data")["os_hash_algo"] == "sha256"
    is_there = lambda: "other" in mount.names() and (mount / "other").read_bytes() == b"data"
    wait_until(is_there, 1, "the other image")
    assert (mount / SUMS[algorithm]).read_text() == expected(algorithm, **images)
    run(f"{algorithm}sum", "-c", "--strict", SUMS[algorithm], cwd=mount)


def test_the_file_is_of_now_whenever_it_is_opened(mount, rest, images):
    def text():
        content = (mount / ".MD5SUMS").read_text()
        assert os.stat(mount / ".MD5SUMS").st_size == len(content)
        return content

    (mount / "four").write_bytes(b"4")
    assert mount.xattr("four", "status") == "active"
    images["four"] = b"4"
    assert text() == expected("md5", **images)
    os.rename(mount / "one", mount / "uno")
    images = {name: data for name, data in images.items() if name != "one"} | {"uno": b"1"}
    assert text() == expected("md5", **images)
    os.unlink(mount / "two")
    del images["two"]
    assert text() == expected("md5", **images)
    rest.create_raw("uno", b"second")
    wait_until(lambda: len(mount.names()) == 4, 1, "the other image")
    second = rest.images(name="uno")[0]["id"][:8]
    assert text() == expected("md5", **images, **{f"uno~{second}": b"second"})


def test_an_open_file_does_not_change(mount, images):
    before = expected("sha512", **images).encode()
    with open(mount / ".SHA512SUMS", "rb", buffering=0) as file:
        assert file.read(100) == before[:100]
        os.unlink(mount / "one")
        os.rename(mount / "two", mount / "renamed")
        (mount / "new").write_bytes(b"new")
        assert file.read() == before[100:]
        assert os.pread(file.fileno(), 10, 130) == before[130:140]
        assert os.pread(file.fileno(), 10, len(before)) == b""
        assert file.seek(-5, os.SEEK_END) >= 0


def test_the_time_changes_with_the_content(mount, rest, images):
    before = os.stat(mount / ".MD5SUMS")
    mount.set_xattr("one", "os_distro", "debian")
    rest.create(name="queued")
    wait_until((mount / "queued").exists, 1, "the queued image")
    assert os.stat(mount / ".MD5SUMS").st_mtime_ns == before.st_mtime_ns
    os.unlink(mount / "one")
    after = os.stat(mount / ".MD5SUMS")
    assert after.st_mtime_ns > before.st_mtime_ns
    assert after.st_ctime_ns == after.st_mtime_ns


def test_tools_copy_it(mount, images, tmp_path):
    text = expected("md5", **images)
    for command in (
        "cp $1/.MD5SUMS $2/out",
        "cp -p $1/.MD5SUMS $2/out",
        "cat $1/.MD5SUMS > $2/out",
        "dd if=$1/.MD5SUMS of=$2/out bs=7 status=none",
        "rsync -a $1/.MD5SUMS $2/out",
        "tar -C $1 -cf - .MD5SUMS | tar -xOf - > $2/out",
        "grep -e . $1/.MD5SUMS > $2/out",
        "tail -n 3 $1/.MD5SUMS > $2/out",
    ):
        shell(f"rm -f $2/out; {command}", mount, tmp_path)
        assert (tmp_path / "out").read_text() == text, command


@pytest.mark.parametrize("name", SUMS.values())
def test_nobody_writes_or_removes_it(mount, images, name):
    path = mount / name
    text = path.read_bytes()
    assert os.stat(path).st_mode & 0o777 == 0o444
    assert os.stat(path).st_nlink == 1
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_CREAT | os.O_WRONLY):
        with fails_with("EACCES"):
            os.open(path, flags)
    with fails_with("EACCES"):
        os.truncate(path, 0)
    with fails_with("EPERM"):
        os.unlink(path)
    with fails_with("EPERM"):
        os.setxattr(path, "user.glance.os_distro", b"x")
    assert os.listxattr(path) == []
    with fails_with("EEXIST"):
        os.rename(mount / "one", path)
    assert path.read_bytes() == text

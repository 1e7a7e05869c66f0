# SPDX-License-Identifier: Apache-2.0
"""Names, values and options that are not allowed, and more of them than anybody needs."""

import errno
import json
import os

import pytest

from support.expectations import assert_published, fails_with
from support.processes import program, run, wait_until

# ── names ────────────────────────────────────────────────────────────────────────────────────

# What may be made under such a name, and what name it gets.
LOOK_ALIKES = [
    ".by-ids",
    ".by-id ",
    " .by-id",
    ".By-Id",
    ".by_id",
    "..by-id",
    "by-id",
    ".by-tagged",
    ".md5sums",
    ".MD5SUMS.old",
    "MD5SUMS",
    ".SHA512SUM",
    "...",
    "..a",
    "%",
    "%%",
    "%2",
    "%2f",
    "%2G",
    "%41",
    "%252E",
    "%2E",
    "%2E.",
    "a%b",
    "~",
    "~12345678",
    "a~1234567",
    "a~b~c",
    "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    "con",
    "a\\b",
    "a:b",
    "a*?[b]",
    "$(touch pwned)",
    '"quoted"',
    "'",
    "\t",
    "\n",
    "line\nbreak\r",
    "\x01\x1b[31m",
    "\x7f",
    "\u202egnp.exe",
    "é",
    "e\u0301",
    "\ufeffbom",
    "\uffff",
    "名前.qcow2",
    "%2Ea",
    "a%2E",
    "%41%2E",
    "a%2Eb",
    "a%25b",
    "a" * 255,
    "é" * 127 + "a",
]


@pytest.mark.parametrize("name", LOOK_ALIKES, ids=ascii)
def test_a_strange_name_is_an_image_like_any_other(mount, catalog_dir, small_source, name):
    run("cp", small_source, mount / name)
    assert_published(mount, catalog_dir, name, small_source)
    assert os.listdir(mount) == [name]
    os.rename(mount / name, mount / "plain")
    os.rename(mount / "plain", mount / name)
    mount.remount()
    assert os.listdir(mount) == [name]
    os.unlink(mount / name)
    assert os.listdir(mount) == []


REFUSED = {
    b"\xff": "EILSEQ",
    b"caf\xe9": "EILSEQ",
    b"\xc0\xaf": "EILSEQ",  # an overlong slash
    b"\xed\xa0\x80": "EILSEQ",  # half of a surrogate pair
    b"a\xe2\x82": "EILSEQ",  # cut off
    "🐧".encode(): "EINVAL",
    b"a%00b": "EINVAL",
    b"n" * 256: "ENAMETOOLONG",
    "é".encode() * 128: "ENAMETOOLONG",
}


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_name_that_no_image_can_have_is_refused_everywhere(mount, small_source, name):
    (mount / "image").write_bytes(b"data")
    path = os.fsencode(mount) + b"/" + name
    for make in (
        lambda: os.open(path, os.O_CREAT | os.O_WRONLY),
        lambda: os.mknod(path),
        lambda: os.rename(mount / "image", path),
    ):
        with fails_with(REFUSED[name]):
            make()
    with pytest.raises(OSError) as caught:
        os.stat(path)
    assert caught.value.errno in (errno.ENOENT, errno.ENAMETOOLONG)
    assert mount.names() == ["image"]
    assert run("cp", small_source, path, check=False).returncode == 1


def test_nothing_is_made_in_the_views(mount):
    (mount / "image").write_bytes(b"data")
    for path in (".by-id/new", ".by-id/00000000-0000-4000-8000-000000000000"):
        with fails_with("EPERM"):
            os.open(mount / path, os.O_CREAT | os.O_WRONLY)
        with fails_with("EPERM"):
            os.rename(mount / "image", mount / path)
    assert mount.names() == ["image"]


def test_a_name_in_a_directory_that_is_none_is_enotdir(mount):
    (mount / "image").write_bytes(b"data")
    with fails_with("ENOTDIR"):
        os.open(mount / "image/below", os.O_CREAT | os.O_WRONLY)


# ── values ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def image(mount):
    (mount / "image").write_bytes(b"data")
    return mount / "image"


def set_raw(path, key, value):
    os.setxattr(path, b"user.glance." + key, value)


@pytest.mark.parametrize(
    "key, value, error",
    [
        (b"note", b"x" * 65537, "E2BIG"),
        (b"note", b"x" * 65536, "E2BIG"),
        (b"note", b"a\0b", "EINVAL"),
        (b"note", b"ends in NUL\0", "EINVAL"),
        (b"name", b"a\0b", "EINVAL"),
        (b"owner", b"a\0b", "EINVAL"),
        (b"tags", b"tag,a\0b", "EINVAL"),
        (b"disk_format", b"raw\0", "EINVAL"),
        (b"note", b"\xff", "EINVAL"),
        (b"note", b"half \xe2\x82", "EINVAL"),
        (b"note", "🐧".encode(), "EINVAL"),
        (b"\xff", b"x", "EINVAL"),
        ("🐧".encode(), b"x", "EINVAL"),
        (b"k" * 244, b"x", "ERANGE"),
        (b"name", b"n" * 256, "EINVAL"),
        (b"name", b"\xff", "EINVAL"),
        (b"owner", b"o" * 256, "EINVAL"),
        (b"tags", b"t" * 256, "EINVAL"),
        (b"tags", ",".join(map(str, range(129))).encode(), "EDQUOT"),
        (b"tags", b"\xff", "EINVAL"),
        (b"min_disk", b"", "EINVAL"),
        (b"min_disk", b"-1", "EINVAL"),
        (b"min_disk", b"2147483648", "EINVAL"),
        (b"min_disk", b"99999999999999999999999", "EINVAL"),
        (b"min_disk", b"1.0", "EINVAL"),
        (b"min_disk", b"1 ", "EINVAL"),
        (b"min_disk", b"+1", "EINVAL"),
        (b"min_disk", b"0x1", "EINVAL"),
        (b"min_disk", b"1\0", "EINVAL"),
        (b"min_ram", b"true", "EINVAL"),
        (b"min_ram", "٣".encode(), "EINVAL"),
        (b"protected", b"", "EINVAL"),
        (b"protected", b"yes please", "EINVAL"),
        (b"os_hidden", b"2", "EINVAL"),
        (b"visibility", b"", "EINVAL"),
        (b"visibility", b"Public", "EINVAL"),
        (b"visibility", b"public\0", "EINVAL"),
        (b"", b"x", "EINVAL"),
        (b"metadata", b"{}", "EPERM"),
        (b"locations", b"[]", "EACCES"),
        (b"os_glance_failed_import", b"x", "EACCES"),
    ],
    ids=lambda part: ascii(part)[:40],
)
def test_a_value_that_is_not_allowed_changes_nothing(mount, image, key, value, error):
    before = json.loads(mount.xattr("image", "metadata"))
    with fails_with(error):
        set_raw(image, key, value)
    assert json.loads(mount.xattr("image", "metadata")) == before


@pytest.mark.parametrize(
    "key, value",
    [
        (b"note", b""),
        (b"note", b"x" * 65535),
        (b"note", "\u0001\u001f\u007f\uffff".encode()),
        (b"note", b"'; DROP TABLE images; --"),
        (b"k" * 243, b"x"),
        (b"key with spaces", b"x"),
        ("schlüssel".encode(), b"x"),
        (b"a.b.c", b"x"),
        (b"'; DROP TABLE images; --", b"x"),
        (b"note\nwith a line", b"x"),
        (b"min_disk", b"2147483647"),
        (b"min_ram", b"0"),
        (b"name", "名".encode() * 85),
    ],
    ids=lambda part: ascii(part)[:40],
)
def test_a_value_that_is_allowed_is_kept_to_the_byte(mount, catalog_dir, image, key, value):
    by_id = mount / ".by-id" / mount.xattr("image", "id")
    set_raw(by_id, key, value)
    assert os.getxattr(by_id, b"user.glance." + key) == value
    mount.remount()
    assert os.getxattr(by_id, b"user.glance." + key) == value


def test_the_property_quota_is_edquot(mount, image):
    for number in range(128):
        mount.set_xattr("image", f"key{number}", "x")
    with fails_with("EDQUOT"):
        mount.set_xattr("image", "one_more", "x")
    mount.set_xattr("image", "key0", "another value")
    mount.remove_xattr("image", "key0")
    mount.set_xattr("image", "one_more", "x")
    assert len([key for key in mount.xattrs("image") if key.startswith("key")]) == 127


def test_other_namespaces_of_every_kind_are_eopnotsupp(image):
    for name in ("user.x", "user.", "user.glanc", "user.Glance.x", "system.x", "nonsense.x"):
        with fails_with("EINVAL" if name == "user." else "EOPNOTSUPP"):
            os.setxattr(image, name, b"x")
    assert run("setfattr", "-n", "user.comment", "-v", "x", image, check=False).returncode == 1


# ── very many ────────────────────────────────────────────────────────────────────────────────

MANY = 10_000


@pytest.fixture
def crowded(mounts, bridges, catalog_dir):
    """A mount with an image that has 10,000 properties."""
    catalog_dir.path.mkdir()
    config = catalog_dir.config(image_property_quota=-1)
    mount = mounts.start(config)
    properties = {f"property_{number:05}": f"value {number}" for number in range(MANY)}
    bridges.start(config).rest.create_raw("image", b"data", **properties)
    wait_until(lambda: mount.names() == ["image"], 5, "the image")
    return mount


def test_an_image_with_ten_thousand_properties_is_usable(crowded, tmp_path):
    mount = crowded
    assert mount.xattr("image", "property_09999") == "value 9999"
    assert run("ls", "-l", mount).stderr == ""
    # A list may have 64 KiB: what does not fit is left out.
    listed = os.listxattr(mount / "image")
    assert 60_000 < sum(len(name) + 1 for name in listed) <= 65_536
    assert {"user.glance.checksum", "user.glance.property_00000"} <= set(listed)
    shown = run("getfattr", "-d", "--absolute-names", mount / "image").stdout
    assert 'user.glance.property_00000="value 0"' in shown.splitlines()
    assert shown.count("\nuser.glance.") == len(listed)
    with fails_with("E2BIG"):
        mount.xattr("image", "metadata")
    mount.set_xattr("image", "property_09999", "changed")
    assert mount.xattr("image", "property_09999") == "changed"
    mount.remove_xattr("image", "property_09999")
    with fails_with("ENODATA"):
        mount.xattr("image", "property_09999")
    os.rename(mount / "image", mount / "renamed")
    assert mount.names() == ["renamed"]


def test_cp_a_of_an_image_with_very_many_properties_works(mounts, bridges, catalog_dir):
    """Not with 10,000, or the copying would take most of a minute: each is a transaction."""
    catalog_dir.path.mkdir()
    config = catalog_dir.config(image_property_quota=-1)
    mount = mounts.start(config)
    properties = {f"p{number:03}" + "x" * 200: "value" for number in range(400)}
    bridges.start(config).rest.create_raw("image", b"data", **properties)
    wait_until(lambda: mount.names() == ["image"], 5, "the image")
    assert run("cp", "-a", mount / "image", mount / "copy").stderr == ""
    assert mount.xattr("copy", "status") == "active"
    assert mount.xattrs("copy") == mount.xattrs("image")
    assert len(mount.xattrs("copy")) > 300


def test_a_property_too_long_for_an_xattr_is_told_of_in_the_metadata(mount, rest, catalog_dir):
    """Its name, which may be longer than xattrs can carry, or its value: a Glance on SQLite takes
    any."""
    rest.create_raw("image", b"data", **{"n" * 250: "x", "short": "v", "plain": "y"})
    catalog_dir.execute(
        "UPDATE image_properties SET value = ? WHERE name = 'short'", "v" * 65_537
    )
    wait_until(lambda: "user.glance.short" not in os.listxattr(mount / "image"), 2, "the value")
    assert "plain" in mount.xattrs("image")
    assert "user.glance.short" not in os.listxattr(mount / "image")
    with fails_with("E2BIG"):
        mount.xattr("image", "short")
    assert run("cp", "-a", mount / "image", mount / "copy").stderr == ""
    assert mount.xattr("copy", "plain") == "y"


# ── options ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "option, told",
    [
        ("cretae", "cretae"),
        ("create=1", "create=1"),
        ("uid=nobody-like-that", "nobody-like-that"),
        ("uid=-1", "-1"),
        ("gid=4294967296", "4294967296"),
        ("umask=888", "888"),
        ("umask=", "umask"),
        ("visibility=secret", "public, private, shared, community"),
        ("owner=", "owner"),
        ("overwrite=maybe", "refuse, replace"),
        ("replaced=burn", "delete, hide"),
        ("commit_linger=-1", "0 to 86400"),
        ("commit_linger=soon", "soon"),
        ("drain=86401", "0 to 86400"),
        ("log_level=loud", "debug, info, warning, error"),
        ('owner="never closed', "quote"),
    ],
)
def test_a_bad_option_is_refused_in_one_line_that_names_it(catalog_dir, tmp_path, option, told):
    (tmp_path / "point").mkdir()
    command = (program("glancefs"), catalog_dir, tmp_path / "point", "-f", "-o", f"create,{option}")
    result = run(*command, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert told in line
    assert not catalog_dir.path.exists()


@pytest.mark.parametrize(
    "line, told",
    [
        ("image_property_quota = many", "image_property_quota"),
        ("image_size_cap = -5", "image_size_cap"),
        ("hashing_algorithm = crc32", "sha512"),
        ("this is no setting", ":2"),
        ("[unclosed", ":2"),
    ],
)
def test_a_bad_configuration_is_refused_with_file_and_line(tmp_path, line, told):
    config = tmp_path / "glance-api.conf"
    config.write_text(f"[DEFAULT]\n{line}\n[database]\nconnection = sqlite:///{tmp_path}/db\n")
    (tmp_path / "point").mkdir()
    command = (program("glancefs"), config, tmp_path / "point", "-f", "-o", "create")
    result = run(*command, check=False)
    assert result.returncode != 0
    (message,) = result.stderr.splitlines()
    assert f"{config}:2" in message
    assert told in message
    assert not (tmp_path / "db").exists()

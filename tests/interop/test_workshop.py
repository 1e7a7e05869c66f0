# SPDX-License-Identifier: Apache-2.0
"""The classic Glance workshop, without Keystone: set up, upload, look around, compare."""

import os
import re

import pytest

from support.images import converted, md5sum
from support.processes import glance_catalog, run, wait_until

pytestmark = pytest.mark.timeout(180)

NAME = "CirrOS 0.6.2"
HEADINGS = ["ID", "Name", "Disk Format", "Container Format", "Size"]


def index(catalog_dir):
    """The rows of `glance-catalog index`, cut at its own columns."""
    header, rule, *lines = glance_catalog("--spec", catalog_dir, "index").stdout.splitlines()
    columns = [match.span() for match in re.finditer("-+", rule)]
    cells = [[line[start:end].strip() for start, end in columns] for line in [header, *lines]]
    assert cells[0] == HEADINGS
    return cells[1:]


def show(catalog_dir, reference):
    """The record that `glance-catalog show` prints, as a dict."""
    lines = glance_catalog("--spec", catalog_dir, "show", reference).stdout.splitlines()
    return dict((line.split(maxsplit=1) + [""])[:2] for line in lines)


@pytest.fixture
def fresh(catalog_dir):
    glance_catalog("--spec", catalog_dir, "db-sync")
    return catalog_dir


@pytest.fixture
def cirros(tmp_path):
    return converted(tmp_path / "cirros-0.6.2-x86_64-disk.img", "qcow2")


def test_db_sync_makes_an_empty_catalog_and_may_be_repeated(catalog_dir):
    for _ in range(2):
        result = glance_catalog("--spec", catalog_dir, "db-sync")
        assert (result.stdout, result.stderr) == ("", "")
        version = catalog_dir.rows("SELECT version_num FROM alembic_version")
        assert version == [{"version_num": "wallaby_contract01"}]
        assert catalog_dir.rows("SELECT * FROM images") == []
    assert index(catalog_dir) == []


@pytest.mark.parametrize("through", ["file", "stdin"])
def test_the_workshop(fresh, bridge, openstack, glance, mounts, cirros, tmp_path, through):
    formats = ("--disk-format", "qcow2", "--container-format", "bare")
    if through == "file":
        openstack("image", "create", *formats, "--file", cirros, NAME)
    else:
        with open(cirros, "rb") as file:
            glance("image-create", "--name", NAME, *formats, stdin=file)

    ((image_id, *rest_of_row),) = index(fresh)
    assert rest_of_row == [NAME, "qcow2", "bare", str(cirros.stat().st_size)]
    assert fresh.data_files() == [image_id]

    mount = mounts.start(fresh, options="")
    assert mount.names() == [NAME]
    digests = {md5sum(cirros), md5sum(fresh.data_file(image_id)), md5sum(mount / NAME)}
    assert digests == {mount.xattr(NAME, "checksum")}

    by_name, by_id = show(fresh, NAME), show(fresh, image_id)
    assert by_name == by_id
    assert (by_name["id"], by_name["name"], by_name["status"]) == (image_id, NAME, "active")
    assert (by_name["disk_format"], by_name["virtual_size"]) == ("qcow2", str(5 << 20))
    assert by_name["checksum"] == md5sum(cirros)

    openstack("image", "save", "--file", tmp_path / "saved.img", NAME)
    run("cmp", cirros, tmp_path / "saved.img")
    openstack("image", "delete", NAME)
    wait_until(lambda: mount.names() == [], 1, "the deletion")
    assert index(fresh) == []
    assert fresh.data_files() == []


def test_an_ambiguous_name_is_an_error_that_lists_the_ids(fresh, bridge, openstack):
    ids = [bridge.rest.create_raw("twin", b"data")["id"] for _ in range(2)]
    failed = glance_catalog("--spec", fresh, "show", "twin", check=False)
    assert failed.returncode != 0
    assert failed.stdout == ""
    for image_id in ids:
        assert image_id in failed.stderr
        assert show(fresh, image_id)["id"] == image_id
    failed = openstack("image", "show", "twin", check=False)
    assert failed.returncode == 1
    assert "More than one" in failed.stderr


def test_an_unknown_image_is_an_error_that_names_it(fresh):
    failed = glance_catalog("--spec", fresh, "show", "nothing", check=False)
    assert failed.returncode != 0
    (line,) = failed.stderr.splitlines()
    assert "nothing" in line


def test_index_without_a_catalog_is_an_error_that_names_the_place(catalog_dir):
    failed = glance_catalog("--spec", catalog_dir, "index", check=False)
    assert failed.returncode != 0
    assert os.fspath(catalog_dir) in failed.stderr
    assert not catalog_dir.path.exists()


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["show"], ["index", "more"], ["--wrong"]])
def test_a_wrong_call_is_a_usage_error(arguments):
    failed = glance_catalog(*arguments, check=False)
    assert failed.returncode == 1
    assert failed.stdout == ""
    (line,) = failed.stderr.splitlines()
    assert line.startswith("glance-catalog: ")
    assert "--help" in line


def test_a_database_url_is_a_spec_too(fresh, bridge):
    bridge.rest.create(name="queued")
    url = f"sqlite:///{fresh.database}"
    assert "queued" in glance_catalog("--spec", url, "index").stdout

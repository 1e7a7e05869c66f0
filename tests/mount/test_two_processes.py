# SPDX-License-Identifier: Apache-2.0
"""The mount and the bridge at work on one catalog at the same time."""

import errno
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from support.processes import wait_until

OPERATIONS = 25


@dataclass
class Expected:
    """What a client knows about one of its images."""

    data: bytes
    properties: dict = field(default_factory=dict)


class Client:
    """Does random operations on images of its own and remembers what must come of them."""

    def __init__(self, number):
        self.random = random.Random(number)
        self.prefix = f"client{number}-"
        self.serial = 0
        self.images = {}

    def work(self):
        operations = [self.create, self.set_property, self.rename, self.delete, self.read]
        weights = [4, 4, 2, 1, 3]
        for _ in range(OPERATIONS):
            operation = self.random.choices(operations, weights)[0] if self.images else self.create
            operation()

    def new_name(self):
        self.serial += 1
        return f"{self.prefix}{self.serial}"

    def any_name(self):
        return self.random.choice(sorted(self.images))

    def create(self):
        name = self.new_name()
        data = self.random.randbytes(self.random.choice([1, 5000, 400_000]))
        self.do_create(name, data)
        self.images[name] = Expected(data)

    def set_property(self):
        name, key = self.any_name(), f"key{self.random.randrange(5)}"
        value = f"value {self.random.random()}"
        self.do_set_property(name, key, value)
        self.images[name].properties[key] = value

    def rename(self):
        old, new = self.any_name(), self.new_name()
        self.do_rename(old, new)
        self.images[new] = self.images.pop(old)

    def delete(self):
        name = self.any_name()
        self.do_delete(name)
        del self.images[name]

    def read(self):
        name = self.any_name()
        assert self.do_read(name) == self.images[name].data


class FileClient(Client):
    def __init__(self, number, mount):
        super().__init__(number)
        self.mount = mount

    def do_create(self, name, data):
        (self.mount / name).write_bytes(data)

    def do_set_property(self, name, key, value):
        self.mount.set_xattr(name, key, value)

    def do_rename(self, old, new):
        os.rename(self.mount / old, self.mount / new)

    def do_delete(self, name):
        os.unlink(self.mount / name)

    def do_read(self, name):
        return (self.mount / name).read_bytes()


class RestClient(Client):
    def __init__(self, number, rest):
        super().__init__(number)
        self.rest = rest
        self.ids = {}

    def do_create(self, name, data):
        self.ids[name] = self.rest.create_raw(name, data)["id"]

    def do_set_property(self, name, key, value):
        self.rest.replace(self.ids[name], key, value)

    def do_rename(self, old, new):
        self.rest.replace(self.ids[old], "name", new)
        self.ids[new] = self.ids.pop(old)

    def do_delete(self, name):
        self.rest.delete(self.ids[name])

    def do_read(self, name):
        return self.rest.download(self.ids[name])


def at_once(*tasks):
    """Runs the tasks in threads and raises what any of them raised."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        for future in [pool.submit(task) for task in tasks]:
            future.result()


def assert_no_lock_errors(mount, bridge):
    for log in (mount.daemon.log, bridge.log):
        assert "database is locked" not in log.read_text()


@pytest.mark.timeout(240)
def test_eight_clients_at_two_doors_get_what_each_expects(mount, bridge, catalog_dir):
    rest = bridge.rest
    clients = [FileClient(i, mount) for i in range(4)] + [RestClient(i, rest) for i in range(4, 8)]
    at_once(*(client.work for client in clients))

    expected = {name: image for client in clients for name, image in client.images.items()}
    assert len(expected) > 20
    wait_until(lambda: mount.names() == sorted(expected), 1, "the names of both doors")
    listed = {image["name"]: image for image in rest.images(limit=7)}
    assert sorted(listed) == sorted(expected)
    for name, image in expected.items():
        assert (mount / name).read_bytes() == image.data
        assert rest.download(listed[name]["id"]) == image.data
        keys = {f"key{i}" for i in range(5)}
        assert {k: v for k, v in listed[name].items() if k in keys} == image.properties
        assert {k: v for k, v in mount.xattrs(name).items() if k in keys} == image.properties
    assert catalog_dir.data_files() == sorted(image["id"] for image in listed.values())
    assert catalog_dir.spools() == []
    assert_no_lock_errors(mount, bridge)


def test_concurrent_property_changes_at_both_doors_all_survive(mount, bridge):
    rest = bridge.rest
    image_id = rest.create_raw("shared", b"data")["id"]
    wait_until((mount / "shared").exists, 1, "the image")

    def through_files(worker):
        for i in range(10):
            mount.set_xattr("shared", f"file_{worker}_{i}", f"{worker}.{i}")

    def through_rest(worker):
        for i in range(10):
            rest.replace(image_id, f"rest_{worker}_{i}", f"{worker}.{i}")

    at_once(
        *(lambda w=w: through_files(w) for w in range(4)),
        *(lambda w=w: through_rest(w) for w in range(4)),
    )
    expected = {
        f"{door}_{worker}_{i}": f"{worker}.{i}"
        for door in ("file", "rest")
        for worker in range(4)
        for i in range(10)
    }
    image = rest.image(image_id)
    assert {key: image.get(key) for key in expected} == expected
    wait_until(lambda: set(mount.xattrs("shared")) >= set(expected), 1, "all properties")
    assert {key: mount.xattr("shared", key) for key in expected} == expected
    assert_no_lock_errors(mount, bridge)


def test_one_of_two_uploads_to_one_image_wins(mount, bridge, catalog_dir):
    rest = bridge.rest
    for round_ in range(5):
        name = f"contested{round_}"
        image = rest.create(name=name, disk_format="raw", container_format="bare")
        bodies = [bytes([65 + i]) * 300_000 for i in range(4)]
        with ThreadPoolExecutor(4) as pool:
            upload = lambda body: rest.put_data(image["id"], body).status
            statuses = list(pool.map(upload, bodies))
        assert sorted(statuses) == [204, 409, 409, 409]
        assert rest.download(image["id"]) == bodies[statuses.index(204)]
    assert len(catalog_dir.data_files()) == 5
    assert catalog_dir.spools() == []


def test_an_image_being_written_by_the_mount_refuses_rest_data(mount, bridge):
    rest = bridge.rest
    descriptor = os.open(mount / "growing", os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"from the mount")
    image_id = mount.xattr("growing", "id")
    assert rest.image(image_id)["status"] == "saving"
    assert rest.get_data(image_id).status == 204
    assert rest.put_data(image_id, b"from REST").status == 409
    os.close(descriptor)
    assert rest.download(image_id) == b"from the mount"


@pytest.mark.smoke
def test_what_cp_closed_is_active_at_the_other_door_at_once(mount, bridge):
    for round_ in range(20):
        name = f"image{round_}"
        (mount / name).write_bytes(b"%d" % round_)
        (image,) = bridge.rest.images(name=name)
        assert image["status"] == "active"
        assert bridge.rest.download(image["id"]) == b"%d" % round_


# ── who was first ────────────────────────────────────────────────────────────────────────────

RACES = 25


@pytest.fixture
def two_mounts(mounts, catalog_dir):
    """Of one catalog, with an image: to each other they are as far apart as two doors."""
    pair = [mounts.start(catalog_dir), mounts.start(catalog_dir)]
    (pair[0] / "image").write_bytes(b"data")
    wait_until(lambda: pair[1].names() == ["image"], 1, "the image")
    return pair


def race(*calls):
    """Makes the calls at once; returns the errors' names, None for success."""
    start = threading.Barrier(len(calls))

    def begin(call):
        start.wait()
        try:
            call()
        except OSError as error:
            return errno.errorcode[error.errno]
        return None

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(begin, calls))


def setters(mounts, key, flags):
    return [lambda m=m: m.set_xattr("image", key, m.path.name, flags) for m in mounts]


def removers(mounts, key):
    return [lambda m=m: m.remove_xattr("image", key) for m in mounts]


def test_of_two_who_create_one_attribute_one_is_told_that_it_is_there(two_mounts):
    for number in range(RACES):
        key = f"key{number}"
        errors = race(*setters(two_mounts, key, os.XATTR_CREATE))
        assert sorted(errors, key=str) == ["EEXIST", None]
        winner = two_mounts[errors.index(None)].path.name
        wait_until(lambda: two_mounts[0].xattr("image", key) == winner, 1, "the winner's value")


def test_what_is_replaced_while_it_is_removed_does_not_come_back(two_mounts):
    one, two = two_mounts
    for number in range(RACES):
        key = f"key{number}"
        one.set_xattr("image", key, "first")
        wait_until(lambda: key in two.xattrs("image"), 1, "the attribute")
        (replace,) = setters([one], key, os.XATTR_REPLACE)
        (remove,) = removers([two], key)
        assert race(replace, remove) in ([None, None], ["ENODATA", None])
        wait_until(lambda: key not in one.xattrs("image"), 1, "the removal")


def test_of_two_who_remove_one_attribute_one_is_told_that_it_is_gone(two_mounts):
    for number in range(RACES):
        key = f"key{number}"
        two_mounts[0].set_xattr("image", key, "value")
        wait_until(lambda: key in two_mounts[1].xattrs("image"), 1, "the attribute")
        assert sorted(race(*removers(two_mounts, key)), key=str) == ["ENODATA", None]


def test_of_two_who_tag_one_image_one_is_told_that_it_has_the_tag(two_mounts):
    for number in range(RACES):
        for mount in two_mounts:
            os.mkdir(mount / f".by-tag/{number}")
        links = [
            lambda m=m: os.link(m / "image", m / f".by-tag/{number}/image") for m in two_mounts
        ]
        assert sorted(race(*links), key=str) == ["EEXIST", None]


@pytest.mark.parametrize("take", ["rm", "mv"])
def test_who_gets_another_name_is_not_deleted_by_the_old_one(mount, rest, take):
    """An image is renamed through REST while its name is removed, or given to another one."""
    for number in range(RACES):
        old, new, other = f"old{number}", f"new{number}", f"other{number}"
        image_id = rest.create_raw(old, b"data")["id"]
        rest.create_raw(other, b"other")
        wait_until(lambda: {old, other} <= set(mount.names()), 1, "the images")
        rename = {"op": "replace", "path": "/name", "value": new}
        statuses = []
        error, _ = race(
            lambda: os.unlink(mount / old) if take == "rm" else os.rename(mount / other, mount / old),
            lambda: statuses.append(rest.patch(image_id, rename, expect=None).status),
        )
        if statuses == [200]:
            assert rest.image(image_id)["name"] == new
            assert error == ("ENOENT" if take == "rm" else None)
        else:
            assert (statuses, error) == ([404], None)

# SPDX-License-Identifier: Apache-2.0
"""What the server shows comes back: OpenStack's services carry an image's custom properties over to
the next one, and tools send whole images."""

import itertools

import glanceclient
import pytest

from support.clients import Cli
from support.configs import ConfiguredCatalog

# What the client library imports is older than the Python that runs it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

OLD_JSON_PATCH = "application/openstack-images-v2.0-json-patch"
KERNEL = "00000000-0000-4000-8000-000000000000"
CONFIGURATIONS = [
    (stores, *lines)
    for stores, *lines in itertools.product(
        (False, True),
        ("show_image_direct_url = False", "show_image_direct_url = True"),
        ("show_multiple_locations = False", "show_multiple_locations = True"),
    )
]


def words_of(configuration):
    return "-".join(str(each).split()[-1] for each in configuration)


@pytest.fixture(params=CONFIGURATIONS, ids=words_of)
def configured(request, bridges, tmp_path):
    """A bridge in each configuration that changes what images show."""
    stores, *lines = request.param
    return bridges.start(ConfiguredCatalog(tmp_path / "catalog", default=lines, stores=stores))


@pytest.fixture
def with_stores(bridges, tmp_path):
    lines = ["show_image_direct_url = True", "show_multiple_locations = True"]
    return bridges.start(ConfiguredCatalog(tmp_path / "catalog", default=lines, stores=True)).rest


def client_of(bridge):
    """The library that Nova and Cinder use."""
    return glanceclient.Client(endpoint=f"{bridge.url}/v2", token="x")


def test_keys_of_an_image_that_its_schema_does_not_have_are_custom_properties(configured):
    rest = configured.rest
    given = {"os_distro": "debian", "hw_disk_bus": "virtio", "kernel_id": KERNEL}
    shown = rest.create_raw("image", b"data", **given)
    properties = rest.request("GET", "/v2/schemas/image", expect=200).json()["properties"]
    base = {name for name, each in properties.items() if each.get("is_base", True)}
    assert set(shown) - base == set(given)
    assert set(shown) - set(properties) == {"hw_disk_bus"}


def test_a_service_takes_the_custom_properties_over_to_a_snapshot(configured):
    """As Nova's and Cinder's own image modules do: what the schema does not call base."""
    client = client_of(configured)
    source = configured.rest.create_raw("source", b"data", os_distro="debian", hw_disk_bus="virtio")
    image = client.images.get(source["id"])
    schema = client.schemas.get("image")
    carried = {name: image[name] for name in image if not schema.is_base_property(name)}
    snapshot = client.images.create(
        name="snapshot", disk_format="raw", container_format="bare", **carried
    )
    assert (snapshot["os_distro"], snapshot["hw_disk_bus"]) == ("debian", "virtio")
    updated = client.images.update(snapshot["id"], name="renamed", **carried)
    assert updated["name"] == "renamed"


def test_the_schema_does_not_break_a_client_that_has_only_a_token(bridge, warm_programs, tmp_path):
    """glanceclient 4.1 makes options of the schema's names, and has its own `--stores`: without a
    Keystone's URL it would die of that name in its cache."""
    command = ("/usr/bin/glance", "--os-auth-token", "x", "--os-image-url", bridge.url)
    glance = Cli(warm_programs, tmp_path / "home", *command)
    for _ in range(2):  # the second one reads the cache of the first
        glance("image-list")
    assert (tmp_path / "home/.glanceclient/image_schema.json").is_file()


def test_what_is_shown_may_be_sent_back_in_a_patch(with_stores):
    rest = with_stores
    image = rest.create_raw("image", b"data", os_distro="debian", tags=["t"])
    assert {"stores", "direct_url", "locations", "virtual_size"} <= set(image)
    for verb in ("add", "replace"):
        names = sorted(set(image) - ({"locations"} if verb == "add" else set()))
        operations = [{"op": verb, "path": f"/{name}", "value": image[name]} for name in names]
        formats = {"disk_format", "container_format"}  # of an image with data: 403, as with Glance
        operations = [each for each in operations if each["path"][1:] not in formats]
        answer = rest.patch(image["id"], *operations).json()
        assert answer | {"updated_at": ""} == image | {"updated_at": ""}


def test_sending_back_read_only_attributes_changes_nothing(with_stores):
    image = with_stores.create_raw("image", b"data")
    operation = {"op": "replace", "path": "/size", "value": image["size"]}
    assert with_stores.patch(image["id"], operation).json() == image
    body = [{"replace": "/status", "value": "active"}]
    answer = with_stores.request(
        "PATCH", f"/v2/images/{image['id']}", body, {"Content-Type": OLD_JSON_PATCH}, expect=200
    )
    assert answer.json() == image


@pytest.mark.parametrize(
    "name, value",
    [
        ("size", 5),
        ("size", None),
        ("status", "queued"),
        ("checksum", "0" * 32),
        ("stores", "slow"),
        ("id", KERNEL),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("direct_url", "file:///etc/passwd"),
        ("self", "/v2/images/x"),
    ],
)
def test_another_value_of_a_read_only_attribute_is_403(with_stores, name, value):
    image = with_stores.create_raw("image", b"data")
    for verb in ("add", "replace"):
        operation = {"op": verb, "path": f"/{name}", "value": value}
        answer = with_stores.patch(image["id"], operation, expect=403)
        assert f"Attribute '{name}' is read-only." in answer.body.decode()
    with_stores.patch(image["id"], {"op": "remove", "path": f"/{name}"}, expect=403)
    with_stores.patch(KERNEL, {"op": "add", "path": f"/{name}", "value": value}, expect=403)
    assert with_stores.image(image["id"]) == image


def test_a_new_image_may_be_sent_with_what_every_new_one_shows(rest):
    new = rest.create(name="x", os_distro="debian")
    own = {"id", "self", "file", "created_at", "updated_at"}
    copy = rest.create(**{name: new[name] for name in set(new) - own})
    assert {name: copy[name] for name in set(new) - own} == {
        name: new[name] for name in set(new) - own
    }
    for other in ({"status": "active"}, {"size": 0}, {"checksum": "0" * 32}, {"stores": "file"}):
        rest.request("POST", "/v2/images", other, expect=403)

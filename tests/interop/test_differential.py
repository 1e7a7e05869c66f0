# SPDX-License-Identifier: Apache-2.0
"""A few hundred requests to the real glance-api and to the bridge; the answers must be equal.

Where they are not, docs/differences.md says why, and the step names the row. A step that names a
difference which no longer occurs fails, too.
"""

import pytest

from support.differential import (
    OLD_JSON_PATCH,
    Case,
    Server,
    Step,
    active,
    add,
    create,
    delete,
    documented_differences,
    get,
    listing,
    patch,
    post,
    put,
    remove,
    replace,
    show,
    upload,
)
from support.image_model import READ_ONLY, RESERVED
from support.rest import JSON_PATCH, OCTETS
from support.side_by_side import side_by_side

pytestmark = pytest.mark.timeout(300)

NOBODY = "00000000-0000-4000-8000-000000000000"
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """The real Glance and the bridge, each on a database and store of its own."""
    work = tmp_path_factory.mktemp("differential")
    url = "show_image_direct_url = True"
    with side_by_side(work, url, f"{url}\nshow_multiple_locations = True") as both:
        yield (
            Server(both.real.rest, both.real_store),
            Server(both.bridge.rest, both.store),
        )


def case(name, *steps):
    """A case of steps, some of which may be lists of steps."""
    flat = []
    for step in steps:
        flat += step if isinstance(step, list) else [step]
    return Case(name, flat)


def each(name, prepare, steps):
    """A case for every step, each after the same preparation."""
    return [case(f"{name} {i}", *prepare, step) for i, step in enumerate(steps)]


def raw_post(body, differs=None):
    return post("/v2/images", body, differs=differs)


# ── § 0 and 1.1: what holds for every route ───────────────────────────────────────────────────

GENERAL = [
    case("versions", get("/"), get("/versions"), get("/versions/"), get("/foo"), get("/v1/images")),
    case("versions whatever the method", post("/v3"), delete("/foo/bar"), put("/v1/x", b"x")),
    case("version prefixes", get("/v2.0/images?limit=0"), get("/v2.9/images?limit=0")),
    case("minors", get("/v2.13/images?limit=0"), get("/v2.14/images"), get("/v2.99/images")),
    case("no version", get("/v2", headers=JSON), get("/v2/"), get("/v2/images/")),
    case(
        "the version in Accept",
        get("/images?limit=0", headers={"Accept": "application/vnd.openstack.images-v2"}),
        get("/images?limit=0", headers={"Accept": "application/vnd.openstack.images-v2.3"}),
        get("/images?limit=0", headers={"Accept": "application/vnd.openstack.images-v3"}),
    ),
    case("unknown paths", get("/v2/nothing"), get("/v2/images/a/b"), post("/v2/x", b"{}")),
    case("unknown methods", Step("BREW", "/v2/nothing"), Step("BREW", "/v2/images")),
    case("OPTIONS", Step("OPTIONS", "/v2/images"), Step("OPTIONS", f"/v2/images/{NOBODY}")),
    case("healthcheck", get("/healthcheck")),
    case(
        "wrong methods",
        Step("HEAD", "/v2/info/import"),
        Step("HEAD", "/v2/images"),
        Step("HEAD", f"/v2/images/{NOBODY}", differs="head"),
        Step("HEAD", f"/v2/images/{NOBODY}/file", differs="head"),
        put("/v2/images"),
        put(f"/v2/images/{NOBODY}", differs="head"),
        post(f"/v2/images/{NOBODY}/file", differs="head"),
        get(f"/v2/images/{NOBODY}/stage"),
        get(f"/v2/images/{NOBODY}/tags/t"),
        put(f"/v2/images/{NOBODY}/members"),
        post(f"/v2/images/{NOBODY}/members/m"),
        get(f"/v2/images/{NOBODY}/actions/deactivate"),
        get(f"/v2/images/{NOBODY}/actions/reactivate"),
        post("/v2/info/import"),
        post("/v2/info/stores"),
        post("/v2/info/stores/detail"),
        get(f"/v2/stores/file/{NOBODY}"),
        post("/v2/schemas/image"),
    ),
    case(
        "unexpected bodies",
        create(),
        get("/v2/images/@1", body=b"x"),
        delete("/v2/images/@1", body=b"x"),
        put("/v2/images/@1/tags/t", b"x"),
        delete("/v2/images/@1/tags/t", body=b"x"),
        post("/v2/images/@1/actions/deactivate", b"x"),
        get("/v2/images/@1/members", body=b"x"),
        delete("/v2/images/@1/members/m", body=b"x"),
        get("/v2/info/import", body=b"x"),
    ),
    case("errors in JSON", get("/v2/images/nope", headers=JSON), get("/v2/nope", headers=JSON)),
    case(
        "errors by Accept",
        *(
            get("/v2/images/nope", headers={"Accept": accept})
            for accept in (
                "*/*",
                "text/html",
                "text/plain",
                "application/json, text/html",
                "application/json;q=0.5, text/html;q=0.1",
                "application/octet-stream",
                "image/*",
                "",
            )
        ),
    ),
    case(
        "chunked bodies that nobody reads",
        create(),
        *(
            Step(method, "/v2/images/@1", b"0\r\n\r\n", {"Transfer-Encoding": "chunked"})
            for method in ("GET", "DELETE")
        ),
    ),
    case("request ids", get("/v2/images?limit=0", headers={"X-Openstack-Request-Id": "req-x"})),
]

# ── § 1.2: images ─────────────────────────────────────────────────────────────────────────────

GOOD_IMAGES = [
    {},
    {"name": None},
    {"name": ""},
    {"name": "héllo ✓"},
    {"name": "n" * 255},
    {"visibility": "private"},
    {"visibility": "shared"},
    {"visibility": "community"},
    {"protected": True},
    {"os_hidden": True},
    {"owner": "p1"},
    {"owner": None},
    {"disk_format": "qcow2", "container_format": "bare"},
    {"disk_format": None, "container_format": None},
    {"min_disk": 0, "min_ram": 2147483647},
    {"min_ram": 1.0},
    {"tags": []},
    {"tags": ["b", "a", "b"]},
    {"tags": ["t" * 255, ""]},
    {"os_distro": "debian", "hw_disk_bus": "virtio"},
    {"": "the empty name"},
    {"a/b": "x", "a.b": "y", "a b": "z", "a:b": ""},
    {"is_public": "true"},
    {"p" * 255: "x"},
    {"os_hash_algo": "sha512", "os_hash_value": "0" * 128},
    {"kernel_id": NOBODY, "cinder_encryption_key_deletion_policy": "do_not_delete"},
]

BAD_IMAGES = [
    ({"name": 5}, None),
    ({"name": "n" * 256}, None),
    ({"name": "\U0001f600"}, None),
    ({"visibility": "secret"}, None),
    ({"visibility": None}, None),
    ({"protected": "yes"}, None),
    ({"protected": 1}, None),
    ({"os_hidden": "true"}, None),
    ({"owner": 5}, None),
    ({"owner": "o" * 256}, None),
    ({"disk_format": "floppy"}, None),
    ({"container_format": "box"}, None),
    ({"min_disk": -1}, None),
    ({"min_ram": 2147483648}, None),
    ({"min_ram": "64"}, None),
    ({"min_ram": 1.5}, None),
    ({"min_ram": None}, None),
    ({"min_ram": True}, None),
    ({"tags": "t"}, None),
    ({"tags": [5]}, None),
    ({"tags": ["t" * 256]}, None),
    ({"tags": ["\U0001f600"]}, None),
    ({"tags": [f"t{i}" for i in range(129)]}, None),
    ({f"p{i}": "" for i in range(129)}, None),
    ({"p" * 256: "x"}, None),
    ({"p\U0001f600": "x"}, None),
    ({"p": "\U0001f600"}, None),
    ({"p": 3}, None),
    ({"p": None}, None),
    ({"p": True}, None),
    ({"p": ["x"]}, None),
    ({"p": "v" * 65536}, "property-value-length"),
    ({"p": {"x": "y"}}, None),
    ({"status": "active"}, None),
    ({"size": 5}, None),
    ({"virtual_size": 5}, None),
    ({"checksum": "0" * 32}, None),
    ({"created_at": "2020-01-01T00:00:00Z"}, None),
    ({"updated_at": "2020-01-01T00:00:00Z"}, None),
    ({"direct_url": "x"}, None),
    ({"self": "x"}, None),
    ({"file": "x"}, None),
    ({"schema": "x"}, None),
    ({"stores": "x"}, None),
    ({"location": "x"}, None),
    ({"deleted": "x"}, None),
    ({"deleted_at": "x"}, None),
    ({"locations": []}, None),
    ({"os_glance_x": "x"}, None),
    ({"kernel_id": "no uuid"}, None),
    ({"ramdisk_id": ""}, None),
    ({"cinder_encryption_key_deletion_policy": "whenever"}, None),
]

IMAGES = [
    *(
        case(f"good image {i}", post("/v2/images", {"id": "@1", **image}), show())
        for i, image in enumerate(GOOD_IMAGES)
    ),
    *(
        case(f"bad image {i}", post("/v2/images", {"id": "@1", **image}, differs=differs))
        for i, (image, differs) in enumerate(BAD_IMAGES)
    ),
    case("an empty owner", create(owner="", differs="owner-empty"), show()),
    case(
        "what is sent back",
        *active(os_distro="x"),
        patch(replace("status", "active"), differs="sent-back"),
        patch(add("size", 4), differs="sent-back"),
        patch(replace("status", "queued")),
        patch(remove("status")),
        show(),
        *(
            post("/v2/images", {"id": f"@{number}", name: value}, differs="sent-back")
            for number, (name, value) in enumerate(
                {"status": "queued", "size": None, "checksum": None, "virtual_size": None}.items(), 2
            )
        ),
    ),
    case(
        "a part of the data",
        create(disk_format="raw", container_format="bare"),
        upload(b"tail", headers=OCTETS | {"Content-Range": "bytes 4-7/8"}, differs="part-of-data"),
    ),
    case("null properties", create(ramdisk_id=None, differs="null-properties")),
    case("public images", create(visibility="public", differs="local-admin")),
    case(
        "ids",
        raw_post({"id": "nope"}),
        raw_post({"id": 5}),
        raw_post({"id": ""}),
        create(),
        create(),
        delete("/v2/images/@1"),
        create(),
        raw_post({"id": "ABCDEFAB-0000-4000-8000-0000000000AB"}),
        get("/v2/images/ABCDEFAB-0000-4000-8000-0000000000AB"),
        get("/v2/images/abcdefab-0000-4000-8000-0000000000ab"),
    ),
    case(
        "bodies that are none",
        raw_post(b""),
        raw_post(b"{"),
        raw_post(b"3"),
        raw_post(b'"x"'),
        raw_post(b"null"),
        raw_post(b"[]", differs="glance-500"),
        raw_post(b"\xff"),
        raw_post(b'{"name": "\xff"}'),
    ),
    case(
        "any content type",
        post("/v2/images", {"id": "@1"}, headers={"Content-Type": "text/x"}, differs="media-types"),
    ),
    case("NaN", raw_post(b'{"min_ram": NaN}')),
    case("twice", raw_post(b'{"id": "@1", "name": "a", "name": "b"}', differs="strict-json")),
    case(
        "unknown images",
        get(f"/v2/images/{NOBODY}"),
        get("/v2/images/nope"),
        get("/v2/images/" + "x" * 40),
        delete(f"/v2/images/{NOBODY}"),
        delete("/v2/images/nope"),
        get(f"/v2/images/{NOBODY}/file"),
        get(f"/v2/images/{NOBODY}/members"),
    ),
    case(
        "deletion",
        create(),
        delete("/v2/images/@1"),
        show(),
        delete("/v2/images/@1"),
        create(2, protected=True),
        delete("/v2/images/@2"),
        show(2),
        active(3),
        delete("/v2/images/@3"),
        get("/v2/images/@3/file"),
    ),
    case("every attribute of an active image", active(name="x", tags=["t"], os_distro="y"), show()),
    case("the tasks of an image", create(), get("/v2/images/@1/tasks", differs="later")),
]

# ── § 1.3: PATCH ──────────────────────────────────────────────────────────────────────────────

IMAGE = [create(name="before", os_distro="debian", tags=["t1"], disk_format="raw")]

OPERATIONS = [
    ([], None),
    ([add("os_distro", "ubuntu")], None),
    ([add("new", "x")], None),
    ([add("name", "x")], None),
    ([replace("name", None)], None),
    ([replace("name", "")], None),
    ([replace("os_distro", "x")], None),
    ([remove("os_distro")], None),
    ([replace("tags", ["a", "b", "a"])], None),
    ([add("tags", [])], None),
    ([replace("owner", "p1")], None),
    ([replace("owner", None)], None),
    ([replace("owner", "")], "owner-empty"),
    ([add("ramdisk_id", None)], "null-properties"),
    ([add("kernel_id", NOBODY), replace("kernel_id", "x")], None),
    ([replace("protected", True)], None),
    ([replace("os_hidden", True)], None),
    ([replace("visibility", "community")], None),
    ([replace("visibility", "private")], None),
    ([replace("min_disk", 7), replace("min_ram", 8)], None),
    ([replace("disk_format", "qcow2"), replace("container_format", "ovf")], None),
    ([replace("disk_format", None)], None),
    ([add("a~1b~0c", "x")], None),
    ([add("", "empty")], None),
    ([add("x", "1"), replace("x", "2"), remove("x")], None),
    ([replace("visibility", "public")], "local-admin"),
    ([remove("no_such")], None),
    ([replace("no_such", "x")], None),
    ([add("x", "1"), remove("no_such")], None),
    ([remove("name")], None),
    ([remove("tags")], None),
    ([remove("min_disk")], None),
    ([remove("visibility")], None),
    *(
        ([operation], None)
        for key in sorted((READ_ONLY - {"stores"}) | RESERVED | {"os_glance_x"})
        for operation in (add(key, "x"), replace(key, "x"), remove(key))
    ),
    ([add("stores", "x")], "stores-read-only"),
    ([replace("min_ram", -1)], None),
    ([replace("min_ram", 2147483648)], None),
    ([replace("min_ram", "1")], None),
    ([replace("protected", "true")], None),
    ([replace("visibility", "secret")], None),
    ([replace("name", "n" * 256)], None),
    ([replace("name", "\U0001f600")], None),
    ([replace("tags", "t")], None),
    ([replace("tags", [None])], None),
    ([replace("disk_format", "floppy")], None),
    ([add("p", 12)], None),
    ([add("p", None)], None),
    ([add("p", "\U0001f600")], None),
    ([add("p" * 256, "x")], "property-name-length"),
    ([add("p" * 255, "x")], None),
    ([add(f"p{i}", "") for i in range(127)], None),
    ([add(f"p{i}", "") for i in range(128)], None),
    ([add("tags", [f"t{i}" for i in range(129)])], None),
    ([{"op": "test", "path": "/name", "value": "before"}], None),
    ([{"op": "move", "path": "/name", "from": "/os_distro"}], None),
    ([{"op": "copy", "path": "/name", "from": "/os_distro"}], None),
    ([{"op": None, "path": "/name"}], None),
    ([{"path": "/name", "value": "x"}], None),
    ([{"op": "add", "path": "/name"}], None),
    ([{"op": "replace", "path": "/name"}], None),
    ([{"op": "add", "value": "x"}], None),
    ([{"op": "add", "path": "name", "value": "x"}], None),
    ([{"op": "add", "path": "", "value": "x"}], None),
    ([{"op": "add", "path": "/a//b", "value": "x"}], None),
    ([{"op": "add", "path": "//", "value": "x"}], None),
    ([{"op": "add", "path": "/a/b", "value": "x"}], None),
    ([{"op": "add", "path": "/tags/-", "value": "x"}], None),
    ([{"op": "add", "path": "/name/x", "value": "x"}], None),
    ([{"op": "add", "path": "/a/", "value": "x"}], None),
    ([{"op": "add", "path": "/a~2", "value": "x"}], None),
    ([{"op": "add", "path": "/a~", "value": "x"}], None),
    ([{"op": "add", "path": 5, "value": "x"}], "glance-500"),
    (["text"], None),
    ([[]], None),
    ([5], None),
]

OLD_OPERATIONS = [
    [{"replace": "/name", "value": "after"}],
    [{"add": "/new", "value": "x"}],
    [{"remove": "/os_distro"}],
    [{"add": "/os_distro", "value": "x"}],
    [{"add": "/name", "value": "x"}],
    [{"replace": "/no_such", "value": "x"}],
    [{"remove": "/no_such"}],
    [{"remove": "/name"}],
    [{"replace": "/status", "value": "active"}],
    [{"add": "/a", "replace": "/a", "value": "x"}],
    [{"value": "x"}],
    [{"add": "/a"}],
    [{"op": "add", "path": "/a", "value": "x"}],
]

# Differences that the image keeps.
LASTING = ("local-admin", "null-properties", "property-name-length", "stores-read-only")

PATCHES = [
    *(
        case(f"patch {i}", *IMAGE, patch(*operations, differs=differs), show(differs=again))
        for i, (operations, differs) in enumerate(OPERATIONS)
        for again in [differs if differs in LASTING else None]
    ),
    *(
        case(f"old patch {i}", *IMAGE, patch(*operations, media_type=OLD_JSON_PATCH), show())
        for i, operations in enumerate(OLD_OPERATIONS)
    ),
    case(
        "media types",
        *IMAGE,
        *(
            patch(replace("name", "x"), media_type=media_type)
            for media_type in (
                "application/json",
                "application/json-patch+json",
                "text/plain",
                "",
                f"{JSON_PATCH}; charset=utf-8",
            )
        ),
    ),
    case(
        "bodies that are no patch",
        *IMAGE,
        *(
            Step("PATCH", "/v2/images/@1", body, {"Content-Type": JSON_PATCH})
            for body in (b"", b"{", b"{}", b"3")
        ),
    ),
    case("a patch of no image", patch(replace("name", "x"), number=9)),
    case("a bad value for no image", patch(replace("visibility", "secret"), number=9)),
    case(
        "values are looked at first",
        *IMAGE,
        patch(remove("no_such"), replace("visibility", "secret")),
        patch(remove("no_such"), replace("min_ram", -1), differs="values-first"),
        patch(replace("no_such", "x"), add("name", "n" * 256)),
        show(),
    ),
    case(
        "formats after the data",
        active(),
        patch(replace("disk_format", "qcow2")),
        patch(replace("container_format", "ovf")),
        patch(replace("disk_format", "raw")),
        patch(add("disk_format", "iso")),
        show(),
    ),
]

# ── § 1.3: locations ──────────────────────────────────────────────────────────────────────────

ELSEWHERE = {"url": "http://127.0.0.1:1/x", "metadata": {}}
HASHES = {"os_hash_algo": "sha512", "os_hash_value": "0" * 128}


def location(operation, position="-", value=ELSEWHERE):
    result = {"op": operation, "path": f"/locations/{position}"}
    return result if operation == "remove" else result | {"value": value}


LOCATIONS = [
    *each(
        "location of a queued image",
        [create(disk_format="raw", container_format="bare")],
        [
            patch(location("add")),
            patch(location("add", "0")),
            patch(location("add", "x")),
            patch(location("add", value={"url": "file:///etc/passwd", "metadata": {}})),
            patch(location("add", value={"url": "nonsense", "metadata": {}})),
            patch(location("add", value={"url": "x" * 256, "metadata": {}})),
            patch(location("add", value={"url": "http://x/"})),
            patch(location("add", value={"metadata": {}})),
            patch(location("add", value={"url": 5, "metadata": {}})),
            patch(location("add", value={"url": "http://x/", "metadata": []})),
            patch(location("add", value="x")),
            patch(location("add", value=ELSEWHERE | {"validation_data": {}})),
            patch(location("add", value=ELSEWHERE | {"validation_data": HASHES | {"x": "y"}})),
            patch(location("add", value=ELSEWHERE | {"validation_data": HASHES})),
            patch(
                location(
                    "add", value=ELSEWHERE | {"validation_data": HASHES | {"os_hash_algo": "md5"}}
                )
            ),
            patch(
                location(
                    "add", value=ELSEWHERE | {"validation_data": HASHES | {"os_hash_value": "x"}}
                )
            ),
            patch(
                location(
                    "add", value=ELSEWHERE | {"validation_data": HASHES | {"checksum": "x" * 32}}
                )
            ),
            patch(location("remove", "0")),
            patch(replace("locations", [])),
            patch(replace("locations", [ELSEWHERE])),
            patch(replace("locations", "x")),
            patch(replace("locations", {})),
            patch(add("locations", [])),
            patch(remove("locations")),
            patch(location("replace", "0")),
            patch({"op": "add", "path": "/locations/0/url", "value": "x"}),
        ],
    ),
    *each(
        "location of an active image",
        active(),
        [
            patch(location("add")),
            patch(location("add", "7")),
            patch(location("remove", "0")),
            patch(location("remove", "7")),
            patch(location("remove", "x")),
            patch(replace("locations", [])),
            patch(replace("locations", [ELSEWHERE])),
            patch(location("add", value=ELSEWHERE | {"validation_data": HASHES})),
        ],
    ),
    case(
        "metadata of locations",
        active(),
        patch(
            replace(
                "locations",
                [{"url": "file://@store/@1", "metadata": {"store": "file", "k": "v"}}],
            )
        ),
        show(),
    ),
    case(
        "delete from a store",
        active(),
        delete("/v2/stores/file/@1"),
        delete("/v2/stores/nope/@1"),
        delete(f"/v2/stores/file/{NOBODY}"),
        create(2),
        delete("/v2/stores/file/@2"),
    ),
]

# ── § 1.4: data ───────────────────────────────────────────────────────────────────────────────

DATA = [
    case("upload and download", active(data=b"0123456789"), show(), get("/v2/images/@1/file")),
    case(
        "an empty image",
        active(data=b""),
        show(differs="virtual-size-of-nothing"),
        get("/v2/images/@1/file"),
    ),
    case("no data yet", create(), get("/v2/images/@1/file")),
    case("a second upload", active(), upload(b"other"), show()),
    case(
        "missing formats",
        create(),
        upload(b"data"),
        create(2, disk_format="raw"),
        upload(b"data", 2),
        create(3, container_format="bare"),
        upload(b"data", 3),
        show(),
    ),
    case(
        "wrong media types",
        create(disk_format="raw", container_format="bare"),
        upload(b"data", headers={"Content-Type": "application/json"}),
        upload(b"data", headers={"Content-Type": ""}),
        upload(b"data", headers={"Content-Type": "application/octet-stream; x=y"}),
        show(),
    ),
    case("upload to no image", upload(b"data", 9)),
    case(
        "stores by header",
        create(disk_format="raw", container_format="bare"),
        upload(b"data", headers=OCTETS | {"X-Image-Meta-Store": "nope"}),
        show(),
        upload(b"data", headers=OCTETS | {"X-Image-Meta-Store": "file"}),
        show(),
    ),
    case(
        "a signature that cannot be checked",
        create(
            disk_format="raw",
            container_format="bare",
            img_signature="c2ln",
            img_signature_hash_method="SHA-256",
            img_signature_key_type="RSA-PSS",
            img_signature_certificate_uuid=NOBODY,
        ),
        upload(b"data"),
        show(),
    ),
    *(
        case(
            f"range {i}",
            active(data=bytes(range(100))),
            get("/v2/images/@1/file", headers=headers, differs=differs),
        )
        for i, (headers, differs) in enumerate(
            [
                ({"Range": "bytes=0-9"}, None),
                ({"Range": "bytes=90-"}, None),
                ({"Range": "bytes=-10"}, None),
                ({"Range": "bytes=50-500"}, None),
                ({"Range": "bytes=-500"}, None),
                ({"Range": "bytes=100-"}, "416-with-size"),
                ({"Range": "bytes=9-1"}, "416-with-size"),
                ({"Range": "bytes=x"}, "416-with-size"),
                ({"Range": "lines=0-9"}, "416-with-size"),
                ({"Range": "bytes=0-1,3-4"}, None),
                ({"Content-Range": "bytes 2-5/*"}, None),
                ({"Content-Range": "bytes 2-500/*"}, "416-with-size"),
                ({"Content-Range": "nonsense"}, "416-with-size"),
            ]
        )
    ),
    case(
        "stage",
        create(),
        put("/v2/images/@1/stage", b"data", headers=OCTETS),
        show(),
        put("/v2/images/@1/stage", b"data", headers=OCTETS),
        upload(b"data"),
        get("/v2/images/@1/file"),
        delete("/v2/images/@1"),
        show(),
    ),
    case(
        "bad stages",
        create(),
        put("/v2/images/@1/stage", b"data", headers={"Content-Type": "text/plain"}),
        put(f"/v2/images/{NOBODY}/stage", b"data", headers=OCTETS),
        active(2),
        put("/v2/images/@2/stage", b"data", headers=OCTETS),
        show(),
        show(2),
    ),
]

# ── § 1.6–1.8, 1.10, 1.14: members, tags, actions, discovery ──────────────────────────────────

SHARED = [create(visibility="shared")]

MEMBERS = [
    case(
        "members",
        *SHARED,
        get("/v2/images/@1/members"),
        post("/v2/images/@1/members", {"member": "p2"}),
        post("/v2/images/@1/members", {"member": "p2"}),
        post("/v2/images/@1/members", {"member": "p1"}),
        get("/v2/images/@1/members"),
        get("/v2/images/@1/members/p2"),
        get("/v2/images/@1/members/p3"),
        put("/v2/images/@1/members/p2", {"status": "accepted"}),
        put("/v2/images/@1/members/p2", {"status": "accepted"}),
        put("/v2/images/@1/members/p3", {"status": "accepted"}),
        delete("/v2/images/@1/members/p2"),
        delete("/v2/images/@1/members/p2"),
        post("/v2/images/@1/members", {"member": "p2"}),
        get("/v2/images/@1/members"),
    ),
    *each(
        "bad member",
        SHARED,
        [
            post("/v2/images/@1/members", b""),
            post("/v2/images/@1/members", b"{"),
            post("/v2/images/@1/members", {}),
            post("/v2/images/@1/members", []),
            post("/v2/images/@1/members", {"member": ""}),
            post("/v2/images/@1/members", {"member": 5}, differs="member-strings"),
            post("/v2/images/@1/members", {"member": "\U0001f600"}),
            post("/v2/images/@1/members", {"member": "m" * 256}, differs="member-strings"),
        ],
    ),
    *each(
        "bad answer",
        [*SHARED, post("/v2/images/@1/members", {"member": "p2"})],
        [
            put("/v2/images/@1/members/p2", b""),
            put("/v2/images/@1/members/p2", {}),
            put("/v2/images/@1/members/p2", []),
            put("/v2/images/@1/members/p2", {"status": "maybe"}),
            put("/v2/images/@1/members/p2", {"status": 5}),
        ],
    ),
    *(
        case(
            f"no members of {visibility} images",
            create(visibility=visibility),
            get("/v2/images/@1/members"),
            post("/v2/images/@1/members", {"member": "p2"}),
            get("/v2/images/@1/members/p2"),
            put("/v2/images/@1/members/p2", {"status": "accepted"}),
            delete("/v2/images/@1/members/p2"),
        )
        for visibility in ("private", "community")
    ),
    case(
        "tags",
        create(tags=["old"]),
        put("/v2/images/@1/tags/new"),
        put("/v2/images/@1/tags/new"),
        show(),
        put("/v2/images/@1/tags/Old"),
        put("/v2/images/@1/tags/a%20b%2Cc"),
        put("/v2/images/@1/tags/a%2Fb", differs="slash-in-segments"),
        put("/v2/images/@1/tags/" + "t" * 256),
        put(f"/v2/images/{NOBODY}/tags/t"),
        delete("/v2/images/@1/tags/old"),
        delete("/v2/images/@1/tags/old"),
        delete(f"/v2/images/{NOBODY}/tags/t"),
        delete("/v2/images/@1/tags/a%2Fb", differs="slash-in-segments"),
        show(),
    ),
    case(
        "repeated slashes",
        create(visibility="shared"),
        get("//v2/images?name=nobody"),
        get("/v2//images?name=nobody"),
        get("/v2//images/@1"),
        get("/v2/images///@1"),
        get("//v2//images//@1///members"),
        get("/v2/schemas//image"),
        put("/v2/images/@1/tags//t"),
        delete("/v2/images/@1/tags//t"),
        put("/v2/images/@1/tags/a//b"),
        get("/v2/images/"),
        get("/v2/images//"),
        get("/v2/images/@1/"),
        get("/v2/images/@1//"),
        get("/v2//"),
        get("//v2/"),
        get("//"),
        get("//versions"),
        get("/versions//"),
        get("//healthcheck"),
        get("/healthcheck//"),
    ),
    case("too many tags", create(tags=[f"t{i}" for i in range(128)]), put("/v2/images/@1/tags/x")),
    case("an emoji as tag", create(), put("/v2/images/@1/tags/%F0%9F%98%80", differs="emoji-tag")),
    case(
        "actions",
        active(),
        post("/v2/images/@1/actions/deactivate"),
        show(),
        post("/v2/images/@1/actions/deactivate"),
        get("/v2/images/@1/file"),
        patch(replace("name", "x")),
        upload(b"x"),
        post("/v2/images/@1/actions/reactivate"),
        show(),
        post("/v2/images/@1/actions/reactivate"),
        create(2),
        post("/v2/images/@2/actions/deactivate"),
        post("/v2/images/@2/actions/reactivate"),
        post(f"/v2/images/{NOBODY}/actions/deactivate"),
        post("/v2/images/@1/actions/nothing"),
    ),
    case("import methods", get("/v2/info/import", differs="later")),
    case("stores", get("/v2/info/stores")),
    case("stores in detail", get("/v2/info/stores/detail", differs="local-admin")),
    case("usage", get("/v2/info/usage")),
    case("schemas", get("/v2/schemas/nope"), get("/v2/schemas/member"), get("/v2/schemas/members")),
    case(
        "the image's schema",
        get("/v2/schemas/image"),
        get("/v2/schemas/images"),
    ),
    case(
        "later routes",
        get("/v2/tasks", differs="later"),
        get("/v2/cache", differs="later"),
        get("/v2/metadefs/namespaces", differs="later"),
        get("/v2/schemas/task", differs="later"),
        get("/v2/schemas/metadefs/namespace", differs="later"),
        post("/v2/images/@1/import", {"method": {"name": "glance-direct"}}),
    ),
]

# ── § 3: lists ────────────────────────────────────────────────────────────────────────────────

FLEET = [
    *active(1, b"1", name="small", min_ram=64, os_distro="debian", fleet="x"),
    *active(2, b"12345", name="large", min_disk=3, os_distro="debian", os_type="x", fleet="x"),
    create(3, name="a,b", protected=True, visibility="private", fleet="x", tags=["t", "u"]),
    create(4, name="eq:c", disk_format="iso", fleet="x", tags=["t"]),
    create(5, name="", visibility="community", owner="p2", os_distro="", fleet="x"),
    create(6, name="hidden", os_hidden=True, fleet="x"),
]

QUERIES = [
    "",
    "limit=2",
    "limit=0",
    "limit=5000",
    "limit=-1",
    "limit=x",
    "limit=",
    "limit= 2",
    "marker=@4",
    "marker=@4&limit=1",
    f"marker={NOBODY}",
    "marker=nope",
    "marker=",
    *(
        f"sort_key={key}&sort_dir={direction}"
        for key in "name status container_format disk_format size id created_at updated_at".split()
        for direction in ("asc", "desc")
    ),
    "sort_key=name",
    "sort_dir=asc",
    "sort_key=status&sort_key=name&sort_dir=asc&sort_dir=desc",
    "sort_key=min_ram",
    "sort_key=tags",
    "sort_key=name&sort_dir=up",
    "sort_key=name&sort_key=id&sort_key=size&sort_dir=asc&sort_dir=asc",
    "sort=name",
    "sort=name:asc",
    "sort=name:",
    "sort=status:asc,name:desc",
    "sort= name : asc ",
    "sort=tags",
    "sort=name:up",
    "sort=",
    "sort=name&sort_key=name",
    "sort_key=name&sort_dir=asc&marker=@1",
    "sort_key=size&sort_dir=desc&marker=@1&limit=2",
    "sort_key=size&sort_dir=asc&marker=@2",
    "sort_key=disk_format&sort_dir=asc&marker=@4",
    "sort_key=disk_format&sort_dir=desc&marker=@4",
    "name=small",
    "name=Small",
    "name=eq:small",
    "name=in:small,large",
    'name=in:"a,b",small',
    "name=in:",
    "name=eq:eq:c",
    "name=eq:c",
    "name=foo:bar",
    "name=neq:small",
    'name=in:"a',
    'name=in:a"b"',
    'name=in:"a"b',
    "name=",
    "name=&visibility=all",
    "name=small&name=large",
    "status=active",
    "status=in:active,queued",
    "status=nonsense",
    "status=gt:active",
    "disk_format=raw",
    "disk_format=in:iso,qcow2",
    "container_format=bare",
    "id=@1",
    "id=in:@1,@2",
    "size=5",
    "size=five",
    "size_min=2",
    "size_max=2",
    "size_min=1&size_max=5",
    "size_min=x",
    "size_min=",
    "min_ram=64",
    "min_ram_min=1",
    "min_disk_max=2",
    "virtual_size_min=2",
    "protected=true",
    "protected=false",
    "protected=True",
    "protected=",
    "os_hidden=true",
    "os_hidden=True",
    "os_hidden=false",
    "os_hidden=x",
    "visibility=private",
    "visibility=public",
    "visibility=shared",
    "visibility=community",
    "visibility=all",
    "visibility=Public",
    "visibility=",
    "member_status=all",
    "member_status=pending",
    "member_status=maybe",
    "member_status=",
    "owner=p2",
    "owner=p2&visibility=all",
    "tag=t",
    "tag=t&tag=u",
    "tag=t&tag=v",
    "tag=T",
    "tag=",
    "os_distro=debian",
    "os_distro=debian&os_type=x",
    "os_distro=ubuntu",
    "os_distro=&visibility=all",
    "no_such_property=x",
    "is_public=true",
    "deleted=true",
    "os_hash_algo=sha512",
    "checksum=827ccb0eea8a706c4c34a16891f84e7b",
    "checksum=in:827ccb0eea8a706c4c34a16891f84e7b",
    "created_at=gt:2020-01-01",
    "created_at=lt:2020-01-01T00:00:00Z",
    "created_at=gte:2020-01-01T00:00:00%2B01:00",
    "created_at=2020-01-01T00:00:00Z",
    "created_at=neq:2020-01-01T00:00:00Z",
    "created_at=foo:2020-01-01",
    "created_at=yesterday",
    "updated_at=lte:2020",
    "updated_at=gt:",
    "changes-since=2020-01-01",
]

# What Glance answers otherwise, and why.
QUERY_DIFFERENCES = {
    "sort_key=status&sort_key=name&sort_dir=asc&sort_dir=desc": "links-keep-repetitions",
    "name=small&name=large": "links-keep-repetitions",
    "tag=t&tag=u": "links-keep-repetitions",
    "tag=t&tag=v": "links-keep-repetitions",
}

FAILING_QUERIES = ["foo_min=1", "name_max=1", "locations=x", "properties=x", "changes-since="]

LISTS = [
    Case(
        "lists",
        FLEET
        + [
            listing(f"{query}&fleet=x".lstrip("&"), differs=QUERY_DIFFERENCES.get(query))
            for query in QUERIES
        ]
        + [listing(f"{query}&fleet=x", differs="glance-500") for query in FAILING_QUERIES],
    ),
]

CASES = GENERAL + IMAGES + PATCHES + LOCATIONS + DATA + MEMBERS + LISTS


@pytest.mark.parametrize("case", CASES, ids=str)
def test_both_answer_alike(servers, case):
    theirs, ours = servers
    wrong = []
    for step in case.steps:
        real_response, expected = theirs.answer(case, step)
        response, answer = ours.answer(case, step)
        if answer["status"] >= 500 and step.method != "BREW":
            wrong.append((step, "failed", response))
        elif (answer == expected) == (step.differs is not None):
            wrong.append((step, {"glance": expected, "bridge": answer}, real_response.body))
    assert not wrong, "\n".join(f"{step}\n    {what}\n    {body}" for step, what, body in wrong)


def test_every_documented_difference_occurs_and_no_other():
    used = {step.differs for case in CASES for step in case.steps if step.differs}
    documented = documented_differences()
    assert sorted(documented) == sorted(set(documented))
    assert used == set(documented)


def test_there_are_some_hundreds_of_requests():
    assert sum(len(case.steps) for case in CASES) > 700

# SPDX-License-Identifier: Apache-2.0
"""What an image is and what a PATCH does to it, in a few lines of Python: the tests' own idea of it.

A value that the model refuses raises Refused with the status; everything else is an image as a
dict of its settable attributes and properties.
"""

DEFAULTS = {
    "name": None,
    "visibility": "shared",
    "protected": False,
    "os_hidden": False,
    "owner": None,
    "disk_format": None,
    "container_format": None,
    "min_disk": 0,
    "min_ram": 0,
    "tags": [],
}
READ_ONLY = {
    "id",
    "status",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "created_at",
    "updated_at",
    "direct_url",
    "self",
    "file",
    "schema",
    "stores",
}
RESERVED = {"location", "deleted", "deleted_at"}
VISIBILITIES = {"public", "private", "shared", "community"}
DISK_FORMATS = {"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"}
CONTAINER_FORMATS = {"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"}
MAX_INT = 2**31 - 1
QUOTA = 128


class Refused(Exception):
    def __init__(self, status):
        super().__init__(status)
        self.status = status


def require(condition, status=400):
    if not condition:
        raise Refused(status)


def is_integer(value):
    if isinstance(value, float):
        return value.is_integer() and abs(value) <= 2**53
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def check_text(text, longest=None):
    require("\0" not in text)
    require(all(ord(c) <= 0xFFFF for c in text))
    require(longest is None or len(text) <= longest)


def check_type(name, value):
    """What the kind of a JSON value alone decides."""
    if name in ("protected", "os_hidden"):
        require(isinstance(value, bool))
    elif name in ("min_disk", "min_ram"):
        require(is_integer(value))
    elif name == "tags":
        require(isinstance(value, list) and all(isinstance(tag, str) for tag in value))
    elif name in ("name", "owner", "disk_format", "container_format"):
        require(value is None or isinstance(value, str))
    else:
        require(isinstance(value, str))


def checked(name, value):
    """The value as an image keeps it."""
    if name in ("name", "owner") and value is not None:
        check_text(value, 255)
    elif name == "visibility":
        require(value in VISIBILITIES)
    elif name == "disk_format":
        require(value is None or value in DISK_FORMATS)
    elif name == "container_format":
        require(value is None or value in CONTAINER_FORMATS)
    elif name in ("min_disk", "min_ram"):
        require(0 <= value <= MAX_INT)
        return int(value)
    elif name == "tags":
        for tag in value:
            check_text(tag, 255)
        require(len(set(value)) <= QUOTA, 413)
        return sorted(set(value))
    elif name not in DEFAULTS:
        check_text(name, 255)
        check_text(value)
    return None if name == "owner" and value == "" else value


def refuse_unsettable(name):
    reserved = name in RESERVED or name == "locations" or name.startswith("os_glance")
    require(not reserved and name not in READ_ONLY, 403)


def properties(image):
    return [name for name in image if name not in DEFAULTS]


def holds_nul(value):
    """Anywhere in a JSON document, keys included."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(map(holds_nul, value))
    if isinstance(value, dict):
        return any(map(holds_nul, value)) or any(map(holds_nul, value.values()))
    return False


def created(body):
    """The image that POST makes of the body."""
    require(not holds_nul(body))
    for name, value in body.items():
        refuse_unsettable(name)
        check_type(name, value)
    image = dict(DEFAULTS)
    image |= {name: checked(name, value) for name, value in body.items()}
    require(len(properties(image)) <= QUOTA, 413)
    return image


def parsed(operation):
    """(verb, name, value) of one operation of a v2.1 patch."""
    require(isinstance(operation, dict))
    verb, pointer = operation.get("op"), operation.get("path")
    require(verb in ("add", "replace", "remove"))
    require(isinstance(pointer, str) and pointer.startswith("/"))
    tokens = pointer[1:]
    require("//" not in pointer and (not tokens or not pointer.endswith("/")))
    require("~" not in tokens.replace("~0", "").replace("~1", ""))
    require("/" not in tokens)
    name = tokens.replace("~1", "/").replace("~0", "~")
    require(name != "locations")
    require(verb == "remove" or "value" in operation)
    refuse_unsettable(name)
    if verb != "remove":
        check_type(name, operation["value"])
    return verb, name, operation.get("value")


def patched(image, operations):
    """The image after the patch; all of it or, by an exception, nothing."""
    require(not holds_nul(operations))
    changes = [parsed(operation) for operation in operations]
    changes = [
        (verb, name, value if verb == "remove" else checked(name, value))
        for verb, name, value in changes
    ]
    image = dict(image)
    for verb, name, value in changes:
        if name in DEFAULTS:
            require(verb != "remove", 403)
            image[name] = value
            continue
        require(verb == "add" or name in image, 409)
        if verb == "remove":
            del image[name]
            continue
        require(name in image or len(properties(image)) < QUOTA, 413)
        image[name] = value
    return image

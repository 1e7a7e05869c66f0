# SPDX-License-Identifier: Apache-2.0
"""The same requests to a real Glance and to the bridge, and what of the answers must be equal."""

import json
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from support.processes import REPOSITORY
from support.rest import JSON_PATCH, OCTETS

OLD_JSON_PATCH = "application/openstack-images-v2.0-json-patch"
DOCUMENT = REPOSITORY / "docs/differences.md"

# What clients read of an answer's head.
HEADERS = (
    "Accept-Patch",
    "Allow",
    "Content-MD5",
    "Content-Range",
    "Content-Type",
    "Location",
    "OpenStack-image-store-ids",
)
TIMES = ("created_at", "updated_at")
UNORDERED = ("tags",)
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
NAMESPACE = uuid.UUID("6d0f0920-4a9b-44ff-b19e-84ddbce7b77b")


@dataclass
class Step:
    """One request. `@1`, `@2`, … in path and body stand for the case's own image ids."""

    method: str
    path: str
    body: object = None
    headers: dict = field(default_factory=dict)
    differs: str | None = None  # the name of the difference, as docs/differences.md lists it


@dataclass
class Case:
    name: str
    steps: list

    def __str__(self):
        return self.name

    def image_id(self, number):
        return str(uuid.uuid5(NAMESPACE, f"{self.name} {number}"))

    def filled(self, text):
        return re.sub(r"@(\d)", lambda match: self.image_id(match[1]), text)


def get(path, **options):
    return Step("GET", path, **options)


def delete(path, **options):
    return Step("DELETE", path, **options)


def post(path, body=None, **options):
    return Step("POST", path, body, **options)


def put(path, body=None, **options):
    return Step("PUT", path, body, **options)


def create(number=1, differs=None, **attributes):
    return post("/v2/images", {"id": f"@{number}", **attributes}, differs=differs)


def show(number=1, **options):
    return get(f"/v2/images/@{number}", **options)


def upload(data, number=1, headers=None, **options):
    return put(f"/v2/images/@{number}/file", data, headers=headers or OCTETS, **options)


def active(number=1, data=b"data", **attributes):
    """The steps that make an active raw image."""
    formats = {"disk_format": "raw", "container_format": "bare"}
    return [create(number, **formats | attributes), upload(data, number)]


def patch(*operations, number=1, media_type=JSON_PATCH, **options):
    headers = {"Content-Type": media_type}
    return Step("PATCH", f"/v2/images/@{number}", list(operations), headers, **options)


def add(key, value):
    return {"op": "add", "path": f"/{key}", "value": value}


def replace(key, value):
    return {"op": "replace", "path": f"/{key}", "value": value}


def remove(key):
    return {"op": "remove", "path": f"/{key}"}


def listing(query, **options):
    """A list of the images that one case has made: they have its own property."""
    return get(f"/v2/images?{query}", **options)


class Server:
    """One of the two; `store` is the directory that its locations lie in."""

    def __init__(self, rest, store):
        self.rest = rest
        self.store = str(Path(store))

    def answer(self, case, step):
        """What of the server's answer must be equal to the other's."""
        path = case.filled(step.path)
        body = step.body
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        if body is not None:
            text = body.decode("latin-1").replace("@store", self.store)
            body = case.filled(text).encode("latin-1")
        path = quote(path, safe="/?&=%:,+~-._\"'()*!$;@[]|\\<>^`{}#")
        response = self.rest.request(step.method, path, body, step.headers)
        return response, self._normalized(step, response)

    def _normalized(self, step, response):
        headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
        if not response.body:
            headers.pop("Content-Type", None)  # of nothing: Glance calls it HTML
        # Elsewhere only the bridge has one, and no two are the same.
        if step.path.startswith("/v2/") and step.method != "OPTIONS":
            headers["X-Openstack-Request-Id"] = "X-Openstack-Request-Id" in response.headers
        result = {"status": response.status, "headers": headers}
        if "Location" in headers:
            headers["Location"] = headers["Location"].replace(self.rest.url, "URL")
        if headers.get("Content-Type") == "application/json":
            text = response.body.decode().replace(self.rest.url, "URL").replace(self.store, "STORE")
            result["json"] = normalized_json(json.loads(text))
            if step.path.startswith("/v2/schemas/"):
                result["json"] = without_descriptions(result["json"])
        elif response.status < 300:
            result["body"] = response.body
        return result


def normalized_json(value):
    """Without what no two servers have in common; the wording of errors is each one's own."""
    if isinstance(value, list):
        return [normalized_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    if {"message", "code", "title"} == value.keys():
        return {"code": value["code"], "title": value["title"]}
    result = {key: normalized_json(part) for key, part in value.items()}
    for key in TIMES:
        if TIME.match(str(result.get(key, ""))):
            result[key] = "TIME"
    for key in UNORDERED:
        if isinstance(result.get(key), list):
            result[key] = sorted(result[key])
    return result


def without_descriptions(schema):
    """Descriptions are for people, and in each one's own words."""
    if isinstance(schema, list):
        return [without_descriptions(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: without_descriptions(part) for key, part in schema.items()}
    if isinstance(parts.get("description"), str):
        del parts["description"]
    return parts


def documented_differences():
    """The names in docs/differences.md that stand in backquotes at the beginning of a table's row."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE)

# SPDX-License-Identifier: Apache-2.0
"""A tiny client of the Image API on http.client: no proxies, no retries, no hidden headers."""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from support.processes import SLOW

JSON_PATCH = "application/openstack-images-v2.1-json-patch"
OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        assert self.headers["Content-Type"] == "application/json", self
        return json.loads(self.body)


class Rest:
    """One connection per request, so that threads can share a client."""

    def __init__(self, url, context=None):
        self.url = url
        self.patience = 30 * SLOW  # seconds without a byte
        self.context = context  # of TLS
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    def connect(self):
        if self.url.startswith("https:"):
            return http.client.HTTPSConnection(
                self.host, self.port, timeout=self.patience, context=self.context
            )
        return http.client.HTTPConnection(self.host, self.port, timeout=self.patience)

    def request(self, method, path, body=None, headers=None, expect=None):
        """Sends a request; a dict or list as body goes as JSON, and whatever else without a type of
        its own is said to be JSON. `expect` is the status wanted."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        if body is not None:
            headers = {"Content-Type": "application/json"} | (headers or {})
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            response = Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        if expect is not None:
            assert response.status == expect, (method, path, response)
        return response

    def begin_put(self, path, size, sent):
        """A PUT of `size` octets, of which those in `sent` have been sent; returns its connection,
        which the caller closes."""
        connection = self.connect()
        connection.putrequest("PUT", path)
        for name, value in (OCTETS | {"Content-Length": str(size)}).items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(sent)
        return connection

    def create(self, **attributes):
        """POST /v2/images; returns the new image."""
        return self.request("POST", "/v2/images", attributes, expect=201).json()

    def create_raw(self, name, data, **attributes):
        """A raw image with data; returns it as it is then."""
        attributes = {"disk_format": "raw", "container_format": "bare", **attributes}
        image = self.create(name=name, **attributes)
        self.put_data(image["id"], data, expect=204)
        return self.image(image["id"])

    def image(self, image_id):
        return self.request("GET", f"/v2/images/{image_id}", expect=200).json()

    def patch(self, image_id, *operations, media_type=JSON_PATCH, expect=200):
        headers = {"Content-Type": media_type}
        path = f"/v2/images/{image_id}"
        return self.request("PATCH", path, list(operations), headers, expect=expect)

    def replace(self, image_id, key, value):
        """Sets one attribute or property."""
        self.patch(image_id, {"op": "add", "path": f"/{key}", "value": value})

    def delete(self, image_id, expect=204):
        return self.request("DELETE", f"/v2/images/{image_id}", expect=expect)

    def put_data(self, image_id, data, headers=None, expect=None):
        headers = OCTETS | (headers or {})
        return self.request("PUT", f"/v2/images/{image_id}/file", data, headers, expect=expect)

    def get_data(self, image_id, headers=None, expect=None):
        return self.request("GET", f"/v2/images/{image_id}/file", None, headers, expect=expect)

    def download(self, image_id):
        return self.get_data(image_id, expect=200).body

    def list_page(self, path=None, **query):
        """One page of images, as the server answers it."""
        path = path or "/v2/images" + (f"?{urlencode(query, doseq=True)}" if query else "")
        return self.request("GET", path, expect=200).json()

    def images(self, **query):
        """All images, page by page."""
        page = self.list_page(**query)
        images = page["images"]
        while "next" in page:
            page = self.list_page(page["next"])
            images += page["images"]
        return images

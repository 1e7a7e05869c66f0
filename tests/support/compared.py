# SPDX-License-Identifier: Apache-2.0
"""The same client commands against the real Glance and the bridge, compared by what they print."""

import json
import re

from support.clients import GlanceCli, OpenStackCli

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TAGS = re.compile(r'\["[^\]]*"\]')
# What follows is the wording of an error, which is each server's own.
WORDING = re.compile(r"(Client Error for url: [^,\s]+|HTTP \d{3} [A-Z][A-Za-z ]*)[,:] .*")
PADDING = re.compile(r"[ -]{2,}")


def canonical(text):
    """JSON in one order of its keys and tags; other text as it is, but for lists of tags."""
    try:
        return json.dumps(ordered(json.loads(text)), indent=1)
    except ValueError:
        return TAGS.sub(lambda tags: str(sorted(json.loads(tags[0]))), text)


def ordered(value):
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        values = [ordered(each) for each in value]
        return sorted(values) if all(isinstance(each, str) for each in values) else values
    return value


class Site:
    """A server, and a user's home with the clients pointed at it."""

    def __init__(self, warm, name, url, store, folder):
        self.name = name
        self.url = url
        self.folder = folder
        self._store = str(store)
        folder.mkdir()
        self.openstack = OpenStackCli(warm, url, folder / "home")
        self.glance = GlanceCli(warm, url, folder / "home")

    def path(self, name):
        """A file of this site's user."""
        return self.folder / name

    def run(self, client, *words):
        """Runs a command; returns its exit code and what it printed, without what no two share."""
        words = [str(word).replace("@home", str(self.folder)) for word in words]
        result = getattr(self, client)(*words, check=False)
        return result.returncode, self._normalized(result.stdout), self._normalized(result.stderr)

    def _normalized(self, text):
        text = text.replace(self.url, "URL").replace(self._store, "STORE")
        text = text.replace(str(self.folder), "HOME")
        text = canonical(text)
        numbers = {}
        text = UUID.sub(lambda id_: f"ID{numbers.setdefault(id_[0], len(numbers) + 1)}", text)
        text = TIME.sub("TIME", text)
        text = WORDING.sub(r"\1", text)
        # The widths of tables follow from the widths of what stands in them.
        return PADDING.sub(" ", text)


def assert_same(sites, client, *words, status=0):
    """The command does the same on both sites, and exits as expected; returns what it printed."""
    real, ours = (site.run(client, *words) for site in sites)
    assert ours == real, words
    assert ours[0] == status, (words, ours)
    return ours[1]

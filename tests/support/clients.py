# SPDX-License-Identifier: Apache-2.0
"""The command-line clients that users have: openstack and glance."""

import json
import re

from support.processes import SLOW, environment, run, successful, words


class Cli:
    """A client with a home of its own, whose caches no other test sees.

    `warm` (WarmPrograms) runs it.
    """

    def __init__(self, warm, home, *command):
        home.mkdir(exist_ok=True)
        self._warm = warm
        self._home = home
        self._command = command

    def __call__(self, *arguments, check=True, **options):
        command = words(self._command + arguments)
        result = self._warm.run(command, environment(self._home), 60 * SLOW, **options)
        return successful(result) if check else result

    def cold(self, *arguments):
        """The same by exec(2), as a user's shell does it."""
        return run(*self._command, *arguments, home=self._home, check=False)


class OpenStackCli(Cli):
    def __init__(self, warm, url, home):
        command = ("/usr/bin/openstack", "--os-auth-type", "none", "--os-endpoint", url)
        super().__init__(warm, home, *command)

    def json(self, *arguments):
        return json.loads(self(*arguments, "-f", "json").stdout)


class GlanceCli(Cli):
    def __init__(self, warm, url, home):
        # The Keystone URL is never contacted; it keeps the schema cache out of the way.
        keystone = "http://127.0.0.1:1"
        options = ("--os-auth-token", "x", "--os-image-url", url, "--os-auth-url", keystone)
        super().__init__(warm, home, "/usr/bin/glance", *options)

    def record(self, *arguments):
        """The property table that a command prints, as a dict."""
        rows = table_rows(self(*arguments).stdout)
        assert rows[0] == ["Property", "Value"]
        record = {}
        for key, value in rows[1:]:
            if key:
                last = key
                record[key] = value
            else:  # a long value goes on in the next line
                record[last] += value
        return record

    def image_list(self):
        rows = table_rows(self("image-list").stdout)
        assert rows[0] == ["ID", "Name"]
        return {name: image_id for image_id, name in rows[1:]}


def table_rows(text):
    """The cells of a table drawn with `|`."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"\s\|\s?", line[1:].rstrip("|") + " ")[:2]]
            for line in lines]

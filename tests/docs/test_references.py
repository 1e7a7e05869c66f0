# SPDX-License-Identifier: Apache-2.0
"""What comments refer to is in docs/: `docs/NAME.md, "Section"`, also over a line's end."""

import re

import pytest

from support.processes import REPOSITORY

FOLDERS = ("catalog", "fusefs", "api-bridge", "mount.glance")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for ending in ("*.h", "*.cc")
    for path in (REPOSITORY / folder).rglob(ending)
)
REFERENCE = re.compile(r'\bdocs/([\w./-]+\.md)((?:, | and )"[^"]+")*')


def references(path):
    """(document, section or None) of every reference in the file's comments."""
    text = re.sub(r"\n\s*///? ", " ", path.read_text(encoding="utf-8"))
    for match in REFERENCE.finditer(text):
        sections = re.findall(r'"([^"]+)"', match[0]) or [None]
        yield from ((match[1], section) for section in sections)


REFERENCES = sorted(
    {(*found, path.relative_to(REPOSITORY).as_posix()) for path in SOURCES for found in references(path)},
    key=str,
)


def headings(document):
    text = (REPOSITORY / "docs" / document).read_text(encoding="utf-8")
    return re.findall(r"(?m)^#+ (.+)$", text)


def test_there_are_references():
    assert {document for document, *_ in REFERENCES} >= {"image-api.md", "catalog-format.md"}


@pytest.mark.parametrize("document, section, source", REFERENCES)
def test_what_a_comment_refers_to_is_there(document, section, source):
    assert (REPOSITORY / "docs" / document).is_file()
    assert section is None or section in headings(document)

# SPDX-License-Identifier: Apache-2.0
"""The user guide names the tests that show its rows: each of them must exist."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NAMED = re.findall(r"(test_\w+\.py)::(test_\w+)", (REPOSITORY / "docs/guide.md").read_text())


ROWS = [
    line.strip("|").split("|")
    for line in (REPOSITORY / "docs/guide.md").read_text().splitlines()
    if line.startswith("| ") and not line.endswith("| shown by |")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip())
def test_every_row_is_shown_by_a_test(row):
    assert re.search(r"test_\w+\.py::test_\w+", row[-1]), "name the test that shows it"


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)), ids=str)
def test_a_test_that_the_guide_names_exists(file, name):
    sources = [path.read_text() for path in (REPOSITORY / "tests").rglob(file)]
    assert any(f"def {name}(" in source for source in sources)

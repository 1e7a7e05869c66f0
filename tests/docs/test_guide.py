# SPDX-License-Identifier: Apache-2.0
"""The user guide names the tests that show its rows: each of them must exist."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NAMED = re.findall(r"(test_\w+\.py)::(test_\w+)", (REPOSITORY / "docs/guide.md").read_text())


def test_the_guide_names_tests():
    assert len(NAMED) > 50


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)), ids=str)
def test_a_test_that_the_guide_names_exists(file, name):
    sources = [path.read_text() for path in (REPOSITORY / "tests").rglob(file)]
    assert any(f"def {name}(" in source for source in sources)

# SPDX-License-Identifier: Apache-2.0
"""script/rooms: the sources include each other as the table in docs/architecture.md says."""

import pytest

from support.processes import REPOSITORY, run

ROWS = [
    ("catalog", "its rooms"),
    ("catalog/base", "nothing of ours"),
    ("catalog/model", "`base/`"),
    ("catalog/rows", "`model/`"),
    ("catalog/tool", "`catalog/`"),
    ("door", "`catalog/`"),
    ("tests", "anything"),
]
SOURCES = {
    "catalog/catalog.h": ["catalog/rows/rows.h"],
    "catalog/base/error.h": [],
    "catalog/model/image.h": ["catalog/base/error.h", "version.h"],
    "catalog/rows/rows.h": ["catalog/model/image.h", "catalog/base/error.h"],
    "catalog/tool/main.cc": ["catalog/catalog.h", "catalog/base/error.h"],
    "door/main.cc": ["catalog/catalog.h", "catalog/model/image.h"],
    "tests/unit/door/main_test.cc": ["catalog/tool/main.h", "door/main.h"],
    "build/dev/generated.cc": ["door/main.h"],
}


class House:
    """A tree with a table and sources of its own."""

    def __init__(self, root):
        self.root = root
        self.rows = dict(ROWS)
        for path, names in SOURCES.items():
            self.add(path, *(f'"{name}"' for name in names))

    def add(self, path, *names):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#pragma once\n" + "".join(f"#include {name}\n" for name in names))

    def faults(self):
        lines = [f"| `{folder}/` | what is there | {text} |" for folder, text in self.rows.items()]
        table = self.root / "docs" / "architecture.md"
        table.parent.mkdir(exist_ok=True)
        table.write_text("\n".join(["| folder | what | includes |", "|---|---|---|", *lines, ""]))
        result = run(REPOSITORY / "script" / "rooms", self.root, check=False)
        assert result.stderr == ""
        assert result.returncode == (1 if result.stdout else 0)
        return result.stdout.splitlines()


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_the_repository_is_as_its_table_says():
    assert run(REPOSITORY / "script" / "rooms").stdout == ""


def test_what_the_rows_list_and_what_those_include_is_allowed(house):
    assert house.faults() == []


@pytest.mark.parametrize(
    "path, name, allowed",
    [
        ("catalog/model/image.cc", "catalog/rows/rows.h", "catalog/base/, catalog/model/"),
        ("catalog/base/error.cc", "catalog/model/image.h", "catalog/base/"),
        ("catalog/rows/rows.cc", "catalog/catalog.h", "catalog/base/, catalog/model/, catalog/rows/"),
        ("catalog/catalog.cc", "door/main.h", "catalog/, catalog/base/, catalog/model/, catalog/rows/"),
        (
            "door/main.h",
            "catalog/tool/main.h",
            "catalog/, catalog/base/, catalog/model/, catalog/rows/, door/",
        ),
    ],
)
def test_an_arrow_that_is_not_in_the_table_is_named(house, path, name, allowed):
    house.add(path, '"version.h"', f'"{name}"')
    folder = path.rpartition("/")[0]
    assert house.faults() == [
        f"{path}:3: {name} is out of reach for {folder}/; "
        f"its row in docs/architecture.md allows {allowed}"
    ]


def test_includes_are_written_from_the_root(house):
    house.add("catalog/model/image.cc", '"image.h"')
    assert house.faults() == [
        'catalog/model/image.cc:2: image.h is to be written from the root: "catalog/model/image.h"'
    ]


@pytest.mark.parametrize(
    "name, library, folders",
    [
        ("<soci/soci.h>", "SOCI and SQLite", "catalog/database/, catalog/rows/, tests/unit/catalog/"),
        ("<sqlite3.h>", "SOCI and SQLite", "catalog/database/, catalog/rows/, tests/unit/catalog/"),
        ("<boost/asio/post.hpp>", "Beast and Asio", "api-bridge/http_server/"),
        ("<boost/beast.hpp>", "Beast and Asio", "api-bridge/http_server/"),
        ("<fuse_lowlevel.h>", "FUSE", "fusefs/"),
        ("<linux/fuse.h>", "FUSE", "fusefs/"),
    ],
)
def test_a_library_is_known_where_it_belongs(house, name, library, folders):
    house.add("door/door.h", "<boost/url.hpp>", name)
    plain = name.strip("<>")
    assert house.faults() == [f"door/door.h:3: {plain} is {library}, known to {folders} only"]


def test_soci_is_for_the_rows(house):
    house.add("catalog/rows/sql.h", "<soci/soci.h>")
    assert house.faults() == []


def test_every_folder_with_sources_has_a_row(house):
    house.add("catalog/attic/old.cc")
    assert house.faults() == ["catalog/attic/ has no row in docs/architecture.md"]


def test_every_row_has_a_folder(house):
    house.rows["catalog/cellar"] = "nothing of ours"
    assert house.faults() == ["docs/architecture.md: catalog/cellar/ has a row, but no sources"]


def test_arrows_make_no_cycle(house):
    house.rows["catalog/base"] = "`rows/`"
    assert house.faults() == [
        f"docs/architecture.md: catalog/{room}/ may include itself through others"
        for room in ("base", "model", "rows")
    ]


@pytest.mark.parametrize(
    "text, fault",
    [
        ("`attic/`", "catalog/model/ includes attic/, which has no row"),
        (
            "",
            "catalog/model/ includes ''; allowed: folders, 'nothing of ours', 'its rooms', "
            "'anything'",
        ),
    ],
)
def test_a_row_that_says_nothing_is_named(house, text, fault):
    house.rows["catalog/model"] = text
    assert f"docs/architecture.md: {fault}" in house.faults()


def test_a_document_without_a_table_is_no_consent(house):
    house.rows.clear()
    assert house.faults()[0] == "docs/architecture.md: there is no table of folders"

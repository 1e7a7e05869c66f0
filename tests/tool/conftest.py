# SPDX-License-Identifier: Apache-2.0
"""Fixtures for the operator's tool."""

import sqlite3
from contextlib import closing

import pytest

from support.tool import Tool


@pytest.fixture
def tool(catalog_dir):
    """The operator's tool on an empty catalog."""
    return Tool(catalog_dir)


@pytest.fixture
def edit_database(catalog_dir):
    """Changes rows behind everybody's back, as damage and foreign programs do."""

    def edit(sql, *values):
        with closing(sqlite3.connect(catalog_dir.database)) as database, database:
            database.execute(sql, values)

    return edit

# SPDX-License-Identifier: Apache-2.0
"""What lies on disk: the database, the store, the spools. The tests look, and seldom touch."""

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path


class CatalogDir(os.PathLike):
    """An embedded catalog: DIR/glance.sqlite and DIR/images/."""

    def __init__(self, path):
        self.path = Path(path)
        self.database = self.path / "glance.sqlite"
        self.store = self.path / "images"

    def __fspath__(self):
        return str(self.path)

    def config(self, **settings):
        """Writes a glance-api.conf of this catalog and returns its path.

        config(image_size_cap=5, glancefs={"drain": 1}): a dict is a section, all else [DEFAULT]'s.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        sections = {name: keys for name, keys in settings.items() if isinstance(keys, dict)}
        plain = {key: value for key, value in settings.items() if key not in sections}
        sections["DEFAULT"] = {**plain, **sections.get("DEFAULT", {})}
        sections["database"] = {"connection": f"sqlite:///{self.database}"}
        sections["glance_store"] = {"filesystem_store_datadir": self.store}
        lines = []
        for section, keys in sections.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in keys.items())]
        path = self.path.with_name("glance-api.conf")
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path

    def rows(self, sql, *values):
        """The rows of a query, as dicts."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, values)]

    def execute(self, sql, *values):
        """What no program of ours does, but another one on the same database may."""
        with closing(sqlite3.connect(self.database, timeout=10)) as db, db:
            db.execute(sql, values)

    @contextmanager
    def write(self):
        """A connection that changes the database, as somebody else's tool would."""
        with closing(sqlite3.connect(self.database, timeout=10, isolation_level=None)) as db:
            yield db

    def image_row(self, image_id):
        (row,) = self.rows("SELECT * FROM images WHERE id = ?", image_id)
        return row

    def statuses(self):
        """The states of all images that are not deleted, by name."""
        rows = self.rows("SELECT name, status FROM images WHERE deleted = 0")
        return {row["name"]: row["status"] for row in rows}

    def data_file(self, image_id):
        return self.store / image_id

    def data_files(self):
        """The ids that the store holds data of."""
        return sorted(path.name for path in self.store.iterdir() if not path.name.startswith("."))

    def spools(self):
        folder = self.store / ".uploads"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def spooled_bytes(self):
        """How much unfinished uploads have written so far, holes included."""
        return self._sum_of_spools(lambda status: status.st_size)

    def spooled_data(self):
        """The bytes that unfinished uploads have on the disk so far, without holes."""
        return self._sum_of_spools(lambda status: status.st_blocks * 512)

    def _sum_of_spools(self, figure):
        total = 0
        for name in self.spools():
            try:
                total += figure((self.store / ".uploads" / name).stat())
            except FileNotFoundError:
                pass  # published between the two looks
        return total

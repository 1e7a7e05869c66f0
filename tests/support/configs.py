# SPDX-License-Identifier: Apache-2.0
"""A glance-api.conf of a test's own, as an operator would write it."""

import os
from pathlib import Path

from support.catalogs import CatalogDir


class ConfiguredCatalog(CatalogDir):
    """A catalog that a glance-api.conf describes; with `stores` its store has the id `fast`.

    `default` and `sections` are lines for the section [DEFAULT] and for sections of their own.
    """

    def __init__(self, path, default=(), sections=(), stores=False):
        super().__init__(path)
        self.staging = self.path / "staging"
        self.config = self.path / "glance-api.conf"
        self.store.mkdir(parents=True)
        lines = ["[DEFAULT]", *default]
        if stores:
            lines += ["enabled_backends = fast:file", "[glance_store]", "default_backend = fast"]
            lines += ["[fast]", f"filesystem_store_datadir = {self.store}"]
            lines += ["store_description = on flash"]
            lines += ["[os_glance_staging_store]", f"filesystem_store_datadir = {self.staging}"]
        else:
            lines += [f"node_staging_uri = file://{self.staging}"]
            lines += ["[glance_store]", f"filesystem_store_datadir = {self.store}"]
        lines += ["[database]", f"connection = sqlite:///{self.database}", *sections]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def __fspath__(self):
        return os.fspath(Path(self.config))

# SPDX-License-Identifier: Apache-2.0
"""The real Glance and the bridge beside each other, each on a database and store of its own."""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.bridge import Bridge, BridgeSet
from support.real_glance import RealGlance

CONFIG = """\
[DEFAULT]
enabled_backends = file:file
{options}
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = {work}/images
[os_glance_staging_store]
filesystem_store_datadir = {work}/staging
[database]
connection = sqlite:///{work}/glance.sqlite
"""


@dataclass
class SideBySide:
    """Both running, and where their stores are."""

    real: RealGlance
    real_store: Path
    bridge: Bridge
    store: Path


@contextmanager
def side_by_side(work, real_options, options):
    """Starts both; the options are lines of [DEFAULT]. Real Glance shows several locations."""
    real = RealGlance(work / "real", work / "real.sqlite", work / "real_images", real_options)
    real.manage("db_sync")
    ours = work / "ours"
    (ours / "images").mkdir(parents=True)
    config = ours / "glance-api.conf"
    config.write_text(CONFIG.format(work=ours, options=options), encoding="utf-8")
    try:
        with BridgeSet(work) as bridges:
            bridge = bridges.start(config)
            real.start()
            yield SideBySide(real, work / "real_images", bridge, ours / "images")
    finally:
        real.stop(may_fail=True)

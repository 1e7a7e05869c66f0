# SPDX-License-Identifier: Apache-2.0
"""Catalogs of many images, written straight into the database."""

import random
import sqlite3
import uuid
from contextlib import closing
from datetime import datetime, timedelta

IMAGE = """INSERT INTO images (id, name, size, status, created_at, updated_at, deleted, disk_format,
 container_format, min_disk, min_ram, protected, visibility, os_hidden, owner, checksum)
 VALUES (?, ?, ?, ?, ?, ?, 0, ?, 'bare', 0, 0, 0, ?, 0, ?, ?)"""
PROPERTY = """INSERT INTO image_properties (image_id, name, value, created_at, updated_at, deleted)
 VALUES (?, ?, ?, ?, ?, 0)"""
TAG = """INSERT INTO image_tags (image_id, value, created_at, updated_at, deleted)
 VALUES (?, ?, ?, ?, 0)"""


def fill(database, count):
    """`count` images with two properties and two tags each, a minute apart; returns their ids, the
    newest first. Names repeat every 50th image, owners every 100th; one in 40 is queued."""
    chance = random.Random(count)
    start = datetime(2026, 1, 1)
    ids = []
    with closing(sqlite3.connect(database)) as db:
        db.execute("BEGIN IMMEDIATE")
        for i in range(count):
            image_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
            when = (start + timedelta(minutes=i)).strftime("%Y-%m-%d %H:%M:%S.%f")
            queued = i % 40 == 0
            db.execute(
                IMAGE,
                (
                    image_id,
                    f"image-{i // 50}",
                    None if queued else chance.randrange(1 << 40),
                    "queued" if queued else "active",
                    when,
                    when,
                    chance.choice(["raw", "qcow2", "iso"]),
                    chance.choice(["shared", "private", "public"]),
                    f"project-{i // 100}",
                    f"{i:032x}",
                ),
            )
            for name, value in (("os_distro", f"distro-{i % 7}"), ("serial", str(i))):
                db.execute(PROPERTY, (image_id, name, value, when, when))
            for value in ("all", f"rack-{i // 20}"):
                db.execute(TAG, (image_id, value, when, when))
            ids.append(image_id)
        db.execute("COMMIT")
    return ids[::-1]

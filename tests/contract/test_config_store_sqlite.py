"""What only the embedded config store can be asked: its files."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cdb import open_config
from kernel.clock import ManualClock
from kernel.errors import BadUsage, NotAvailable


async def test_a_file_that_is_no_database_is_named(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "revisions.sqlite").write_text("no database at all " * 100)
    with pytest.raises(BadUsage, match=r"file is not a database.*damaged or not ours"):
        async with open_config(f"sqlite://{tmp_path}", clock=clock):
            pass


async def test_a_path_that_cannot_be_a_folder_is_named(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotAvailable, match=r"file/cdb: Not a directory"):
        async with open_config(f"sqlite://{tmp_path}/file/cdb", clock=clock):
            pass


async def test_a_store_of_a_newer_release_is_refused(tmp_path: Path, clock: ManualClock) -> None:
    async with open_config(f"sqlite://{tmp_path}", clock=clock):
        pass
    with sqlite3.connect(tmp_path / "revisions.sqlite") as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(BadUsage, match="written by a newer release"):
        async with open_config(f"sqlite://{tmp_path}", clock=clock):
            pass


async def test_a_full_disk_refuses_and_stays_whole(tmp_path: Path, clock: ManualClock) -> None:
    async with open_config(f"sqlite://{tmp_path}", clock=clock) as store:
        await store.publish({"a.yaml": "1"}, base=0, author="a", comment="c")
        connection = store._connection  # type: ignore[attr-defined]
        connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(NotAvailable, match=r"full; check free space"):
            await store.publish({"a.yaml": "x" * 1_000_000, "b.yaml": "2"}, base=1, author="a", comment="c")
        assert (await store.load()).documents == {"a.yaml": "1"}
        connection.execute("PRAGMA max_page_count = 100000")
        revision = await store.publish({"a.yaml": "x" * 1_000_000, "b.yaml": "2"}, base=1, author="a", comment="c")
        assert revision.number == 2


async def test_a_text_is_stored_once(tmp_path: Path, clock: ManualClock) -> None:
    big = "# a line of a document\n" * 10_000
    async with open_config(f"sqlite://{tmp_path}", clock=clock) as store:
        for n in range(20):
            await store.publish({"a.yaml": big if n % 2 else "site:", f"b{n}.yaml": big}, base=n, author="a", comment="c")
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) < 3 * len(big)

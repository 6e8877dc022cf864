"""A running platform is backed up, everything is destroyed, and comes back."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from archive import open_archive
from archive.contents import open_contents
from archive.embedded.copy import copy_archive
from cdb import open_config
from kernel.archive import SeriesQuery
from kernel.clock import DAY, SECOND, ManualClock, SystemClock
from kernel.live_config import LiveConfig
from mla.moving.manifest import read_manifest
from tests.support.archive_data import NOW, one
from tests.support.cassandra import emptied, keyspaces_go
from tests.support.engines import cassandra_url
from tests.support.platform import eventually, free_ports, mla, running

EVER = 1 << 61
pytestmark = pytest.mark.timeout(400)


async def series(url: str, until: int) -> dict[str, tuple[Any, ...]]:
    """Every sample before a moment of every point, by point."""
    async with open_contents(url) as contents:
        names = sorted({name for _, name in contents.points()})
    found = {}
    async with open_archive(url, clock=SystemClock(), config=LiveConfig(), read_only=True) as archive:
        for at in range(0, len(names), 50):
            for block in await archive.series(SeriesQuery(tuple(names[at : at + 50]), 0, until)):
                s = block.series
                found[s.point] = (s.time.tolist(), [repr(v) for v in s.value.tolist()], s.quality.tolist(), s.status.tolist())
    return found


async def revisions(url: str) -> list[tuple[Any, ...]]:
    async with open_config(url, clock=SystemClock()) as store:
        return [(r, dict((await store.load(r.number)).documents)) for r in await store.revisions()]


def test_a_running_platform_comes_back(tmp_path: Path) -> None:
    data, kept = tmp_path / "data", tmp_path / "kept"
    archive, cdb = f"sqlite://{data}/archive", f"sqlite://{data}/cdb"
    env = {"MLA_DEMO_PORT": str(free_ports(12))}
    with running(data, "--demo", env=env) as up:
        eventually((data / "demo.history").exists, what="a day of history")
        save = 'mutation { saveView(view: {name: "night", content: {plots: []}}) { __typename ... on ViewSaved { view { owner } } } }'
        assert up.graphql(save, up.login("engineer"))["saveView"]["view"] == {"owner": "engineer"}
        said = json.loads(mla("backup", str(kept), "--json", data=data).stdout)
        assert up.process.poll() is None
        until = said["made_us"] - 30 * SECOND
        before = asyncio.run(series(archive, until))
        history = asyncio.run(revisions(cdb))
        first_login = (data / "first-login.txt").read_text()
    assert said["samples"] > 100_000
    assert said["revisions"] == len(history) >= 1
    assert said["users"] == 3
    shutil.rmtree(data)
    (data / "engines" / "redis").mkdir(parents=True)  # as `mla engines up` leaves it: no hindrance
    back = json.loads(mla("restore", str(kept), "--json", data=data).stdout)
    assert (back["samples"], back["points"], back["bytes"]) == (said["samples"], said["points"], said["bytes"])
    assert asyncio.run(series(archive, until)) == before
    assert asyncio.run(revisions(cdb)) == history
    assert sum(len(s[0]) for s in before.values()) > 100_000
    with running(data) as up:
        (data / "first-login.txt").write_text(first_login)
        assert up.login("operator")
        assert up.login("admin")
        views = up.graphql("{ views { nodes { name owner } } }", up.login("engineer"))["views"]["nodes"]
        assert views == [{"name": "night", "owner": "engineer"}]
    refused = mla("restore", str(kept), data=data, check=False)
    assert refused.returncode == 2
    assert "is not empty" in refused.stderr


async def small(folder: Path) -> None:
    """An archive with sealed segments and a journal, and one revision."""
    clock = SystemClock()
    today = clock.now() // DAY * DAY
    async with open_config(f"sqlite://{folder}/cdb", clock=clock) as store:
        await store.publish({"a.yaml": "# one\n"}, base=0, author="ada", comment="begin")
    async with open_archive(f"sqlite://{folder}/archive", clock=clock, config=LiveConfig()) as archive:
        for day in range(1, 4):
            times = [today - day * DAY + i * SECOND for i in range(500)]
            await archive.append([one(day, "p", times, [float(i) for i in range(500)])])
        await archive.upkeep.settle()  # type: ignore[attr-defined]
        await archive.append([one(9, "p", [today], [9.0])])


async def test_a_copy_is_of_one_moment_while_segments_are_merged_away(tmp_path: Path) -> None:
    clock, directory = ManualClock(NOW), tmp_path / "archive"
    async with open_archive(f"sqlite://{directory}", clock=clock, config=LiveConfig()) as archive:
        upkeep = archive.upkeep  # type: ignore[attr-defined]

        async def churn() -> None:
            for seq in range(1, 13):
                await archive.append([one(seq, "p", [NOW - 3 * DAY + seq * SECOND + i for i in range(200)], [float(seq)] * 200)])
                await upkeep.settle()

        async with asyncio.TaskGroup() as group:
            busy = group.create_task(churn())
            for n in range(200):
                if busy.done() and n:
                    break
                await asyncio.to_thread(copy_archive, directory, tmp_path / f"copy{n}", lambda done, total: None)
    copies = sorted(tmp_path.glob("copy*"))
    assert len(copies) > 1
    for copy in copies:
        async with open_archive(f"sqlite://{copy}", clock=clock, config=LiveConfig(), read_only=True) as archive:
            [block] = await archive.series(SeriesQuery(("p",), 0, NOW))
            values = block.series.value.tolist()
            assert values == [float(seq) for seq in range(1, len(values) // 200 + 1) for _ in range(200)]
    assert not (directory / ".backup").exists()


async def test_a_damaged_backup_is_refused_whole(tmp_path: Path) -> None:
    await small(tmp_path / "data")
    await asyncio.to_thread(mla, "backup", str(tmp_path / "kept"), data=tmp_path / "data")
    manifest = read_manifest(tmp_path / "kept")
    [segment, *_] = [name for name in manifest.files if name.startswith("archive/") and not name.endswith("open.db")]
    file = tmp_path / "kept" / segment
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    done = await asyncio.to_thread(mla, "restore", str(tmp_path / "kept"), data=tmp_path / "back", check=False)
    assert done.returncode == 1
    assert segment in done.stderr
    assert list((tmp_path / "back").iterdir()) == []
    file.unlink()
    done = await asyncio.to_thread(mla, "restore", str(tmp_path / "kept"), data=tmp_path / "back", check=False)
    assert (done.returncode, list((tmp_path / "back").iterdir())) == (1, [])


async def test_what_would_be_overwritten_is_refused(tmp_path: Path) -> None:
    await small(tmp_path / "data")
    (tmp_path / "kept").mkdir()
    done = await asyncio.to_thread(mla, "backup", str(tmp_path / "kept"), data=tmp_path / "data", check=False)
    assert done.returncode == 2
    assert "never overwritten" in done.stderr
    done = await asyncio.to_thread(mla, "restore", str(tmp_path / "kept"), data=tmp_path / "back", check=False)
    assert done.returncode == 2
    assert "is no backup" in done.stderr
    done = await asyncio.to_thread(mla, "backup", str(tmp_path / "other"), data=tmp_path / "nothing", check=False)
    assert done.returncode == 2
    assert not (tmp_path / "other").exists()


async def test_on_cassandra(tmp_path: Path, cassandra_url: str) -> None:
    store = emptied(cassandra_url, "backup")
    env = {"MLA_ARCHIVE_URL": store, "MLA_CDB_URL": store}
    await small(tmp_path / "data")
    plain = f"sqlite://{tmp_path}/data"
    before, history = await series(f"{plain}/archive", EVER), await revisions(f"{plain}/cdb")
    await asyncio.to_thread(mla, "backup", str(tmp_path / "one"), data=tmp_path / "data")
    await asyncio.to_thread(mla, "restore", str(tmp_path / "one"), data=tmp_path / "onto", env=env)
    assert await series(store, EVER) == before
    assert await revisions(store) == history
    await asyncio.to_thread(mla, "backup", str(tmp_path / "two"), data=tmp_path / "onto", env=env)
    emptied(cassandra_url, "backup")
    await asyncio.to_thread(mla, "restore", str(tmp_path / "two"), data=tmp_path / "again", env=env)
    assert await series(store, EVER) == before
    assert await revisions(store) == history

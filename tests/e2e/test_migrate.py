"""From the embedded engine to Cassandra and back: every revision, sample, gap and covered time, also where it was killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from archive import open_archive
from archive.contents import open_contents
from cdb import open_config
from kernel.archive import SeriesQuery
from kernel.clock import DAY, SECOND, SystemClock
from kernel.live_config import LiveConfig
from kernel.samples import Kind
from mla.children import PARENT
from mla.moving.migrating import Outcome, migrate
from mla.moving.places import Place
from schemas.records import GapCause, StateEvent, StateKind
from tests.support.archive_data import batch, column, one
from tests.support.cassandra import emptied, keyspaces_go
from tests.support.engines import cassandra_url
from tests.support.platform import ROOT, eventually, mla

pytestmark = pytest.mark.timeout(400)
T0 = SystemClock().now() // DAY * DAY - 3 * DAY
NAMES = [f"p{i:03d}" for i in range(150)]
LONG = 120_000
"""Samples of one point: more than two pages."""


def embedded(folder: Path) -> Place:
    return Place(f"sqlite://{folder}/archive", f"sqlite://{folder}/cdb")


async def fill(place: Place) -> None:
    """Three kinds of value, two sources of one point, three days, gaps told and found, refusals, three revisions."""
    clock = SystemClock()
    async with open_config(place.cdb, clock=clock) as store:
        await store.publish({"a.yaml": "# one\n", "b.yaml": "# two\n"}, base=0, author="ada", comment="begin")
        await store.publish({"a.yaml": "# three ä\n"}, base=1, author="bob", comment="change")
        await store.publish({"b.yaml": None}, base=2, author="ada", comment="remove")
    random = np.random.default_rng(7)
    async with open_archive(place.archive, clock=clock, config=LiveConfig()) as archive:
        for day in range(3):
            at = [T0 + day * DAY + i * SECOND for i in range(len(NAMES))]
            await archive.append(
                [
                    batch(3 * day + 1, NAMES, column(at, random.normal(size=len(NAMES)), quality=1, status=7), covered=(at[0], at[-1])),
                    one(3 * day + 2, "state", [at[0], at[0] + 5], ["öffnet", ""], kind=Kind.TEXT),
                    one(3 * day + 3, "count", [at[0], at[0] + 1, at[-1]], [1, -(1 << 62), 3], kind=Kind.LONG),
                ]
            )
        times = [T0 + i * 1_000_000 + i % 7 for i in range(LONG)]
        await archive.append([one(1, "fast", times, random.normal(size=LONG), source="two", covered=(T0, times[-1]))])
        await archive.append([one(2, "p000", [T0 + 17], [float("nan")], source="two")])
        told = StateEvent(source="s", time=T0 + 9, kind=StateKind.GAP, cause=GapCause.OVERFLOW, points=("p001",), start=T0 + 3, end=T0 + 8)
        away = StateEvent(
            source="two", time=T0 + DAY, kind=StateKind.DISCONNECTED, cause=GapCause.DISCONNECTED, points=(), start=T0 + 2 * DAY
        )
        await archive.append([one(3, "late", [T0 - 1, -5], [1.0, 2.0], source="two")], [told, away])


async def everything(place: Place) -> dict[str, object]:
    """All that can be asked, in a form that compares."""
    clock, found = SystemClock(), dict[str, object]()
    async with open_config(place.cdb, clock=clock) as store:
        found["revisions"] = [(r, dict((await store.load(r.number)).documents)) for r in await store.revisions()]
    async with open_contents(place.archive) as contents:
        found["points"] = sorted(contents.points())
        found["covered"] = {s: list(contents.covered(s)) for s in contents.sources()}
        events = [e for s in contents.sources() for e in contents.events(s)]
        found["events"] = sorted(events, key=repr)
    names = sorted({name for _, name in found["points"]})  # type: ignore[attr-defined]
    async with open_archive(place.archive, clock=clock, config=LiveConfig(), read_only=True) as archive:
        for block in await archive.series(SeriesQuery(tuple(names), 0, T0 + 30 * DAY)):
            s = block.series
            columns = (s.time.tolist(), [repr(v) for v in s.value.tolist()], s.quality.tolist(), s.status.tolist())
            found[f"series {s.point}"] = (*columns, block.gaps)
    return found


def silent(step: str, done: int, total: int) -> None:
    assert done <= total, step


async def moved(source: Place, target: Place, progress: Path) -> Outcome:
    outcome = await migrate(source, target, progress, silent)
    assert outcome.differing == ()
    assert not progress.exists()
    return outcome


async def test_to_another_folder(tmp_path: Path) -> None:
    source, target = embedded(tmp_path / "one"), embedded(tmp_path / "two")
    await fill(source)
    outcome = await moved(source, target, tmp_path / "progress")
    assert (outcome.revisions, outcome.points) == (3, len(NAMES) + 4)
    assert outcome.samples == LONG + 3 * (len(NAMES) + 2 + 3) + 2
    assert await everything(target) == await everything(source)
    again = await moved(source, target, tmp_path / "progress")
    assert again.samples == outcome.samples
    assert await everything(target) == await everything(source)


async def test_to_cassandra_and_back(tmp_path: Path, cassandra_url: str) -> None:
    store = emptied(cassandra_url, "migrate")
    source, middle, target = embedded(tmp_path / "one"), Place(store, store), embedded(tmp_path / "two")
    await fill(source)
    before = await everything(source)
    await moved(source, middle, tmp_path / "there")
    assert await everything(middle) == before
    await moved(middle, target, tmp_path / "back")
    assert await everything(target) == before


async def test_what_differs_in_the_target_is_told_and_mended(tmp_path: Path) -> None:
    source, target = embedded(tmp_path / "one"), embedded(tmp_path / "two")
    await fill(source)
    async with open_archive(target.archive, clock=SystemClock(), config=LiveConfig()) as archive:
        await archive.append([one(1, "p005", [T0 + DAY + 5], [5.0], source="other")])
    outcome = await migrate(source, target, tmp_path / "progress", silent)
    [found] = outcome.differing
    assert (found.point, found.days) == ("p005", [(T0 + DAY) // DAY])
    assert (tmp_path / "progress").exists()


def start(arguments: tuple[str, ...], data: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mla", "--data", str(data), *arguments]
    env: Mapping[str, str] = {**os.environ, PARENT: str(os.getpid())}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def copied(folder: Path) -> int:
    """Points noted as copied."""
    import sqlite3
    from contextlib import closing

    for file in folder.glob("migration-*.sqlite"):
        try:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
                return int(db.execute("SELECT count(*) FROM point WHERE copied = 1").fetchone()[0])
        except sqlite3.OperationalError:
            return 0
    return 0


async def test_killed_midway_it_goes_on(tmp_path: Path, cassandra_url: str) -> None:
    store = emptied(cassandra_url, "migrate")
    source, data = tmp_path / "one", tmp_path / "data"
    await fill(embedded(source))
    arguments = ("migrate", "--from", f"sqlite://{source}", "--to", store, "--json")
    process = start(arguments, data)
    eventually(lambda: copied(data) > 0, what="some points copied")
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "killed before its end"
    done = copied(data)
    assert 0 < done < len(NAMES) + 4
    said = mla(*arguments, data=data)
    assert json.loads(said.stdout)["differing"] == []
    assert json.loads(said.stdout)["revisions"] == 3
    assert list(data.glob("migration-*")) == []
    assert await everything(Place(store, store)) == await everything(embedded(source))


def test_wrong_places_are_refused(tmp_path: Path) -> None:
    nothing = mla("migrate", "--from", f"sqlite://{tmp_path}/none", "--to", f"sqlite://{tmp_path}/two", data=tmp_path, check=False)
    assert nothing.returncode == 2
    assert "holds no open.db" in nothing.stderr
    assert not (tmp_path / "none").exists()
    unknown = mla("migrate", "--from", "ftp://x", "--to", f"sqlite://{tmp_path}/two", data=tmp_path, check=False)
    assert unknown.returncode == 2
    assert "cassandra://HOST" in unknown.stderr

"""Old revisions: each is compiled once, only what differs is kept, and what does not compile was not in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

import cdb
from hmi_backend.past import Past, differences
from kernel.array import ArrayConfig, Limits
from kernel.clock import SECOND
from kernel.config_store import Snapshot
from kernel.errors import BadUsage, NotAvailable
from kernel.live_config import LiveConfig
from schemas.records import DiscoveredPoint, Discovery, Revision

T0 = 1_800_000_000 * SECOND
SITE = """site:
  name: site
  sources:
    opcua: {{protocol: opcua, url: "opc.tcp://localhost:1", nodes: "ns=2;s={{point}}"}}
  assemblies:
    weather:
      points:
        wind_speed: {{{unit}limits: {{hi: {hi}}}}}
{more}"""
MORE = "        gust: {unit: m/s}\n"
WIND = "site.weather.wind_speed"


class Store:
    """A config store of texts; a revision per minute."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.loads: list[int] = []

    async def load(self, revision: int | None = None) -> Snapshot:
        number = len(self.texts) if revision is None else revision
        self.loads.append(number)
        return Snapshot(self._revision(number), {"site.yaml": self.texts[number - 1]})

    async def revisions(self, *, limit: int = 100, before: int | None = None) -> list[Revision]:
        newest = len(self.texts) if before is None else min(before - 1, len(self.texts))
        return [self._revision(n) for n in range(newest, max(0, newest - limit), -1)]

    async def publish(self, changes: Mapping[str, str | None], *, base: int, author: str, comment: str) -> Revision:
        raise BadUsage("not here")

    def watch(self, after: int) -> object:
        raise BadUsage("not here")

    def _revision(self, n: int) -> Revision:
        return Revision(number=n, base=n - 1, time=T0 + n * 60 * SECOND, author="x", comment="", paths=("site.yaml",))


def text(hi: int, unit: str = "unit: km/h, ", more: str = "") -> str:
    return SITE.format(hi=hi, unit=unit, more=more)


def past_of(store: Store) -> tuple[Past, LiveConfig]:
    live = LiveConfig(cdb.compile({"site.yaml": store.texts[-1]}, len(store.texts)))
    return Past(store, live, cdb.compile), live  # type: ignore[arg-type]


async def limits(past: Past, revision: int) -> float | None:
    found = await past.types(revision, [WIND])
    assert found is not None
    return None if found[0] is None else found[0].limits.hi


async def test_each_revision_is_read_once_and_the_live_one_never() -> None:
    store = Store(text(30), text(40, more=MORE), text(50))
    past, _ = past_of(store)
    assert [await limits(past, n) for n in (1, 2, 3, 1, 2)] == [30, 40, 50, 30, 40]
    assert store.loads == [1, 2]
    gust = [await past.types(n, ["site.weather.gust"]) for n in (1, 2, 3)]
    assert [g is not None and g[0] is not None for g in gust] == [False, True, False]


async def test_a_revision_that_does_not_compile_was_not_in_force() -> None:
    past, _ = past_of(Store("site: {name: 3, nonsense: 1}", text(50)))
    assert await past.types(1, [WIND]) is None


async def test_revisions_are_paged_in_and_extended_with_what_is_new() -> None:
    store = Store(*[text(i % 60 + 1) for i in range(1203)])
    past, _ = past_of(store)
    assert [r.number for r in await past.revisions()] == list(range(1, 1204))
    store.texts += [text(2)] * 7
    assert [r.number for r in await past.revisions()] == list(range(1, 1211))
    during = await past.during(T0 + 100 * 60 * SECOND + 1, T0 + 103 * 60 * SECOND)
    assert [r.number for r in during] == [100, 101, 102]
    assert [r.number for r in await past.during(0, T0 + 61 * SECOND)] == [1]
    assert await past.during(0, 1) == []


async def test_what_devices_tell_completes_old_revisions_too() -> None:
    store = Store(text(30, unit=""), text(40, unit=""))
    past, _ = past_of(store)
    assert (await past.types(1, [WIND]))[0].unit == ""  # type: ignore[index, union-attr]
    told = DiscoveredPoint(name=WIND, address="", browse=-1, unit="m/s", labels=())
    past.heard(Discovery(source="site.opcua", time=T0, points=(told,)))
    assert (await past.types(1, [WIND]))[0].unit == "m/s"  # type: ignore[index, union-attr]


async def test_without_a_compiler_only_the_revision_in_force_is_known() -> None:
    store = Store(text(30), text(40))
    past = Past(store, past_of(store)[1], None)  # type: ignore[arg-type]
    assert await limits(past, 2) == 40
    with pytest.raises(NotAvailable, match="compile"):
        await past.types(1, [WIND])


def test_differences_are_what_is_not_equal() -> None:
    config: ArrayConfig = cdb.compile(cdb.example(), 1)
    again = cdb.compile(cdb.example(), 2)
    assert differences(config.points, again.points) == {}
    some = next(iter(again.points.values()))
    changed = replace(some, type=replace(some.type, limits=Limits(hi=-1.0)))
    points = {**again.points, some.name: changed, "new": replace(some, name="new")}
    gone = next(reversed(again.points))
    del points[gone]
    assert differences(config.points, points) == {some.name: changed.type, "new": some.type, gone: None}

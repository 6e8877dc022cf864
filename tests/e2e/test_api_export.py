"""Bulk export as a script would use it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kernel.clock import SECOND
from tests.support.hmi import Hmi, running
from tests.support.points import batch

NAMES = ["site.weather.humidity", "site.weather.wind_speed"]


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        yield site


async def fill(hmi: Hmi) -> int:
    t0 = hmi.clock.now() - 3600 * SECOND
    for i in range(10):
        await hmi.ports.archive.append([batch(NAMES, [float(i), i + 0.5], time=t0 + i * SECOND, seq=i, source="site.opcua")])
    return t0


async def test_each_form_has_every_sample(hmi: Hmi) -> None:
    t0 = await fill(hmi)
    async with hmi.client() as client:
        span = {"from": str(t0), "to": "now", "points": ",".join(NAMES)}
        csv = await client.get("/export/series.csv", params=span)
        parquet = await client.get("/export/series.parquet", params=span)
        arrow = await client.get("/export/series.arrow", params=span)
        lines = await client.get("/export/series.jsonl", params=span)
    assert csv.headers["content-type"].startswith("text/csv")
    assert 'filename="2-points_' in csv.headers["content-disposition"]
    assert len(csv.text.splitlines()) == 21
    for table in (pq.read_table(io.BytesIO(parquet.content)), pa.ipc.open_file(arrow.content).read_all()):
        assert table.num_rows == 20
        assert set(table.column("point").to_pylist()) == set(NAMES)
        assert min(table.column("time").cast(pa.int64()).to_pylist()) == t0
    assert len(lines.text.splitlines()) == 20


async def test_a_glob_and_a_grid(hmi: Hmi) -> None:
    t0 = await fill(hmi)
    start = t0 // SECOND * SECOND
    async with hmi.client() as client:
        span = {"from": str(start), "to": str(start + 20 * SECOND), "glob": "site.weather.hum*", "resample": "MEAN", "every": "5s"}
        answer = await client.get("/export/series.csv", params=span)
    assert answer.status_code == 200
    assert 2 <= len(answer.text.splitlines()) - 1 <= 4


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("csv", {"from": "now-1h"}, 400, "BAD_REQUEST"),
        ("csv", {"points": "site.weather.humidity"}, 400, "BAD_REQUEST"),
        ("csv", {"points": "site.weather.humidity", "from": "yesterday"}, 400, "BAD_REQUEST"),
        ("csv", {"points": "site.weather.humidity", "from": "now-1h", "resample": "MEAN"}, 400, "BAD_REQUEST"),
        ("xlsx", {"points": "site.weather.humidity", "from": "now-1h"}, 400, "BAD_REQUEST"),
        ("csv", {"points": "site.weather.humidty", "from": "now-1h"}, 404, "UNKNOWN_POINT"),
    ],
)
async def test_what_is_wrong_is_told_before_the_file_begins(hmi: Hmi, path: str, params: dict[str, str], status: int, code: str) -> None:
    async with hmi.client() as client:
        answer = await client.get(f"/export/series.{path}", params=params)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code)


async def test_an_empty_range_is_an_empty_file(hmi: Hmi) -> None:
    t0 = await fill(hmi)
    async with hmi.client() as client:
        span = {"from": str(t0), "to": str(t0), "points": NAMES[0]}
        csv = await client.get("/export/series.csv", params=span)
        parquet = await client.get("/export/series.parquet", params=span)
        backwards = await client.get("/export/series.csv", params={**span, "to": str(t0 - 1)})
    assert csv.text.splitlines() == ["point,time,value,quality,status,unit"]
    assert pq.read_table(io.BytesIO(parquet.content)).num_rows == 0
    assert backwards.status_code == 400
    assert "to is before from" in backwards.text


async def test_a_grid_without_a_method_is_refused(hmi: Hmi) -> None:
    async with hmi.client() as client:
        for grid in ({"buckets": "5"}, {"every": "10s"}, {"every": "10s", "resample": "RAW"}):
            answer = await client.get("/export/series.csv", params={"from": "now-1h", "points": NAMES[0], **grid})
            assert answer.status_code == 400
            assert "resample=MEAN" in answer.text


async def test_a_glob_that_nothing_fits_is_named(hmi: Hmi) -> None:
    async with hmi.client() as client:
        answer = await client.get("/export/series.csv", params={"glob": "nope*", "from": "now-1h"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert "'nope*'" in answer.json()["errors"][0]["message"]

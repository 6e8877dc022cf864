"""Export over any archive: every sample once, in order, readable by others, memory bounded."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import archive.export as archive_export
from archive.export import ArchiveExporter
from kernel.archive import Archive, Resample, ResampleMethod, SeriesQuery
from kernel.array import ArrayConfig, Point, PointType, Site
from kernel.clock import SECOND
from kernel.errors import BadUsage
from kernel.live_config import LiveConfig
from kernel.samples import Kind
from tests.contract.archive_backends import archive, backend
from tests.support.archive_data import NOW, one

__all__ = ["archive", "backend"]
CONFIG = LiveConfig(ArrayConfig(1, Site(), {}, {}, {"a": Point("a", PointType(unit="°C"), "x")}, {}))
START = NOW - 10_000 * SECOND
N = 5_000
QUERY = SeriesQuery(("a", "b", "c", "never"), 0, NOW + SECOND, limit=1, cursor="ignored")


@pytest.fixture
async def store(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setattr(archive_export, "PAGE", 700)
    monkeypatch.setattr(archive_export, "GROUP", 2_000)
    times = [START + i * SECOND for i in range(N)]
    await archive.append([one(0, "a", times, np.arange(N) / 4, quality=[i % 3 for i in range(N)], status=7)])
    await archive.append([one(1, "b", [START, START + 1], [2**60 + 1, 5], kind=Kind.LONG)])
    await archive.append([one(2, "c", [START, START + 1], ['say "so", twice', "line\nbreak"], kind=Kind.TEXT)])
    await archive.append([one(3, "c", [START + 2, START + 3], [math.nan, math.inf])])
    return archive


async def exported(store: Archive, form: str, query: SeriesQuery = QUERY) -> tuple[bytes, int]:
    pieces = [piece async for piece in ArchiveExporter(store, CONFIG).stream(query, form)]
    assert all(pieces)
    return b"".join(pieces), len(pieces)


async def test_csv(store: Archive) -> None:
    data, n = await exported(store, "csv")
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert rows[0] == ["point", "time", "value", "quality", "status", "unit"]
    assert [r[0] for r in rows[1:]] == ["a"] * N + ["b"] * 2 + ["c"] * 4
    assert rows[2] == ["a", str(START + SECOND), "0.25", "1", "7", "°C"]
    assert [r[2] for r in rows[N + 1 :]] == [str(2**60 + 1), "5", 'say "so", twice', "line\nbreak", "nan", "inf"]
    assert n > N // 700


async def test_json_lines(store: Archive) -> None:
    data, _ = await exported(store, "jsonl")
    rows = [json.loads(line) for line in data.splitlines()]
    assert rows[1] == {"point": "a", "time": START + SECOND, "value": 0.25, "quality": 1, "status": 7, "unit": "°C"}
    assert [r["value"] for r in rows[N:]] == [2**60 + 1, 5, 'say "so", twice', "line\nbreak", None, None]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
async def test_columnar_files(store: Archive, form: str) -> None:
    data, _ = await exported(store, form)
    table: Any
    if form == "parquet":
        file = pq.ParquetFile(io.BytesIO(data))
        assert 2 <= file.num_row_groups <= 4
        table = file.read()
    else:
        table = pa.ipc.open_file(data).read_all()
    assert table.column_names == ["point", "time", "value", "quality", "status", "unit", "text"]
    rows = table.to_pydict()
    assert table.column("time").cast(pa.int64()).to_pylist()[:3] == [START, START + SECOND, START + 2 * SECOND]
    assert rows["value"][:N] == [i / 4 for i in range(N)]
    assert rows["unit"][:N] == ["°C"] * N
    assert rows["value"][N : N + 4] == [float(2**60 + 1), 5.0, None, None]
    assert rows["text"][N:] == [str(2**60 + 1), None, 'say "so", twice', "line\nbreak", None, None]
    assert math.isnan(rows["value"][-2])
    assert rows["value"][-1] == math.inf


async def test_resampled_export(store: Archive) -> None:
    query = SeriesQuery(("a",), START, START + N * SECOND, Resample(ResampleMethod.MEAN, buckets=10))
    data, _ = await exported(store, "csv", query)
    assert len(data.splitlines()) == 11


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow", "jsonl"])
async def test_nothing_is_a_valid_file(archive: Archive, form: str) -> None:
    data, _ = await exported(archive, form)
    if form == "parquet":
        assert pq.read_table(io.BytesIO(data)).num_rows == 0
    elif form == "arrow":
        assert pa.ipc.open_file(data).read_all().num_rows == 0
    else:
        assert data.count(b"\n") == (form == "csv")


async def test_an_unknown_form_names_the_known_ones(archive: Archive) -> None:
    with pytest.raises(BadUsage, match="csv, parquet, arrow, jsonl"):
        ArchiveExporter(archive, CONFIG).stream(QUERY, "xlsx")

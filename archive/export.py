"""Bulk export of any size in bounded memory: CSV, JSON lines, Parquet and Arrow, made piece by piece while the archive is read.

Columns: point, time (microseconds UTC: a number in csv and jsonl, timestamp[us, UTC] in parquet and arrow), value, quality (0 good,
1 uncertain, 2 bad), status, unit. Parquet and Arrow columns have one type each: there `value` is a double and a seventh column, `text`, has
the texts, and exactly the integers that a double cannot hold. Points follow each other in the order asked for, ascending in time.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import orjson

from kernel.archive import Archive, SeriesBlock, SeriesQuery
from kernel.errors import BadUsage
from kernel.live_config import LiveConfig
from kernel.samples import Series, json_values

if TYPE_CHECKING:
    import pyarrow as pa

PAGE = 100_000
"""Samples of one point read at once."""
POINTS_AT_ONCE = 8
GROUP = 250_000
"""Samples per row group of Parquet and record batch of Arrow: some 10 MB while it is written."""
EXACT = 1 << 53
"""Integers up to here are exact as doubles."""


class Form(Protocol):
    """Makes one file of series, piece by piece."""

    def begin(self) -> bytes:
        """Its first bytes."""
        ...

    def add(self, series: Series, unit: str) -> bytes:
        """The next samples; may give back nothing yet."""
        ...

    def end(self) -> bytes:
        """Its last bytes."""
        ...


class ArchiveExporter:
    """Implements kernel.archive.Exporter over any archive."""

    def __init__(self, archive: Archive, config: LiveConfig) -> None:
        self._archive, self._config = archive, config

    def stream(self, query: SeriesQuery, form: str) -> AsyncIterator[bytes]:
        """The pieces of one file."""
        make = FORMS.get(form)
        if make is None:
            raise BadUsage(f"export form {form!r} is not known; known are {', '.join(FORMS)}")
        return self._stream(query, make)

    async def _stream(self, query: SeriesQuery, make: Callable[[], Form]) -> AsyncIterator[bytes]:
        file = await asyncio.to_thread(make)
        if begin := file.begin():
            yield begin
        async for block in self._blocks(query):
            unit = self._unit(block.series.point)
            if len(block.series) and (piece := await asyncio.to_thread(file.add, block.series, unit)):
                yield piece
        if end := await asyncio.to_thread(file.end):
            yield end

    async def _blocks(self, query: SeriesQuery) -> AsyncIterator[SeriesBlock]:
        for at in range(0, len(query.points), POINTS_AT_ONCE):
            points = query.points[at : at + POINTS_AT_ONCE]
            for block in await self._archive.series(replace(query, points=points, limit=PAGE, cursor=None)):
                yield block
                while block.next_cursor is not None:
                    more = replace(query, points=(block.series.point,), limit=PAGE, cursor=block.next_cursor)
                    (block,) = await self._archive.series(more)
                    yield block

    def _unit(self, point: str) -> str:
        found = self._config.current.points.get(point)
        return found.type.unit if found is not None else ""


class JsonLines:
    """One object per line; NaN and infinities, which JSON does not know, are null."""

    def begin(self) -> bytes:
        return b""

    def add(self, series: Series, unit: str) -> bytes:
        columns = (series.time.tolist(), json_values(series.value), series.quality.tolist(), series.status.tolist())
        name = series.point
        lines = (
            orjson.dumps({"point": name, "time": t, "value": v, "quality": q, "status": s, "unit": unit})
            for t, v, q, s in zip(*columns, strict=True)
        )
        return b"\n".join(lines) + b"\n"

    def end(self) -> bytes:
        return b""


class Csv:
    """RFC 4180 with a header line; texts are quoted."""

    def __init__(self) -> None:
        import pyarrow.csv  # it takes a tenth of a second and much memory: only who exports pays

        self._csv = pyarrow.csv

    def begin(self) -> bytes:
        return b"point,time,value,quality,status,unit\n"

    def add(self, series: Series, unit: str) -> bytes:
        import pyarrow as pa

        n = len(series)
        value = pa.array([str(v) for v in series.value], pa.string()) if series.value.dtype == object else pa.array(series.value)
        columns = [_repeated(series.point, n), series.time, value, series.quality, series.status, _repeated(unit, n)]
        table = pa.table(dict(zip(("point", "time", "value", "quality", "status", "unit"), columns, strict=True)))
        sink = io.BytesIO()
        self._csv.write_csv(table, sink, self._csv.WriteOptions(include_header=False, quoting_style="needed"))
        return sink.getvalue()

    def end(self) -> bytes:
        return b""


class _Sink(io.RawIOBase):
    """Takes what a writer writes and gives it on."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """What was written since the last time."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


class _Columnar:
    """Collects record batches and writes them in groups, to what `opened` makes of a sink and a schema."""

    def __init__(self, opened: Callable[[_Sink, pa.Schema], Any]) -> None:
        import pyarrow as pa

        self._pa = pa
        self.schema = pa.schema(
            [
                ("point", pa.string()),
                ("time", pa.timestamp("us", tz="UTC")),
                ("value", pa.float64()),
                ("quality", pa.uint8()),
                ("status", pa.uint32()),
                ("unit", pa.string()),
                ("text", pa.string()),
            ]
        )
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._sink = _Sink()
        self._writer = opened(self._sink, self.schema)

    def begin(self) -> bytes:
        return self._sink.taken()

    def add(self, series: Series, unit: str) -> bytes:
        self._waiting.append(self._batch(series, unit))
        self._rows += len(series)
        if self._rows >= GROUP:
            self._write()
        return self._sink.taken()

    def end(self) -> bytes:
        if self._waiting:
            self._write()
        self._writer.close()
        return self._sink.taken()

    def _write(self) -> None:
        self._writer.write_table(self._pa.Table.from_batches(self._waiting, self.schema).combine_chunks())
        self._waiting, self._rows = [], 0

    def _batch(self, series: Series, unit: str) -> pa.RecordBatch:
        pa, n = self._pa, len(series)
        value, text = _value_and_text(series)
        time = pa.array(series.time).cast(pa.timestamp("us", tz="UTC"))
        columns = [
            _repeated(series.point, n),
            time,
            pa.array(value, pa.float64()),
            pa.array(series.quality),
            pa.array(series.status),
            _repeated(unit, n),
            pa.nulls(n, pa.string()) if text is None else pa.array(text, pa.string()),
        ]
        return pa.record_batch(columns, schema=self.schema)


def _parquet(sink: _Sink, schema: pa.Schema) -> Any:
    """Parquet 2.6: times as packed differences, values as dictionaries where that is shorter, zstd; a row group at a time."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(
        sink,
        schema,
        version="2.6",
        compression="zstd",
        use_dictionary=["point", "value", "quality", "status", "unit", "text"],
        column_encoding={"time": "DELTA_BINARY_PACKED"},
    )


def _arrow(sink: _Sink, schema: pa.Schema) -> Any:
    """The Arrow IPC file format (Feather version 2), zstd."""
    import pyarrow as pa

    return pa.ipc.new_file(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))


def _repeated(text: str, n: int) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), [text]).dictionary_decode()


def _value_and_text(series: Series) -> tuple[Any, Sequence[str | None] | None]:
    value = series.value
    if value.dtype == np.float64:
        return value, None
    if value.dtype == np.int64:
        exact = (value <= EXACT) & (value >= -EXACT)
        return value.astype(np.float64), None if exact.all() else [None if -EXACT <= v <= EXACT else str(v) for v in value.tolist()]
    return [None if isinstance(v, str) else float(v) for v in value], [v if isinstance(v, str) else None for v in value]


FORMS: dict[str, Callable[[], Form]] = {
    "csv": Csv,
    "parquet": partial(_Columnar, _parquet),
    "arrow": partial(_Columnar, _arrow),
    "jsonl": JsonLines,
}

"""Several points on one time axis, honestly: nothing is carried across a gap, and bad samples are missing ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mla_client.columns import Times, Values, objects
from mla_client.errors import BadRequest
from mla_client.series import Series
from mla_client.tables import arrow_of, pandas_of, polars_of
from mla_client.times import datetime_us

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

BAD = 2
OFF_GRID = {"RAW", "MINMAX", "LTTB"}
"""Methods whose samples keep their own times."""
HOWS = ("exact", "previous", "linear")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Columns of several points over one time axis (datetime64[us], UTC); missing values are NaN, None in texts."""

    time: Times
    columns: Mapping[str, Values]
    units: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, point: str) -> Values:
        return self.columns[point]

    def __repr__(self) -> str:
        return f"<Frame: {len(self)} moments × {', '.join(f'{p} [{u or 1}]' for p, u in self.units.items())}>"

    def to_pandas(self) -> pd.DataFrame:
        """One column per point over a UTC index; `.attrs["units"]`. Needs pandas."""
        found = pandas_of(self.columns, self.time)
        found.attrs["units"] = dict(self.units)
        return found

    def to_polars(self) -> pl.DataFrame:
        """Column time and one per point. Needs polars."""
        return polars_of(self.columns, self.time)

    def to_arrow(self) -> pa.Table:
        """Column time and one per point; the schema's metadata has the units. Needs pyarrow."""
        return arrow_of(self.columns, self.time).replace_schema_metadata(dict(self.units))


def align(series: Sequence[Series], times: Times | None, how: str | None) -> Frame:
    """See SeriesSet.frame."""
    if how is None:
        how = "exact" if times is None and all(s.method not in OFF_GRID for s in series) else "previous"
    if how not in HOWS:
        raise BadRequest(f"how={how!r} is not one of {', '.join(HOWS)}")
    axis = _union(series) if times is None else np.asarray(times, dtype="datetime64[us]")
    columns = {s.point: _column(s, axis, how) for s in series}
    return Frame(axis, columns, {s.point: s.unit for s in series})


def _union(series: Sequence[Series]) -> Times:
    held = [s.time for s in series if len(s)]
    return np.unique(np.concatenate(held)) if held else np.empty(0, "datetime64[us]")


def _column(series: Series, axis: Times, how: str) -> Values:
    if how == "linear":
        return _linear(series, axis)
    at = np.searchsorted(series.time, axis, side="right") - 1
    found = at >= 0
    row = np.maximum(at, 0)
    if len(series):
        found &= series.quality[row] != BAD
        if how == "exact":
            found &= series.time[row] == axis
        else:
            found &= ~_crossed(series, series.time[row], axis)
    return _picked(series.value, row, found)


def _picked(value: Values, row: NDArray[np.intp], found: NDArray[np.bool_]) -> Values:
    if value.dtype.kind == "O":
        return objects([value[r] if ok else None for r, ok in zip(row.tolist(), found.tolist(), strict=True)])
    if len(value) and found.all():
        return value[row]
    result = np.full(len(row), np.nan)
    result[found] = value[row[found]]
    return result


def _linear(series: Series, axis: Times) -> Values:
    if series.value.dtype.kind == "O":
        raise BadRequest(f"{series.point} is text and cannot be interpolated: use how='previous'")
    good = series.good
    usable = ~np.isnan(good.value.astype(np.float64))
    time, value = good.time[usable], good.value[usable].astype(np.float64)
    if not len(time):
        return np.full(len(axis), np.nan)
    x, base = axis.astype(np.int64), time.astype(np.int64)
    # seen from the first sample, so that microseconds since 1970 keep all their digits as floats
    found: NDArray[Any] = np.interp((x - base[0]).astype(np.float64), (base - base[0]).astype(np.float64), value, np.nan, np.nan)
    after = np.minimum(np.searchsorted(base, x, side="left"), len(base) - 1)
    before = np.maximum(np.searchsorted(base, x, side="right") - 1, 0)
    found[_crossed(series, time[before], time[after])] = np.nan
    return found


def _crossed(series: Series, start: Times, end: Times) -> NDArray[np.bool_]:
    """Whether a gap begins at or after start and before end: what was in force before it says nothing of what is after.

    A refusal (start == end) is a moment, not a gap: it takes nothing from what was in force.
    """
    began = np.array(sorted(datetime_us(g.start) for g in series.gaps if g.end != g.start), dtype=np.int64)
    crossed: NDArray[np.bool_] = np.searchsorted(began, start.astype(np.int64)) < np.searchsorted(began, end.astype(np.int64))
    return crossed

"""Series of several points, and all of them on one time axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mla_client.align import Frame, align
from mla_client.columns import Times
from mla_client.series import Series

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class SeriesSet(Mapping[str, Series]):
    """Series of several points, by name, in the order asked for."""

    __slots__ = ("_series",)

    def __init__(self, series: Sequence[Series]) -> None:
        self._series = {s.point: s for s in series}

    def __getitem__(self, point: str) -> Series:
        return self._series[point]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.values())) or "<no series>"

    @property
    def units(self) -> dict[str, str]:
        """Point to unit."""
        return {s.point: s.unit for s in self.values()}

    @property
    def complete(self) -> bool:
        """Whether nothing of the range may still arrive."""
        return all(s.complete for s in self.values())

    def frame(self, times: Times | None = None, how: str | None = None) -> Frame:
        """All points on one time axis: `times`, or every moment at which one of them has a sample.

        how: `exact` (only samples of just that moment), `previous` (the sample in force; never across a gap), `linear` (between good
        neighbours; never across a gap). By default `exact` on a common grid (mean, max … of one request), else `previous`. Where there is
        nothing, and where the sample is bad, stands NaN (None for texts).
        """
        return align(list(self.values()), times, how)

    def to_pandas(self) -> pd.DataFrame:
        """One column per point over a common UTC index. Needs pandas."""
        return self.frame().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Column time and one per point. Needs polars."""
        return self.frame().to_polars()

    def to_arrow(self) -> Any:
        """Column time and one per point. Needs pyarrow."""
        return self.frame().to_arrow()

"""Columns as the frames of other packages, imported only when asked for. A missing number is NaN in pandas, null in polars and arrow."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from mla_client.columns import Times, Values
from mla_client.errors import BadRequest

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


def _needed(name: str, extra: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise BadRequest(f"this needs {name}: pip install 'mla-client[{extra}]'") from error


def pandas_of(columns: Mapping[str, Values], time: Times) -> pd.DataFrame:
    """A frame over a UTC index called time."""
    pandas = _needed("pandas", "pandas")
    found: pd.DataFrame = pandas.DataFrame(dict(columns), index=pandas.DatetimeIndex(time, name="time").tz_localize("UTC"))
    return found


def polars_of(columns: Mapping[str, Values], time: Times) -> pl.DataFrame:
    """A frame with the column time (UTC) first. Texts are strings."""
    polars = _needed("polars", "polars")
    moments = polars.Series("time", time).dt.replace_time_zone("UTC")
    rest = [polars.Series(k, v.tolist() if v.dtype.kind == "O" else v, nan_to_null=True) for k, v in columns.items()]
    found: pl.DataFrame = polars.DataFrame([moments, *rest])
    return found


def arrow_of(columns: Mapping[str, Values], time: Times) -> pa.Table:
    """A table with the column time (timestamp, µs, UTC) first."""
    arrow = _needed("pyarrow", "arrow")
    moments = arrow.array(time).cast(arrow.timestamp("us", tz="UTC"))
    found: pa.Table = arrow.table({"time": moments} | {k: arrow.array(v, from_pandas=True) for k, v in columns.items()})
    return found

"""Samples as JSON columns: numpy arrays where orjson can write them itself, lists where it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from kernel.samples import Kind, Samples, Series, json_values

NONE, DOUBLE = int(Kind.NONE), int(Kind.DOUBLE)


def series_columns(series: Series) -> dict[str, Any]:
    """{"t", "v", "q"} of a stretch. orjson writes NaN and infinities of a float column as null."""
    value = series.value
    return {
        "t": np.ascontiguousarray(series.time),
        "v": value.tolist() if value.dtype.kind == "O" else np.ascontiguousarray(value),
        "q": np.ascontiguousarray(series.quality),
    }


def live_columns(samples: Samples) -> dict[str, Any]:
    """{"t", "v", "q"} of the newest samples; null in all three where nothing was ever received. orjson writes what is no number as null."""
    kind = samples.kind
    if bool((kind == DOUBLE).all()):
        return {"t": samples.time, "v": samples.number, "q": samples.quality}
    t: Any = samples.time
    q: Any = samples.quality
    none = np.flatnonzero(kind == NONE).tolist()
    if none:
        t, q = t.tolist(), q.tolist()
        for i in none:
            t[i] = q[i] = None
    return {"t": t, "v": samples.values(), "q": q}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return json_values(value)  # not contiguous, or of a type orjson does not know
    raise TypeError(f"{type(value).__name__} is no JSON")


def dumps(data: object) -> bytes:
    """JSON as bytes; numpy columns are written without becoming lists."""
    return orjson.dumps(data, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)

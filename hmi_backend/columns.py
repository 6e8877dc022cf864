"""Samples as JSON columns: numpy arrays where orjson can write them itself, lists where it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from kernel.samples import Kind, Samples, Series, json_values


def series_columns(series: Series) -> dict[str, Any]:
    """{"t", "v", "q"} of a stretch. orjson writes NaN and infinities of a float column as null."""
    value = series.value
    return {
        "t": np.ascontiguousarray(series.time),
        "v": value.tolist() if value.dtype.kind == "O" else np.ascontiguousarray(value),
        "q": np.ascontiguousarray(series.quality),
    }


def live_columns(samples: Samples) -> dict[str, Any]:
    """{"t", "v", "q"} of the newest samples; null in all three where nothing was ever received."""
    if bool((samples.kind == Kind.DOUBLE).all()):
        return {"t": samples.time, "v": samples.number, "q": samples.quality}
    t: Any = samples.time
    q: Any = samples.quality
    v = [x if not isinstance(x, float) or np.isfinite(x) else None for x in samples.values()]
    none = np.flatnonzero(samples.kind == Kind.NONE).tolist()
    if none:
        t, q = t.tolist(), q.tolist()
        for i in none:
            t[i] = q[i] = v[i] = None
    return {"t": t, "v": v, "q": q}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return json_values(value)  # not contiguous, or of a type orjson does not know
    raise TypeError(f"{type(value).__name__} is no JSON")


def dumps(data: object) -> bytes:
    """JSON as bytes; numpy columns are written without becoming lists."""
    return orjson.dumps(data, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)

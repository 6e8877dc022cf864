"""Values that arrive in another kind than their point is configured to have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.columns import take
from kernel.batches import Column
from kernel.quality import Quality
from kernel.samples import Bytes, Kind

BEYOND = 2.0**63
"""The first double that is no 64-bit integer."""


MAX_TEXT = 32 * 1024
"""Characters of a text that are kept: a log or an image is no monitoring point, and a batch must fit into a message of the bus."""


def shortened(column: Column) -> Column:
    """Texts cut to MAX_TEXT characters; what was cut is no better than uncertain."""
    if column.kind is not Kind.TEXT:
        return column
    long = np.array([len(v) > MAX_TEXT for v in column.value.tolist()], np.bool_)
    if not long.any():
        return column
    value, quality = column.value.copy(), column.quality.copy()
    value[long] = [v[:MAX_TEXT] for v in value[long].tolist()]
    quality[long] = np.maximum(quality[long], np.uint8(Quality.UNCERTAIN))
    return replace(column, value=value, quality=quality)


def typed(column: Column, wanted: Bytes) -> tuple[list[Column], Column | None]:
    """The column in the wanted kinds, one of which belongs to each sample; and what cannot become that without loss: it keeps its kind
    and is no better than uncertain. A column of the wanted kind comes back as it is. NaN that is wanted as something else stays: it
    says that there is no value."""
    other = wanted != column.kind
    if not other.any():
        return [column], None
    fits = np.ones(len(other), np.bool_)
    if column.kind is Kind.TEXT:
        fits = ~other
    elif column.kind is Kind.DOUBLE:
        value = np.asarray(column.value, np.float64)
        none = np.isnan(value)
        other &= ~none
        fits = ~((wanted == Kind.LONG) & ~none & ((value != np.floor(value)) | (np.abs(value) >= BEYOND)))
    found = [_converted(take(column, which), kind) for kind in Kind if (which := other & fits & (wanted == kind)).any()]
    same = ~other
    if same.any():
        found.append(column if same.all() else take(column, same))
    strange = ~fits
    if not strange.any():
        return found, None
    left = take(column, strange)
    return found, replace(left, quality=np.maximum(left.quality, np.uint8(Quality.UNCERTAIN)))


def _converted(column: Column, kind: Kind) -> Column:
    value: NDArray[Any]
    if kind is Kind.TEXT:
        value = np.empty(len(column), object)
        value[:] = [str(v) for v in column.value.tolist()]
    else:
        value = column.value.astype(np.float64 if kind is Kind.DOUBLE else np.int64)
    return replace(column, kind=kind, value=value)

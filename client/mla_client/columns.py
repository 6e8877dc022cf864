"""JSON columns to numpy, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Times: TypeAlias = NDArray[np.datetime64]
Values: TypeAlias = NDArray[Any]
Qualities: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = Mapping[str, Mapping[int, str]]
"""Point to value of its enumeration to the name of that value."""
NEVER = 255
EXACT = 2**53


def times_of(column: Sequence[int | None]) -> Times:
    """datetime64[us], UTC; NaT where nothing was ever received."""
    if None in column:
        column = [np.iinfo(np.int64).min if t is None else t for t in column]
    return np.array(column, dtype=np.int64).view("datetime64[us]")


def qualities_of(column: Sequence[int | None]) -> Qualities:
    """uint8: 0 good, 1 uncertain, 2 bad, 255 never received."""
    return np.array([NEVER if q is None else q for q in column], dtype=np.uint8)


def values_of(column: Sequence[Any], kind: str | None = None) -> Values:
    """float64 with NaN for null; int64 where the point counts and nothing is missing; object for texts.

    Integers with missing ones become float64, or object where that would lose digits.
    """
    if kind == "TEXT":
        return objects(column)
    if kind == "DOUBLE" or not len(column):
        return np.array(column, dtype=np.float64)
    types = set(map(type, column))
    if types <= {int, bool}:
        return np.array(column, dtype=np.int64)
    if str in types:
        return objects(column)
    if int in types and any(isinstance(v, int) and abs(v) > EXACT for v in column):
        return objects(column)
    return np.array(column, dtype=np.float64)


def labels_of(nodes: Sequence[Mapping[str, Any]]) -> Labels:
    """The enumerations among points of the catalogue."""
    return {n["name"]: {entry["value"]: entry["label"] for entry in n["labels"]} for n in nodes if n["labels"]}


def objects(column: Sequence[Any]) -> Values:
    """Python values as they are."""
    found = np.empty(len(column), dtype=object)
    found[:] = column
    return found


def join(parts: Sequence[Values]) -> Values:
    """Pages of one series as one column; integers stay exact."""
    kinds = {p.dtype.kind for p in parts if len(p)}
    if kinds == {"i", "f"}:
        parts = [objects(p.tolist()) if p.dtype.kind == "i" and len(p) and np.abs(p).max() > EXACT else p for p in parts]
    filled = [p for p in parts if len(p)] or list(parts[:1])
    return filled[0] if len(filled) == 1 else np.concatenate(filled)

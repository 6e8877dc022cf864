"""Columns of samples inside the collector: kernel.batches.Column whose index is the slot of the point in its source's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernel.batches import Column


def take(column: Column, which: NDArray[Any]) -> Column:
    """The samples that a mask or an array of positions selects."""
    return Column(
        column.kind,
        column.index[which],
        column.time[which],
        column.server[which],
        column.value[which],
        column.quality[which],
        column.status[which],
    )


def concat(columns: Sequence[Column]) -> Column:
    """Columns of one kind, one after the other."""
    if len(columns) == 1:
        return columns[0]
    return Column(
        columns[0].kind,
        np.concatenate([c.index for c in columns]),
        np.concatenate([c.time for c in columns]),
        np.concatenate([c.server for c in columns]),
        np.concatenate([c.value for c in columns]),
        np.concatenate([c.quality for c in columns]),
        np.concatenate([c.status for c in columns]),
    )


def total(columns: Sequence[Column]) -> int:
    """How many samples the columns hold."""
    return sum(len(c.time) for c in columns)

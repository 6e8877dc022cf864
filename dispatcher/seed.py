"""Archived values as batches for the hot queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kernel.array import Point
from kernel.batches import Column, build
from kernel.samples import Doubles, Ints, Kind, Objects, Samples
from schemas.records import PointBatch


def seed_batches(points: Mapping[str, Point], names: Sequence[str], samples: Samples) -> Iterator[PointBatch]:
    """One batch per source, with the sample of each of its points that has one. Epoch 0 comes before every real epoch."""
    by_source: dict[str, list[int]] = defaultdict(list)
    for i in np.flatnonzero(samples.kind != Kind.NONE).tolist():
        by_source[points[names[i]].source].append(i)
    for source, members in by_source.items():
        at = np.array(members, dtype=np.int64)
        received = int(samples.time[at].max())
        yield build(
            source=source,
            epoch=0,
            seq=0,
            received=received,
            published=received,
            names=[names[i] for i in members],
            columns=[_column(samples, at, kind) for kind in (Kind.DOUBLE, Kind.LONG, Kind.TEXT)],
        )


def _column(samples: Samples, at: Ints, kind: Kind) -> Column:
    index = np.flatnonzero(samples.kind[at] == kind)
    rows = at[index]
    values: dict[Kind, Doubles | Ints | Objects] = {Kind.DOUBLE: samples.number, Kind.LONG: samples.integer, Kind.TEXT: samples.text}
    value = values[kind][rows]
    time = samples.time[rows]
    return Column(kind, index, time, time, value, samples.quality[rows], samples.status[rows])

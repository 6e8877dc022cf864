"""The mix of series that every benchmark uses: 50 % quantised to 0.01, 20 % float32 noise, 15 % states, 15 % constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel.batches import Column, build
from kernel.samples import Ints, Kind
from schemas.records import PointBatch


@dataclass(frozen=True, slots=True)
class Shape:
    """How many points of a source carry which kind of values."""

    doubles: int
    longs: int


def shape(points: int) -> Shape:
    """70 % floating point, 30 % integer."""
    return Shape(points - int(points * 0.3), int(points * 0.3))


def quantised(rng: np.random.Generator, steps: int, n: int) -> NDArray[np.float64]:
    """A slow drift with noise, rounded to 0.01: (steps, n)."""
    drift = 20 + 5 * np.sin(np.linspace(0, 3, steps))[:, None] + rng.uniform(-3, 3, n)
    return np.asarray(np.round(drift + rng.normal(0, 0.05, (steps, n)), 2))


def noise(rng: np.random.Generator, steps: int, n: int) -> NDArray[np.float64]:
    """Single-precision noise: (steps, n)."""
    return np.asarray(rng.normal(100, 2, (steps, n)).astype(np.float32).astype(np.float64))


def states(rng: np.random.Generator, steps: int, n: int) -> Ints:
    """A state that changes about every 500 samples: (steps, n)."""
    return np.asarray((np.cumsum(rng.random((steps, n)) < 0.002, axis=0) % 6).astype(np.int64))


class Mix:
    """Batches of one source, each with one sample of every point, made beforehand so that making them costs nothing."""

    def __init__(self, source: str, names: Sequence[str], steps: int = 32, seed: int = 1) -> None:
        rng, kinds = np.random.default_rng(seed), shape(len(names))
        self.source, self.names, self.steps = source, tuple(names), steps
        quant = int(len(names) * 0.5)
        self._doubles = np.hstack([quantised(rng, steps, quant), noise(rng, steps, kinds.doubles - quant)])
        half = kinds.longs // 2
        self._longs = np.hstack([states(rng, steps, half), np.tile(rng.integers(0, 9, kinds.longs - half), (steps, 1))])

    def batch(self, seq: int, epoch: int, time: int, received: int, scans: int = 1, every: int = 1_000_000) -> PointBatch:
        """The batch number seq: as many scans, `every` microseconds from one to the next, each with all samples at one source time."""
        rows, d, i = np.arange(seq * scans, (seq + 1) * scans) % self.steps, self._doubles.shape[1], self._longs.shape[1]
        times = time + np.arange(scans, dtype=np.int64) * every
        return build(
            source=self.source,
            epoch=epoch,
            seq=seq,
            received=received,
            published=received,
            names=self.names,
            covered=(received - 1_000_000, received),
            columns=[
                _column(Kind.DOUBLE, np.arange(d, dtype=np.int64), times, self._doubles[rows]),
                _column(Kind.LONG, np.arange(d, d + i, dtype=np.int64), times, self._longs[rows]),
            ],
        )


def _column(kind: Kind, index: Ints, times: Ints, value: NDArray[np.float64] | Ints) -> Column:
    n = len(index) * len(times)
    at = np.repeat(times, len(index))
    return Column(kind, np.tile(index, len(times)), at, at, value.ravel(), np.zeros(n, np.uint8), np.zeros(n, np.uint32))

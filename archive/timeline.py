"""The time column of one point to few bytes: what a clock with a period and some jitter leaves over is small numbers.

Three forms. Regular: start and step. Line: time = start + k * period + residual * unit, where k counts periods (missing samples make it
jump) and the residual is the jitter; the unit is 1 ms where every time is a whole number of them. Steps: differences in units, for
times that follow no period.
"""

from __future__ import annotations

import struct

import numpy as np

from archive.encoding import pack, unpack
from kernel.samples import Ints

REGULAR, LINE, STEPS = 0, 1, 2
_HEAD = struct.Struct("<Bqq")
_MORE = struct.Struct("<qI")
UNITS = (1_000_000, 1_000)


def pack_times(time: Ints) -> bytes:
    """Ascending times of one point; at least one."""
    first = int(time[0])
    steps = np.diff(time)
    if len(steps) == 0:
        return _HEAD.pack(REGULAR, first, 0)
    step = int(steps[0])
    if steps[-1] == step and bool((steps == step).all()):
        return _HEAD.pack(REGULAR, first, step)
    unit = _unit(steps)
    period = int(np.median(steps))
    period -= period % unit
    if period > 0:
        k = np.rint((time - first) / period).astype(np.int64)
        rest = time - first - k * period
        if int(rest.max()) - int(rest.min()) <= period // 2:
            jumps, residual = pack(np.diff(k) - 1), pack(rest // unit)
            return _HEAD.pack(LINE, first, period) + _MORE.pack(unit, len(jumps)) + jumps + residual
    return _HEAD.pack(STEPS, first, unit) + pack(steps // unit)


def unpack_times(data: bytes, n: int) -> Ints:
    """The n times that pack_times wrote."""
    form, first, step = _HEAD.unpack_from(data)
    if form == REGULAR:
        return _line(n, first, step)
    time = np.empty(n, np.int64)
    if form == LINE:
        unit, size = _MORE.unpack_from(data, _HEAD.size)
        at = _HEAD.size + _MORE.size
        rest = unpack(data[at + size :], n, np.int64)
        rest *= unit
        if not size:
            rest += _line(n, first, step)
            return rest
        time[0] = 0
        np.cumsum(unpack(data[at : at + size], n - 1, np.int64) + 1, out=time[1:])
        time *= step
        time += rest
        time += first
        return time
    if form == STEPS:
        time[0] = first
        np.cumsum(unpack(data[_HEAD.size :], n - 1, np.int64) * step, out=time[1:])
        time[1:] += first
        return time
    raise ValueError(f"time form {form} is not known: written by a newer version?")


def _line(n: int, first: int, step: int) -> Ints:
    return np.arange(first, first + n * step, step, dtype=np.int64) if step else np.full(n, first, np.int64)


def pack_many(time: Ints, first: Ints) -> bytes:
    """Times of several points one after the other; `first` says where each begins. Fast rather than smallest: for the open tier."""
    base = int(time[0])
    steps = np.diff(time, prepend=base)
    steps[first] = time[first] - base
    unit = _unit(steps)
    return _HEAD.pack(STEPS, base, unit) + pack(steps // unit)


def unpack_many(data: bytes, n: int, first: Ints) -> Ints:
    """The n times that pack_many wrote."""
    _, base, unit = _HEAD.unpack_from(data)
    steps = unpack(data[_HEAD.size :], n, np.int64) * unit
    total: Ints = np.cumsum(steps)
    before = np.zeros(len(first), np.int64)
    before[1:] = total[first[1:] - 1]
    counts = np.diff(np.append(first, n))
    total -= np.repeat(before, counts)
    total += base
    return total


def unpack_one_of_many(data: bytes, n: int, begin: int, end: int) -> Ints:
    """The times from begin to end, which are those of one point."""
    _, base, unit = _HEAD.unpack_from(data)
    time: Ints = np.cumsum(unpack(data[_HEAD.size :], n, np.int64)[begin:end])
    time *= unit
    time += base
    return time


def _unit(steps: Ints) -> int:
    for unit in UNITS:
        if steps[0] % unit == 0 and not (steps % unit).any():
            return unit
    return 1

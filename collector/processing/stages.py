"""The stages of processing as pure functions on columns. In every call each slot occurs at most once, so all samples are independent.

The order is: status filter, rounding, comparison window, deadband, duplicate suppression. Statistics see what the filter accepts, rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.processing.settings import INSIDE, OUTSIDE, Settings
from kernel.batches import Column
from kernel.samples import Bytes, Codes, Doubles, Ints, Kind, Objects

Mask = NDArray[np.bool_]
EXACT = float(2**53)


@dataclass(frozen=True, slots=True, eq=False)
class Emitted:
    """The newest sample passed on: one row per sample in hand, or per slot."""

    kind: Bytes
    number: Doubles
    integer: Ints
    text: Objects
    quality: Bytes
    status: Codes
    time: Ints

    def at(self, slots: Ints) -> Emitted:
        """The rows of some slots."""
        return Emitted(*(getattr(self, f.name)[slots] for f in fields(self)))


def nothing_emitted(n: int) -> Emitted:
    """n slots of which nothing was passed on yet."""
    return Emitted(
        kind=np.zeros(n, np.uint8),
        number=np.zeros(n),
        integer=np.zeros(n, np.int64),
        text=np.full(n, None, object),
        quality=np.zeros(n, np.uint8),
        status=np.zeros(n, np.uint32),
        time=np.zeros(n, np.int64),
    )


def accepted(settings: Settings, column: Column) -> Mask:
    """Where the quality is one that the point passes on."""
    found: Mask = (settings.accept >> column.quality) & np.uint8(1) == 1
    return found


def rounded(settings: Settings, column: Column) -> Column:
    """Doubles as multiples of the resolution. 1 / resolution is used where it is a whole number: 0.3 stays 0.3 at resolution 0.1."""
    step = settings.resolution
    if column.kind is not Kind.DOUBLE or not step.any():
        return column
    value = np.asarray(column.value, np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inverse = np.round(1 / step)
        whole = np.abs(inverse * step - 1) < 1e-9
        stepped = np.where(whole, np.round(value * inverse) / inverse, np.round(value / step) * step)
        usable = (step > 0) & np.isfinite(stepped) & (np.abs(value / step) < EXACT)
    return replace(column, value=np.where(usable, stepped, value))


def in_window(settings: Settings, column: Column) -> Mask:
    """Where the comparison window lets a sample pass. What is no number (text, NaN) always passes: it is news of another kind."""
    if column.kind is Kind.TEXT or not settings.window.any():
        return np.ones(len(column.time), np.bool_)
    value = np.asarray(column.value, np.float64)
    inside = (value >= settings.low) & (value <= settings.high)
    passes: Mask = np.where(settings.window == INSIDE, inside, np.where(settings.window == OUTSIDE, ~inside, True)) | np.isnan(value)
    return passes


def repeated(settings: Settings, emitted: Emitted, column: Column) -> tuple[Mask, Mask]:
    """Two masks of samples that are not passed on: within the deadband; unchanged and not yet silent for too long."""
    same = (emitted.kind == column.kind) & (emitted.quality == column.quality) & (emitted.status == column.status)
    value = column.value
    if column.kind is Kind.DOUBLE:
        number = np.asarray(value, np.float64)
        with np.errstate(invalid="ignore"):
            apart = np.abs(number - emitted.number)
        equal = (number == emitted.number) | (np.isnan(number) & np.isnan(emitted.number))
    elif column.kind is Kind.LONG:
        apart = np.abs(np.asarray(value, np.float64) - emitted.integer)
        equal = value == emitted.integer
    else:
        apart = np.full(len(column.time), np.inf)
        equal = value == emitted.text
    equal = same & equal.astype(np.bool_)
    banded = settings.deadband > 0
    within = same & banded & (equal | (apart <= settings.deadband))
    unchanged = equal & (settings.silence >= 0)
    silent = (settings.silence >= 0) & (column.time - emitted.time >= settings.silence)
    # one sample stamped in the future must not keep all later ones back until then
    silent |= (settings.silence >= 0) & (column.time < emitted.time)
    return within & ~silent, unchanged & ~silent & ~within


def remembered(emitted: Emitted, column: Column, keep: Mask) -> Emitted:
    """The rows after the kept samples were passed on."""

    def new(old: NDArray[Any], value: Any) -> Any:
        return np.where(keep, value, old)

    return Emitted(
        kind=new(emitted.kind, np.uint8(column.kind)),
        number=new(emitted.number, column.value) if column.kind is Kind.DOUBLE else emitted.number,
        integer=new(emitted.integer, column.value) if column.kind is Kind.LONG else emitted.integer,
        text=new(emitted.text, column.value) if column.kind is Kind.TEXT else emitted.text,
        quality=new(emitted.quality, column.quality),
        status=new(emitted.status, column.status),
        time=new(emitted.time, column.time),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """What became of a column."""

    emitted: Emitted
    column: Column
    """All samples, rounded."""
    accepted: Mask
    withheld: Mask
    """What filter or window hold back: the point is not as the last sample passed on says."""
    keep: Mask
    lost: tuple[tuple[str, int], ...]
    """Cause and count; len(column) = sum(keep) + sum of these."""


def step(settings: Settings, emitted: Emitted, column: Column) -> Stepped:
    """All stages for a column in which each slot occurs at most once; settings and emitted are aligned with it."""
    good = accepted(settings, column)
    column = rounded(settings, column)
    window = in_window(settings, column)
    within, unchanged = repeated(settings, emitted, column)
    passed = good & window
    keep = passed & ~within & ~unchanged
    lost = (
        ("status", int((~good).sum())),
        ("window", int((good & ~window).sum())),
        ("deadband", int((passed & within).sum())),
        ("suppressed", int((passed & unchanged).sum())),
    )
    return Stepped(remembered(emitted, column, keep), column, good, ~passed, keep, lost)

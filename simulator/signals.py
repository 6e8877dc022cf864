"""The values of a set of points at given moments: rules where the quantity is known, plausible signals elsewhere, then the faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernel.array import ArrayConfig, Point, PointKind
from simulator.faults import NONE, ON_SOURCES, Fault, FaultKind, FaultScript
from simulator.noise import Doubles, key_of
from simulator.physics import generic
from simulator.physics.frame import Frame, Who
from simulator.physics.rules import SITE, TELESCOPE
from simulator.scene import Scene

Function = Callable[[Frame, Who], Any]
_DIGITS = re.compile(r"\d+")
_NUMBERED = re.compile(r".*?(\d+)$")
MOST_TELESCOPES = 500


@dataclass(frozen=True, slots=True)
class World:
    """What all processes that simulate one array agree on."""

    config: ArrayConfig
    scene: Scene
    telescopes: Mapping[str, int]
    """Asset name to index, of assets whose name ends in a number."""
    faults: FaultScript

    def frame(self, t: Doubles) -> Frame:
        """A frame for moments in seconds UTC, shape (T,)."""
        count = max(self.telescopes.values(), default=0) + 1
        maintained = self.faults.maintained(dict(self.telescopes))
        return Frame((t + float(self.scene.shift))[:, None], self.config.site, self.scene.seed, count, maintained)


def make_world(config: ArrayConfig, scene: Scene, faults: FaultScript = NONE) -> World:
    """Finds the telescopes: `ast7` is number 6."""
    found: dict[str, int] = {}
    for asset in {p.asset for p in config.points.values()}:
        match = _NUMBERED.match(asset)
        if match and 0 < int(match[1]) <= MOST_TELESCOPES:
            found[asset] = int(match[1]) - 1
    return World(config, scene, found, faults)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Points that one call of a function serves."""

    function: Function
    columns: NDArray[np.int64]
    who: Who
    resolution: Doubles
    """Shape (1, n); 0: not rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Columns of shape (T, points). `heard` is False where a silent point gave no sample; `status` None: all good."""

    value: Doubles
    status: NDArray[np.uint32] | None
    heard: NDArray[np.bool_] | None


class Signals:
    """A set of points; `values` may be asked for any moments, in any order."""

    def __init__(self, world: World, points: Sequence[Point]) -> None:
        self.world, self.points = world, tuple(points)
        groups: dict[Any, list[int]] = {}
        for i, p in enumerate(self.points):
            groups.setdefault(_rule_of(world, p), []).append(i)
        self._parts = [self._part(key, members) for key, members in groups.items() if key is not None]
        self._faults = [(f, at) for f in world.faults.faults if len(at := self._hit(f))]
        self._frozen = {f: Signals(_whole(world), [self.points[i] for i in at]) for f, at in self._faults if f.kind is FaultKind.FROZEN}

    def _hit(self, fault: Fault) -> NDArray[np.int64]:
        if fault.kind in ON_SOURCES or fault.kind is FaultKind.MAINTENANCE:
            return np.empty(0, np.int64)
        return np.array([i for i, p in enumerate(self.points) if fault.matches(p.name)], np.int64)

    def _part(self, key: Any, members: list[int]) -> _Part:
        function, usual = key
        points = [self.points[i] for i in members]
        seed = self.world.scene.seed
        who = Who(
            np.array([self.world.telescopes.get(p.asset, 0) for p in points], np.int64),
            np.array([_number(p) for p in points], np.int64),
            np.array([[key_of(p.name, seed) for p in points]], np.uint64),
        )
        if isinstance(function, tuple):
            function = _generic(function[0], points)
        resolution = np.array([[p.type.processing.resolution or usual for p in points]])
        return _Part(function, np.array(members, np.int64), who, resolution)

    def values(self, frame: Frame, t: Doubles) -> Values:
        """At the moments t, seconds UTC, shape (T,), of which `frame` is the frame. Text points have no number: see `texts`."""
        out = np.zeros((len(t), len(self.points)))
        for part in self._parts:
            out[:, part.columns] = rounded(part.function(frame, part.who), part.resolution)
        status = heard = None
        for fault, at in self._faults:
            on = np.asarray(fault.active(t))
            if not on.any():
                continue
            rows = np.flatnonzero(on)
            where = np.ix_(rows, at)
            if fault.code:
                status = np.zeros(out.shape, np.uint32) if status is None else status
                status[where] = fault.code
            if fault.kind is FaultKind.SILENT:
                heard = np.ones(out.shape, np.bool_) if heard is None else heard
                heard[where] = False
            out[where] = self._disturbed(fault, out[where], t[rows], at)
        return Values(out, status, heard)

    def _disturbed(self, fault: Fault, value: Doubles, t: Doubles, at: NDArray[np.int64]) -> Doubles:
        if fault.kind is FaultKind.SPIKE:
            return value + fault.amount
        if fault.kind is FaultKind.SCALE:
            return value * fault.amount
        if fault.kind is FaultKind.DRIFT:
            progress = (t - fault.begin(t)) / (fault.duration or 3_600.0)
            out: Doubles = value + (fault.amount * (1 - np.cos(2 * np.pi * progress)) / 2)[:, None]
            return out
        if fault.kind is FaultKind.FROZEN:
            begins, which = np.unique(fault.begin(t), return_inverse=True)
            return self._frozen[fault].values(self.world.frame(begins), begins).value[which]
        return value

    def texts(self) -> list[str]:
        """The values of text points, which do not change; empty for others."""
        return [_text(p, self.world.telescopes.get(p.asset, 0)) if p.type.kind is PointKind.TEXT else "" for p in self.points]


def _whole(world: World) -> World:
    return World(world.config, world.scene, world.telescopes, NONE)


def _inner(point: Point) -> str:
    """The quantity within its asset."""
    return point.name.removeprefix(f"{point.asset}.")


def _number(point: Point) -> int:
    found = _DIGITS.findall(_inner(point))
    return int(found[-1]) if found else 0


def _rule_of(world: World, point: Point) -> Any:
    """(function, resolution) of a known quantity, ((traits of the signal,), resolution) of an unknown one, None for a text."""
    t = point.type
    if t.kind is PointKind.TEXT:
        return None
    table = TELESCOPE if point.asset in world.telescopes else SITE
    rule = table.get(_DIGITS.sub("#", _inner(point)))
    if rule is not None:
        return rule
    if t.kind is PointKind.DOUBLE:
        return ((PointKind.DOUBLE, 0),), 0.01
    return ((t.kind, len(t.labels) or 2),), 1.0


def _generic(traits: tuple[PointKind, int], points: Sequence[Point]) -> Function:
    kind, labels = traits
    if kind is PointKind.DOUBLE:
        levels = np.array([generic.level(p) for p in points]).T
        return lambda frame, who: generic.analog(frame, who, levels[0], levels[1])
    if kind is PointKind.ENUM and any(p.type.labels for p in points):
        most = max(labels, 1)
        codes = np.array([[value for value, _ in (p.type.labels or ((0, ""), (1, "")))][:most] for p in points])
        index = np.arange(len(points))
        return lambda frame, who: codes[index, generic.choice(frame, who, kind, labels).astype(np.int64)]
    return lambda frame, who: generic.choice(frame, who, kind, labels)


def rounded(value: Any, resolution: Doubles) -> Doubles:
    """Multiples of the resolution (shape (1, n)); of decimal ones the nearest double of that decimal."""
    scale = 1.0 / resolution
    whole = np.rint(scale)
    decimal = np.abs(scale - whole) < 1e-9 * scale
    out: Doubles = np.where(decimal, np.rint(value * whole) / whole, np.rint(value * scale) * resolution) + 0.0
    return out


def _text(point: Point, telescope: int) -> str:
    if point.name.endswith("firmware"):
        return f"camera 4.{2 + telescope % 2}.{7 - telescope % 3}"
    return f"{point.name} 1.0"

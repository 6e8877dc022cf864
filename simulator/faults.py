"""Faults by script: a frozen table that says what goes wrong where and when. The same script gives the same faults, live and in history."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from kernel.errors import ConfigProblems, Problem

BAD_SENSOR_FAILURE = 0x808C0000
UNCERTAIN_SENSOR_NOT_ACCURATE = 0x40930000


class FaultKind(Enum):
    """What happens. The first seven to points, RESTART, DISCONNECT and STALL to sources, MAINTENANCE to telescopes."""

    BAD = "bad"
    """No value, a bad status."""
    UNCERTAIN = "uncertain"
    """The value, with an uncertain status."""
    FROZEN = "frozen"
    """The value of the moment the fault began, with new time stamps."""
    SPIKE = "spike"
    """`amount` is added."""
    DRIFT = "drift"
    """Up to `amount` is added, coming and going smoothly over the duration."""
    SCALE = "scale"
    """The value is multiplied by `amount`."""
    SILENT = "silent"
    """No new samples, and no word about it."""
    RESTART = "restart"
    """The server stops, and starts anew after the duration: sessions and subscriptions are lost."""
    DISCONNECT = "disconnect"
    """Connections are reset and refused for the duration; the server lives on behind it."""
    STALL = "stall"
    """Connections stay open, and not a byte is answered for the duration: a half-open socket, a hung server."""
    MAINTENANCE = "maintenance"
    """The telescope is out of operation."""


ON_SOURCES = (FaultKind.RESTART, FaultKind.DISCONNECT, FaultKind.STALL)
STATUS = {FaultKind.BAD: BAD_SENSOR_FAILURE, FaultKind.UNCERTAIN: UNCERTAIN_SENSOR_NOT_ACCURATE}


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the script. Times in seconds; `first` counts from 1970-01-01 UTC, so that periodic faults come alike everywhere."""

    kind: FaultKind
    target: str
    """Names of points, sources or telescopes; `*` matches any text."""
    duration: float = 0.0
    """0: for ever."""
    every: float = 0.0
    """From one beginning to the next; 0: it happens once, at `first`."""
    first: float = 0.0
    amount: float = 0.0
    status: int = 0
    """OPC-UA status code instead of the usual one of the kind."""

    def begin(self, t: Any) -> Any:
        """When the occurrence that is going on, or was last, began; t in seconds UTC, a number or an array."""
        if self.every <= 0:
            return t * 0.0 + self.first
        return np.floor((t - self.first) / self.every) * self.every + self.first

    def active(self, t: Any) -> Any:
        """Whether it is going on at t."""
        since = t - self.begin(t)
        return (since >= 0) & ((since < self.duration) | (self.duration <= 0))

    def next_change(self, t: float) -> float:
        """The next moment after t at which it begins or ends; infinite when there is none."""
        begin = float(self.begin(t))
        later = (begin, begin + self.duration if self.duration > 0 else math.inf, begin + self.every if self.every > 0 else math.inf)
        return min((x for x in later if x > t), default=math.inf)

    def matches(self, name: str) -> bool:
        """Whether a name is concerned."""
        return fnmatchcase(name, self.target)

    @property
    def code(self) -> int:
        """The status code of samples concerned; 0 where the fault leaves it good."""
        return self.status or STATUS.get(self.kind, 0)


@dataclass(frozen=True, slots=True)
class FaultScript:
    """All faults of a run."""

    faults: tuple[Fault, ...] = ()

    def on_source(self, source: str) -> tuple[Fault, ...]:
        """Those that concern a source's server or network."""
        return tuple(f for f in self.faults if f.kind in ON_SOURCES and f.matches(source))

    def maintained(self, telescopes: dict[str, int]) -> tuple[int, ...]:
        """Indices of telescopes in maintenance; their faults hold for ever."""
        lines = [f for f in self.faults if f.kind is FaultKind.MAINTENANCE]
        return tuple(sorted(i for name, i in telescopes.items() if any(f.matches(name) for f in lines)))

    def outages(self, source: str, start: float, end: float) -> list[tuple[float, float]]:
        """When a source cannot be reached between start and end (seconds UTC): ascending and apart."""
        found = sorted(span for f in self.on_source(source) for span in _spans(f, start, end))
        merged: list[tuple[float, float]] = []
        for a, b in found:
            if merged and a <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
            else:
                merged.append((a, b))
        return merged


def _spans(fault: Fault, start: float, end: float) -> list[tuple[float, float]]:
    first = float(fault.begin(start))
    length = fault.duration if fault.duration > 0 else float("inf")
    begins: NDArray[np.float64] = np.arange(first, end, fault.every) if fault.every > 0 else np.array([fault.first])
    return [(max(a, start), min(a + length, end)) for a in begins.tolist() if a < end and a + length > start]


NONE = FaultScript()
DEMO = FaultScript(
    (
        Fault(FaultKind.MAINTENANCE, "ast5"),
        Fault(FaultKind.DISCONNECT, "ast8.opcua", duration=40, every=900, first=420),
        Fault(FaultKind.RESTART, "ast6.opcua", duration=4, every=10_800, first=5_000),
        Fault(FaultKind.STALL, "ast7.opcua", duration=25, every=14_400, first=9_300),
        Fault(FaultKind.DRIFT, "ast3.camera.pdm17.temperature", duration=700, every=2_700, first=300, amount=6.5),
        Fault(FaultKind.DRIFT, "site.*.wind_gust", duration=900, every=9_000, first=2_700, amount=38.0),
        Fault(FaultKind.SCALE, "ast9.mount.elevation_motor_current", amount=2.6),
        Fault(FaultKind.UNCERTAIN, "ast2.structure.t07.temperature"),
        Fault(FaultKind.BAD, "ast7.mirror.m1.act11.deviation", duration=300, every=3_600, first=1_500),
        Fault(FaultKind.FROZEN, "site.mast2.wind_direction", duration=600, every=5_400, first=2_000),
        Fault(FaultKind.SPIKE, "ast4.mount.following_error", duration=3, every=1_860, first=900, amount=34.0),
        Fault(FaultKind.SILENT, "ast1.structure.t19.temperature", duration=240, every=7_200, first=3_300),
    )
)
"""What a demo meets: one telescope in maintenance, one with a bad network, a warm module, gusts, an odd motor, doubtful sensors."""


def load(path: Path) -> FaultScript:
    """A script from YAML: `faults:` is a list of mappings with the fields of Fault. Raises ConfigProblems with every mistake at once."""
    try:
        tree = yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigProblems([Problem(str(path), mark.line + 1 if mark else 0, "no valid YAML", "check the indentation")]) from error
    if tree is None:
        return NONE
    data = yaml.SafeLoader("").construct_document(tree)
    rows = data.get("faults") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise ConfigProblems([Problem(str(path), 1, "no list of faults", "begin the file with `faults:` and one `- kind: …` per fault")])
    nodes = next(value.value for key, value in tree.value if key.value == "faults")
    problems: list[Problem] = []
    faults = [_fault(row, str(path), node.start_mark.line + 1, problems) for row, node in zip(rows, nodes, strict=True)]
    if problems:
        raise ConfigProblems(problems)
    return FaultScript(tuple(f for f in faults if f is not None))


def _fault(row: Any, path: str, line: int, problems: list[Problem]) -> Fault | None:
    known = {f.name for f in fields(Fault)}
    before = len(problems)
    if not isinstance(row, dict):
        problems.append(Problem(path, line, "a fault is a mapping", "write `- kind: bad` and further fields below it"))
        return None
    problems += [Problem(path, line, f"unknown field {key!r}", f"use one of {', '.join(sorted(known))}") for key in row if key not in known]
    kinds = [k.value for k in FaultKind]
    if row.get("kind") not in kinds:
        problems.append(Problem(path, line, f"unknown kind {row.get('kind')!r}", f"use one of {', '.join(kinds)}"))
    if not isinstance(row.get("target"), str):
        problems.append(Problem(path, line, "a fault needs a target", "name a point, a source or a telescope"))
    for name in ("duration", "every", "first", "amount", "status"):
        value = row.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            problems.append(Problem(path, line, f"{name} is no number", "write seconds, or the amount in the point's unit"))
        elif value < 0 and name in ("duration", "every"):
            problems.append(Problem(path, line, f"{name} is negative", "write seconds from 0 on"))
    if len(problems) > before:
        return None
    return Fault(FaultKind(row["kind"]), **{k: v for k, v in row.items() if k != "kind"})

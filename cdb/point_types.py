"""From what is given for a point to its PointType: inheritance, and what goes together."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass

from cdb.definitions import AssemblyDef, Definitions, PointDef
from cdb.reading import Field, Given, Log, Place, merge, value_of
from kernel.array import NO_PROCESSING, DeadbandKind, Limits, PointKind, PointType, Processing, WindowMode

_NUMERIC = (PointKind.DOUBLE, PointKind.LONG)
_ONLY_NUMBERS = ("unit", "limits", "deadband", "range")
_ONLY_NUMBERS_PROCESSING = ("window", "statistics", "resolution")
_LEVELS = ("lolo", "lo", "hi", "hihi")


@dataclass(frozen=True, slots=True)
class TypeDef:
    """The type of a point or of a family, its group still empty, and of the statistics made from it."""

    type: PointType
    derived: tuple[tuple[str, PointType], ...]
    source: Field | None
    node: Field | None
    enabled: bool
    given: Given
    """All that was given, for overrides to build upon."""


def inherited(point: PointDef, assembly: AssemblyDef | None, definitions: Definitions, log: Log) -> Given:
    """A point's own keys over its profile's, over its assembly's defaults. A point's profile replaces that of the defaults."""
    defaults = dict(assembly.defaults) if assembly else {}
    inherited_profile = defaults.pop("profile", None)
    profile = point.given.get("profile") or inherited_profile
    return merge(defaults, profile_of(profile, definitions, log), point.given)


def profile_of(profile: Field | None, definitions: Definitions, log: Log) -> Given:
    """What a named profile gives."""
    if profile is None:
        return {}
    found = definitions.profiles.get(profile.value)
    if found is None:
        log.unknown(profile.place, f"unknown profile {profile.value}", profile.value, definitions.profiles)
        return {}
    given: Given = found.value
    return given


def type_of(name: str, given: Given, own: Given, classes: Collection[str], log: Log) -> TypeDef:
    """Builds the type. `own` is what the point itself gives: what it cannot use of that is a mistake; what it inherits
    and cannot use is passed over."""
    kind: PointKind = value_of(given, "kind", PointKind.DOUBLE)
    usable = given if kind in _NUMERIC else _without_numbers(name, kind, given, own, log)
    if kind is not PointKind.ENUM:
        if "labels" in own:
            log.add(
                own["labels"].place, f"{name}: labels are for kind enum, this is {kind.value}", "write kind: enum, or remove the labels"
            )
        usable = {k: v for k, v in usable.items() if k != "labels"}
    deadband, deadband_kind = value_of(usable, "deadband", (0.0, DeadbandKind.ABSOLUTE))
    _check_deadband(name, usable, deadband, deadband_kind, log)
    archive_class = value_of(usable, "class", "standard")
    if archive_class not in classes:
        log.unknown(usable["class"].place, f"{name}: unknown class {archive_class}", archive_class, classes)
    sampling = value_of(usable, "sampling", 1.0)
    type_ = PointType(
        kind=kind,
        unit=value_of(usable, "unit", ""),
        description=value_of(usable, "description", ""),
        labels=value_of(usable, "labels", ()),
        limits=_limits(name, value_of(usable, "limits", {}), log),
        sampling=sampling,
        deadband=deadband,
        deadband_kind=deadband_kind,
        range=value_of(usable, "range"),
        processing=_processing(name, value_of(usable, "processing", {}), sampling, log),
        archive_class=archive_class,
    )
    derived = tuple((s, _statistic(type_, s)) for s in type_.processing.statistics)
    return TypeDef(type_, derived, usable.get("source"), usable.get("node"), value_of(usable, "enabled", True), given)


def _check_deadband(name: str, usable: Given, deadband: float, kind: DeadbandKind, log: Log) -> None:
    """A deadband in % is one of a range; one that is wider than the range lets nothing through but the first value."""
    span = value_of(usable, "range")
    if kind is DeadbandKind.PERCENT and span is None:
        log.add(usable["deadband"].place, f"{name}: a deadband in % needs a range", "give range: [low, high], or a deadband in the unit")
    elif kind is DeadbandKind.ABSOLUTE and span is not None and deadband > span[1] - span[0]:
        text = f"{name}: the deadband {deadband:g} is wider than the range from {span[0]:g} to {span[1]:g}, so no change would be reported"
        log.add(usable["deadband"].place, text, "write the smallest change that matters")


def with_group(t: PointType, group: str) -> PointType:
    """The type of one member of a family. Spelt out: dataclasses.replace takes four times as long, and there are thousands."""
    return PointType(
        t.kind,
        t.unit,
        t.description,
        t.labels,
        t.limits,
        t.sampling,
        t.deadband,
        t.deadband_kind,
        t.range,
        t.processing,
        t.archive_class,
        group,
    )


def _without_numbers(name: str, kind: PointKind, given: Given, own: Given, log: Log) -> Given:
    usable = {k: v for k, v in given.items() if k not in _ONLY_NUMBERS}
    _refuse(name, kind, own, _ONLY_NUMBERS, log)
    if "processing" in given:
        field = given["processing"]
        usable["processing"] = Field({k: v for k, v in field.value.items() if k not in _ONLY_NUMBERS_PROCESSING}, field.place)
    if "processing" in own:
        _refuse(name, kind, own["processing"].value, _ONLY_NUMBERS_PROCESSING, log)
    return usable


def _refuse(name: str, kind: PointKind, own: Given, keys: Collection[str], log: Log) -> None:
    for key in keys:
        if key in own:
            log.add(own[key].place, f"{name}: {key} is for numbers, this is {kind.value}", f"remove {key}, or write kind: double")


def _limits(name: str, given: Given, log: Log) -> Limits:
    rising: list[tuple[str, Field]] = [(level, given[level]) for level in _LEVELS if level in given and given[level].value is not None]
    for (low, a), (high, b) in itertools.pairwise(rising):
        if a.value > b.value:
            later: Place = max(a.place, b.place, key=lambda p: p.line) if a.place.path == b.place.path else b.place
            log.add(later, f"{name}: limit {low} {a.value:g} is above {high} {b.value:g}", "they must rise: lolo <= lo <= hi <= hihi")
    return Limits(**{level: field.value for level, field in rising}) if rising else _NO_LIMITS


_NO_LIMITS = Limits()


def _processing(name: str, given: Given, sampling: float, log: Log) -> Processing:
    if not given:
        return NO_PROCESSING
    mode, window = value_of(given, "window", ("inside", None))
    statistics = value_of(given, "statistics", {})
    every, which = value_of(statistics, "every"), value_of(statistics, "which", ())
    if statistics and not {"every", "which"} <= statistics.keys():
        log.add(given["statistics"].place, f"{name}: statistics needs every and which", "write e.g. {every: 1m, which: [mean, max]}")
    elif every is not None and every < sampling:
        text = f"{name}: statistics every {every:g} s is shorter than the sampling interval of {sampling:g} s"
        log.add(statistics["every"].place, text, "use at least several sampling intervals")
    return Processing(
        max_silence=value_of(given, "max_silence"),
        window=window,
        window_mode=WindowMode(mode),
        statistics_every=every if which else None,
        statistics=tuple(dict.fromkeys(which)) if every else (),
        accept=tuple(dict.fromkeys(value_of(given, "accept", ("good", "uncertain", "bad")))),
        resolution=value_of(given, "resolution"),
    )


def _statistic(t: PointType, statistic: str) -> PointType:
    """The type of a derived point: as its origin, sampled once per window, without deadband, limits and processing of its own."""
    every = t.processing.statistics_every or t.sampling
    counts = statistic == "count"
    text = f"{t.description}: {statistic} over {every:g} s" if t.description else f"{statistic} over {every:g} s"
    return PointType(
        kind=PointKind.LONG if counts else PointKind.DOUBLE,
        unit="" if counts else t.unit,
        description=text,
        sampling=every,
        range=None if counts else t.range,
        archive_class=t.archive_class,
    )

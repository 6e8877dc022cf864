"""Points and their values: which there are, what they are now, what they were then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from mla_client.columns import Labels, labels_of, qualities_of, times_of, values_of
from mla_client.errors import BadRequest, UnknownPoint
from mla_client.model import Point
from mla_client.protocol import Step, ask
from mla_client.readings import Readings, merged
from mla_client.shapes import decode, selection
from mla_client.times import When, datetime_of, is_relative, moment_us

Names: TypeAlias = str | Sequence[str]
"""One name, or several; each may be a pattern such as `ast*.mount.azimuth` (`*` any characters, `?` one, `[12]` one of these)."""

Many: TypeAlias = list[str] | tuple[str, ...]
"""Several names or patterns."""

PAGE = 500
_POINTS = f"""query($filter: PointFilter, $first: Int!, $after: String) {{ points(filter: $filter, first: $first, after: $after) {{
    nodes {{ {selection(Point)} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
_NAMES = """query($filter: PointFilter, $first: Int!, $after: String) { points(filter: $filter, first: $first, after: $after) {
    nodes { name } pageInfo { hasNextPage endCursor } } }"""
_POINT = f"query($name: String!) {{ point(name: $name) {{ {selection(Point)} }} }}"
_UNITS = "points(filter: {names: $points}, first: 500) { nodes { name unit labels { value label } } }"
_LAST = f"query($points: [String!]!) {{ values: lastValues(points: $points) {{ serverTime points columns }} {_UNITS} }}"
_AT = f"query($points: [String!]!, $at: Time!) {{ values: valuesAt(points: $points, at: $at) {{ serverTime points columns }} {_UNITS} }}"
_LABELS = """query($filter: PointFilter, $first: Int!, $after: String) { points(filter: $filter, first: $first, after: $after) {
    nodes { name labels { value label } } pageInfo { hasNextPage endCursor } } }"""
_NOW = "{ pipeline { time } }"


def pages(query: str, field: str, at_most: int | None = None, **variables: Any) -> Step[list[dict[str, Any]]]:
    """All nodes of a connection, page by page, or the first at_most."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while at_most is None or len(found) < at_most:
        first = PAGE if at_most is None else min(PAGE, at_most - len(found))
        page = (yield from ask(query, first=first, after=after, **variables))[field]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    return found


def points(
    pattern: str | None = None,
    *,
    search: str | None = None,
    device: str | None = None,
    asset: str | None = None,
    kind: Names | None = None,
    quality: Names | None = None,
    group: str | None = None,
    at_most: int | None = None,
) -> Step[list[Point]]:
    """The points that meet all conditions, with their newest samples.

    pattern: `*` any characters, `?` one, `[12]` one of these. search: words, each found in name, initials or description; best first.
    asset: this one and those below it. kind: DOUBLE LONG BOOL ENUM TEXT. quality: GOOD UNCERTAIN BAD. group: the same quantity of all
    telescopes.
    """
    wanted: dict[str, Any] = {"glob": pattern, "search": search, "device": device, "asset": asset, "group": group}
    wanted |= {"kind": _codes(kind), "quality": _codes(quality)}
    nodes = yield from pages(_POINTS, "points", at_most, filter={k: v for k, v in wanted.items() if v is not None})
    return [decode(Point, n) for n in nodes]


def _codes(given: Names | None) -> list[str] | None:
    """Enumeration values in capitals, as GraphQL wants them."""
    return None if given is None else [v.upper() for v in ([given] if isinstance(given, str) else given)]


def search(words: str, at_most: int = 20) -> Step[list[Point]]:
    """The points that fit the words best: three letters of name, initials or description are enough."""
    return (yield from points(search=words, at_most=at_most))


def point(name: str) -> Step[Point]:
    """One point. Raises UnknownPoint with names that are nearly the same."""
    found = (yield from ask(_POINT, name=name))["point"]
    if found is None:
        yield from ask(_LAST, points=[name])  # this one refuses with guesses
        raise UnknownPoint(f"no point {name}", "UNKNOWN_POINT", {"points": [{"name": name}]})
    return decode(Point, found)


def last(points: Names) -> Step[Readings]:
    """The newest sample of each point."""
    return (yield from _readings(_LAST, points, {}))


def values_at(points: Names, at: When) -> Step[Readings]:
    """The sample of each point that was in force at a moment."""
    now = (yield from server_now()) if is_relative(at) else 0
    return (yield from _readings(_AT, points, {"at": moment_us(at, now)}))


def _readings(query: str, points: Names, variables: Mapping[str, Any]) -> Step[Readings]:
    names = yield from named(points)
    parts = []
    for i in range(0, len(names), PAGE):
        parts.append(readings_of((yield from ask(query, points=names[i : i + PAGE], **variables))))
    return merged(parts)


def readings_of(data: Mapping[str, Any]) -> Readings:
    """A decoded answer."""
    values, units = data["values"], {n["name"]: n["unit"] for n in data["points"]["nodes"]}
    columns, names = values["columns"], tuple(values["points"])
    return Readings(
        points=names,
        units=tuple(units.get(n, "") for n in names),
        time=times_of(columns["t"]),
        value=values_of(columns["v"]),
        quality=qualities_of(columns["q"]),
        server_time=datetime_of(values["serverTime"]),
        labels=labels_of(data["points"]["nodes"]),
    )


def named(points: Names) -> Step[list[str]]:
    """The names meant: patterns are looked up in the catalogue; nothing twice. Raises BadRequest where nothing is meant."""
    wanted = [points] if isinstance(points, str) else list(points)
    found: list[str] = []
    for name in wanted:
        if is_pattern(name):
            nodes = yield from pages(_NAMES, "points", filter={"glob": name})
            if not nodes:
                raise BadRequest(f"no point fits {name}", "BAD_REQUEST")
            found += [n["name"] for n in nodes]
        else:
            found.append(name)
    if not found:
        raise BadRequest("name at least one point", "BAD_REQUEST")
    return list(dict.fromkeys(found))


def labelled(names: Sequence[str]) -> Step[Labels]:
    """The enumerations among some points."""
    return labels_of((yield from pages(_LABELS, "points", filter={"names": list(names), "kind": ["ENUM", "BOOL"]})))


def is_pattern(name: str) -> bool:
    """Whether a name stands for several points."""
    return any(c in name for c in "*?[")


def server_now() -> Step[int]:
    """The server's clock, microseconds UTC: `now-1h` means its now, not that of a laptop."""
    return int((yield from ask(_NOW))["pipeline"]["time"])

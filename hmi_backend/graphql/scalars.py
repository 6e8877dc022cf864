"""The scalars of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from hmi_backend.errors import BadRequest
from hmi_backend.times import format_duration, parse_duration, parse_time

Time = NewType("Time", int)
Duration = NewType("Duration", int)
Long = NewType("Long", int)
Value = NewType("Value", object)
Columns = NewType("Columns", dict[str, Any])
Definitions = NewType("Definitions", dict[str, Any])
ViewContent = NewType("ViewContent", dict[str, Any])


def _parse_moment(value: object) -> object:
    parse_time(value, 0)  # refuses nonsense where it stands in the document; what `now` means is known only when it is used
    return value


def _parse_long(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise BadRequest(f"{value!r} is no integer")


def _parse_columns(value: object) -> object:
    raise BadRequest("Columns and Definitions are given out, not taken in")


def _parse_content(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise BadRequest('the content of a view is a JSON object such as {"plots": […]}')


SCALARS: Mapping[object, ScalarDefinition] = {
    Time: strawberry.scalar(
        name="Time",
        description="Out: integer microseconds UTC. In: the same, ISO 8601 (UTC where no offset is given), `now`, or `now-10m`.",
        serialize=int,
        parse_value=_parse_moment,
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="`250ms`, `10s`, `5m`, `1h30m`, `7d`; in also a number of seconds.",
        serialize=format_duration,
        parse_value=parse_duration,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="An integer of up to 53 bits, exact in every JSON reader.",
        serialize=int,
        parse_value=_parse_long,
    ),
    Value: strawberry.scalar(
        name="Value",
        description="A sample's value: number, string or null. Booleans and enumerations are 0, 1, 2 …; see Point.labels.",
        serialize=lambda v: v,
        parse_value=lambda v: v,
    ),
    Columns: strawberry.scalar(
        name="Columns",
        description=(
            'Samples as one JSON value of equally long columns, {"t": […], "v": […], "q": […]}: '
            "microseconds UTC, values, quality (0 good, 1 uncertain, 2 bad). "
            "A value that is not a number, or infinite, is null; where nothing was ever received t, v and q are null."
        ),
        serialize=lambda v: v,
        parse_value=_parse_columns,
    ),
    Definitions: strawberry.scalar(
        name="Definitions",
        description=(
            "What is configured of some points as one JSON value, "
            '{"type": […], "asset": […], "device": […], "address": […], "types": […]}: '
            "columns aligned with the points; `type` counts in `types`, whose entries have the fields that a Point has of the same names."
        ),
        serialize=lambda v: v,
        parse_value=_parse_columns,
    ),
    ViewContent: strawberry.scalar(
        name="ViewContent",
        description="What a page keeps of itself: a JSON object of at most 64 KiB, given back as it was.",
        serialize=lambda v: v,
        parse_value=_parse_content,
    ),
}

"""Gap and state events as rows of a store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from schemas.records import GapCause, StateEvent, StateKind

COLUMNS = "kind, cause, start, end, time, points, count, detail"
"""Of a row, in this order."""


def event_of(source: str, row: Sequence[Any]) -> StateEvent:
    """The event that a row of COLUMNS is."""
    kind, cause, start, end, time, points, count, detail = row
    return StateEvent(
        source=source,
        time=time,
        kind=StateKind(kind),
        cause=GapCause(cause),
        points=tuple(json.loads(points)),
        start=start,
        end=end,
        count=count,
        detail=detail,
    )

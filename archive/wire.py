"""Where the list of names stands in the bytes of a batch: a journal that has these very names already need not keep them again.

A batch of a thousand points is two thirds names, and the names of a source's batches are the same for hours.
"""

from __future__ import annotations

from functools import cache

from schemas import varints
from schemas.records import PointBatch
from schemas.registry import current, marker


@cache
def _before_names() -> tuple[bytes, tuple[str, ...]]:
    """The marker of the schema in force, and the types of the fields that stand before `names` in it."""
    schema = current(PointBatch.__name__)
    types = []
    for field in schema["fields"]:
        if field["name"] == "names":
            break
        types.append(field["type"])
    return marker(schema), tuple(types)


def names_span(wire: bytes) -> tuple[int, int] | None:
    """From where to where the names stand; None where that is not easily seen (bytes of another schema or of another encoder)."""
    mark, types = _before_names()
    if not wire.startswith(mark):
        return None
    at = len(mark)
    for kind in types:
        if kind not in ("string", "long"):
            return None
        value, at = varints.decode_one(wire, at)
        if kind == "string":
            at += value
    begin = at
    while True:
        count, at = varints.decode_one(wire, at)
        if count == 0:
            return begin, at
        if count > 0:
            return None
        size, at = varints.decode_one(wire, at)
        at += size

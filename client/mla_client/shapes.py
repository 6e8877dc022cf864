"""Dataclasses and GraphQL: the fields to ask for, and the answer decoded, both from the class alone."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from mla_client.times import datetime_of

T = TypeVar("T")


def api_name(name: str) -> str:
    """`archive_class` is `archiveClass` there; a trailing underscore (`in_`) keeps Python happy and is dropped."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


@cache
def selection(cls: type) -> str:
    """The fields of a dataclass as GraphQL asks for them, nested classes included."""
    hints = get_type_hints(cls)
    return " ".join(api_name(f.name) + _nested(hints[f.name]) for f in fields(cls))


def _nested(hint: Any) -> str:
    inner = _inner(hint)
    return f" {{ {selection(inner)} }}" if isinstance(inner, type) and hasattr(inner, "__dataclass_fields__") else ""


def _inner(hint: Any) -> Any:
    """The item's type of `X | None`, `tuple[X, ...]`."""
    if get_origin(hint) in (types.UnionType, Union):
        real = [a for a in get_args(hint) if a is not type(None)]
        return _inner(real[0]) if len(real) == 1 else hint
    return _inner(get_args(hint)[0]) if get_origin(hint) is tuple else hint


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return get_type_hints(cls)


def decode(cls: type[T], data: Mapping[str, Any]) -> T:
    """The answer as a value of the class."""
    kind: type = cls
    hints = _hints(kind)
    return cls(**{f.name: _value(hints[f.name], data[api_name(f.name)]) for f in fields(kind)})


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    inner = _inner(hint)
    if isinstance(value, list):
        return tuple(_value(inner, v) for v in value)
    if inner is datetime:
        return datetime_of(value)
    if isinstance(inner, type) and issubclass(inner, Enum):
        return inner[value]
    return decode(inner, value) if hasattr(inner, "__dataclass_fields__") else value

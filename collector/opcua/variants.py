"""Values that are no plain number: dates, localised texts, arrays, structures. They travel as text; arrays and structures as JSON."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary

from kernel.samples import Kind


def odd_item(body: bytes, pos: int) -> tuple[Any, Kind, int]:
    """The value of the Variant at pos, its kind and the position after it. Raises ValueError where asyncua cannot read it."""
    buffer = Buffer(body, pos)
    try:
        variant = variant_from_binary(buffer)
    except Exception as error:  # the decoder fails in many ways on bytes that are no Variant
        raise ValueError(f"no readable value: {error}") from error
    value, kind = column_value(variant.Value)
    return value, kind, len(body) - len(buffer)


def column_value(value: Any) -> tuple[Any, Kind]:
    """A decoded value as it stands in a column: a number, a text, or NaN where there is none."""
    if value is None:
        return float("nan"), Kind.DOUBLE
    if isinstance(value, (bool, int)):
        return (int(value), Kind.LONG) if -(2**63) <= int(value) < 2**63 else (float(value), Kind.DOUBLE)
    if isinstance(value, float):
        return value, Kind.DOUBLE
    plain = _plain(value)
    return (plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)), Kind.TEXT


def readable(text: str) -> str:
    """A text whose bytes were no UTF-8 (devices that write Latin-1 are common), as asyncua decodes it, with those bytes written as \\xe9;
    any other text as it is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return text


def _plain(value: Any) -> Any:
    """Anything asyncua decodes, as JSON knows it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)
    if isinstance(value, ua.LocalizedText):
        return value.Text or ""
    if isinstance(value, ua.QualifiedName):
        return value.Name or ""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (ua.NodeId, ua.StatusCode, UUID)):
        return value.to_string() if isinstance(value, ua.NodeId) else value.name if isinstance(value, ua.StatusCode) else str(value)
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if not f.name.startswith("_")}
    return str(value)

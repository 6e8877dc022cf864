"""Makers of asyncua's plain values. Its annotations ask for wrapper types (Int32, UInt32 ...) that its own code passes as plain numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from kernel.clock import SECOND

_NODE_ID: Any = ua.NodeId
_STATUS: Any = ua.StatusCode
_VALUE: Any = ua.DataValue
_QUALIFIED: Any = ua.QualifiedName
_TEXT: Any = ua.LocalizedText


def node_id(identifier: int | str, namespace: int = 0) -> ua.NodeId:
    """A numeric or a string NodeId."""
    made: ua.NodeId = _NODE_ID(identifier, namespace)
    return made


def status_code(code: int = 0) -> ua.StatusCode:
    """Good unless told otherwise."""
    made: ua.StatusCode = _STATUS(code)
    return made


def qualified(name: str, namespace: int) -> ua.QualifiedName:
    """A browse name."""
    made: ua.QualifiedName = _QUALIFIED(name, namespace)
    return made


def text(plain: str) -> ua.LocalizedText:
    """A text without a locale."""
    made: ua.LocalizedText = _TEXT(plain)
    return made


def data_value(value: ua.Variant, code: int = 0, source: int | None = None, server: int | None = None) -> ua.DataValue:
    """A value with a status code and times in microseconds UTC."""
    times = {"SourceTimestamp": moment(source), "ServerTimestamp": moment(server)}
    made: ua.DataValue = _VALUE(value, status_code(code), **times)
    return made


def moment(micros: int | None) -> datetime | None:
    """Microseconds UTC as asyncua's time."""
    return None if micros is None else datetime.fromtimestamp(micros / SECOND, UTC)

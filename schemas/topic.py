"""A topic: a named, ordered stream of records of one Avro schema; it knows its name, its key and its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Topic(Generic[R]):
    """The only words that bus, hot queue and archive need for a stream of records."""

    name: str
    record: type[R]
    key: Callable[[R], str]
    time: Callable[[R], int]
    """Microseconds UTC of a record."""

    def __repr__(self) -> str:
        return f"Topic({self.name})"

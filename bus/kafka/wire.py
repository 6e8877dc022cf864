"""How records stand in messages: as they are encoded (Avro single-object encoding), or, with a schema registry, in Confluent's format."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from bus.envelope import Packed
from bus.kafka.registry import SchemaRegistry
from kernel.errors import NotAvailable
from schemas.codec import Codec, NotDecodable
from schemas.confluent import from_single_object, head, number_of, to_single_object
from schemas.records import TOPICS
from schemas.registry import Schema, current, foreign, marker, parsed, released
from schemas.topic import Topic

log = logging.getLogger(__name__)
R = TypeVar("R")
REMEMBERED: Final = 4096
"""Numbers that name no schema, kept in memory, so that bad bytes cost no question each."""


class Wire(Protocol):
    """Between the codec and the messages of a bus."""

    async def framed(self, topic: Topic[Any], packed: Sequence[Packed]) -> Sequence[Packed]:
        """The records as messages hold them. Raises NotAvailable."""
        ...

    def unknown(self, values: Iterable[bytes]) -> Sequence[int]:
        """Numbers of schemas that must be learned before these messages can be decoded."""
        ...

    def learn(self, number: int) -> None:
        """Blocks until the schema is known, or known not to exist. Raises NotAvailable. From any thread."""
        ...

    def decode(self, topic: Topic[R], data: bytes) -> R:
        """The record in a message. Raises NotDecodable."""
        ...


class PlainWire:
    """Without a registry: the record's own marker says how it was written."""

    async def framed(self, topic: Topic[Any], packed: Sequence[Packed]) -> Sequence[Packed]:
        """See Wire."""
        return packed

    def unknown(self, values: Iterable[bytes]) -> Sequence[int]:
        """See Wire."""
        return ()

    def learn(self, number: int) -> None:
        """See Wire."""
        raise AssertionError("nothing is unknown without a registry")

    def decode(self, topic: Topic[R], data: bytes) -> R:
        """See Wire."""
        return Codec(topic.record).decode(data)


@dataclass(frozen=True, slots=True)
class _Written:
    """What a number in the registry stands for."""

    marker: bytes
    """That the same schema has in single-object encoding."""
    schema: Schema
    """Parsed."""


class RegisteredWire:
    """With a registry: messages name their schema by its number there; both formats are read. What was once learned holds for good,
    since registries never give a number twice: a registry that goes away stops nothing but what is new."""

    def __init__(self, registry: SchemaRegistry, name: Callable[[str], str]) -> None:
        """`name` gives a topic's name on the cluster."""
        self._registry, self._name = registry, name
        self._heads: dict[tuple[str, type[Any]], bytes] = {}
        self._known: dict[int, _Written] = {}
        self._useless: dict[int, str] = {}
        """Number to the reason."""
        self._door = asyncio.Lock()

    async def framed(self, topic: Topic[Any], packed: Sequence[Packed]) -> Sequence[Packed]:
        """See Wire. On the first use every topic of the platform is registered at once, so that none waits for the registry later."""
        key = (topic.name, topic.record)
        if key not in self._heads:
            async with self._door:
                if key not in self._heads:
                    await asyncio.get_running_loop().run_in_executor(None, self._register_all, topic)
        mine = self._heads[key]
        return [(time, from_single_object(mine, data)) for time, data in packed]

    def unknown(self, values: Iterable[bytes]) -> Sequence[int]:
        """See Wire."""
        found = {number_of(data) for data in values}
        return [n for n in found if n is not None and n not in self._known and n not in self._useless]

    def learn(self, number: int) -> None:
        """See Wire."""
        try:
            self._known[number] = _Written(*foreign(self._registry.schema(number)))
        except ValueError as error:
            if len(self._useless) >= REMEMBERED:
                self._useless.clear()
            self._useless[number] = f"schema {number} of the registry is of no use: {error}"

    def decode(self, topic: Topic[R], data: bytes) -> R:
        """See Wire. Of a schema that we released only the head is exchanged, so that the fast codec does the work."""
        number = number_of(data)
        if number is None:
            return Codec(topic.record).decode(data)
        written = self._known.get(number)
        if written is None:
            raise NotDecodable(f"not a {topic.record.__name__}: {self._useless.get(number, f'schema {number} cannot be had')}")
        single = to_single_object(written.marker, data)
        if written.marker in released(topic.record.__name__):
            return Codec(topic.record).decode(single)
        return Codec(topic.record).decode_body(single[len(written.marker) :], written.schema)

    def _register_all(self, first: Topic[Any]) -> None:
        """Raises what is wrong with the first; the others may say it when they are used."""
        self._register(first)
        for topic in TOPICS:
            if (topic.name, topic.record) not in self._heads:
                try:
                    self._register(topic)
                except NotAvailable as error:
                    log.warning("%s", error)

    def _register(self, topic: Topic[Any]) -> None:
        schema, subject = current(topic.record.__name__), f"{self._name(topic.name)}-value"
        number = self._registry.register(subject, schema)
        log.info("schema registry %s: %s is schema %d of %s", self._registry.shown, schema["name"], number, subject)
        self._known[number] = _Written(marker(schema), parsed(schema))
        self._heads[topic.name, topic.record] = head(number)

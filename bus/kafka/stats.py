"""What topics hold and who is behind, asked of the brokers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from bus.kafka.client_log import CLIENT_LOG
from bus.kafka.place import KafkaPlace
from bus.kafka.publisher import TIME
from bus.kafka.reader import consumer_settings
from bus.kafka.topics import ASK, Topics
from kernel.bus import TopicStats
from kernel.clock import monotonic

_LOOK = 3.0
"""Seconds spent at most on reading the first and last records."""


@dataclass(frozen=True, slots=True)
class _Record:
    time: int
    size: int


Extents = Mapping[tuple[str, int], tuple[int, int]]


def measure(place: KafkaPlace, topics: Topics) -> list[TopicStats]:
    """Blocks. One entry per topic with our prefix. `bytes` is estimated from the sizes of each partition's first and last record."""
    extents = _extents(place, topics)
    groups = _groups(place, topics, extents)
    spots = [(t, p, o) for (t, p), (low, high) in extents.items() if high > low for o in {low, high - 1}]
    records = _look(place, spots)
    return [_stats(place, name, extents, groups, records) for name in sorted({t for t, _ in extents})]


def _extents(place: KafkaPlace, topics: Topics) -> Extents:
    found = topics.admin.list_topics(timeout=ASK).topics
    mine = [n for n in found if n.startswith(place.prefix) and not n.startswith("__")]
    places = [TopicPartition(n, p) for n in mine for p in found[n].partitions]
    if not places:
        return {}
    ends: list[dict[tuple[str, int], int]] = []
    for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):  # type: ignore[no-untyped-call]
        asked: Any = topics.admin.list_offsets(
            dict.fromkeys(places, spec), isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=ASK
        )
        ends.append({(tp.topic, tp.partition): future.result().offset for tp, future in asked.items()})
    return {at: (ends[0][at], ends[1][at]) for at in ends[0]}


def _groups(place: KafkaPlace, topics: Topics, extents: Extents) -> dict[str, dict[str, tuple[int, int]]]:
    """Topic to group to (lag, evicted)."""
    result: dict[str, dict[str, tuple[int, int]]] = {}
    listed = topics.admin.list_consumer_groups(request_timeout=ASK).result().valid
    for id in [g.group_id for g in listed if g.group_id.startswith(place.prefix)]:
        asked = topics.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(id)], request_timeout=ASK)
        for tp in asked[id].result().topic_partitions or ():
            extent = extents.get((tp.topic, tp.partition))
            if extent is None or tp.offset < 0 or not id.endswith(f".{tp.topic.removeprefix(place.prefix)}"):
                continue
            topic = tp.topic.removeprefix(place.prefix)
            group = id.removeprefix(place.prefix).removesuffix(f".{topic}")
            lag, evicted = result.setdefault(tp.topic, {}).get(group, (0, 0))
            before = int(tp.metadata) if tp.metadata and tp.metadata.isdecimal() else 0
            lag += extent[1] - max(tp.offset, extent[0])
            evicted += before + max(0, extent[0] - tp.offset)
            result[tp.topic][group] = (lag, evicted)
    return result


def _look(place: KafkaPlace, spots: Sequence[tuple[str, int, int]]) -> dict[tuple[str, int, int], _Record]:
    """Reads single records."""
    found: dict[tuple[str, int, int], _Record] = {}
    if not spots:
        return found
    consumer = Consumer(
        {**consumer_settings(place, "mla.stats"), "queued.min.messages": 1, "fetch.message.max.bytes": 4096}, logger=CLIENT_LOG
    )
    try:
        left = list(spots)
        end = monotonic() + _LOOK
        while left and monotonic() < end:
            now = {(t, p): (t, p, o) for t, p, o in left}  # one spot per partition at a time
            consumer.assign([TopicPartition(*spot) for spot in now.values()])
            waiting = set(now.values())
            while waiting and monotonic() < end:
                for m in consumer.consume(len(waiting), 0.05):
                    at = (m.topic() or "", m.partition() or 0, m.offset() or 0)
                    if m.error() is None and at in waiting:
                        found[at] = _Record(_time(m), len(m.value() or b""))
                        waiting.discard(at)
            left = [s for s in left if s not in now.values()]
    finally:
        consumer.close()
    return found


def _time(message: Message) -> int:
    """The record's time from its header; the broker's for records that others wrote."""
    headers: Any = message.headers() or ()
    for name, value in headers:
        if name == TIME and isinstance(value, bytes) and len(value) == 8:
            return int.from_bytes(value, "big", signed=True)
    return int(message.timestamp()[1]) * 1000


def _stats(
    place: KafkaPlace,
    name: str,
    extents: Extents,
    groups: Mapping[str, Mapping[str, tuple[int, int]]],
    records: Mapping[tuple[str, int, int], _Record],
) -> TopicStats:
    mine = {p: e for (t, p), e in extents.items() if t == name and e[1] > e[0]}
    firsts = [r for p, (low, _) in mine.items() if (r := records.get((name, p, low)))]
    lasts = [r for p, (_, high) in mine.items() if (r := records.get((name, p, high - 1)))]
    count = sum(high - low for low, high in mine.values())
    seen = firsts + lasts
    of = groups.get(name, {})
    return TopicStats(
        topic=name.removeprefix(place.prefix),
        records=count,
        bytes=round(count * sum(r.size for r in seen) / len(seen)) if seen else 0,
        first_time=min((r.time for r in firsts), default=0),
        last_time=max((r.time for r in lasts), default=0),
        lag={g: lag for g, (lag, _) in of.items()},
        evicted={g: evicted for g, (_, evicted) in of.items()},
    )

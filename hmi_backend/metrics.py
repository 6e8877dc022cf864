"""/metrics: the ledger, the services, the archive and this process, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from hmi_backend.graphql.read_platform import hop_lags
from hmi_backend.state import Backend
from kernel.archive import ArchiveStats
from kernel.bus import TopicStats
from kernel.clock import SECOND
from kernel.errors import NotAvailable
from kernel.fleet import HopStatus, InstanceStatus
from schemas.records import ServiceState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
UP: Final = (ServiceState.RUNNING, ServiceState.DEGRADED, ServiceState.STARTING)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is exposed, taken at one moment."""

    now: int
    hops: Sequence[HopStatus]
    instances: Sequence[InstanceStatus]
    topics: Sequence[TopicStats]
    archive: ArchiveStats | None
    revision: int
    sockets: int
    streams: int
    laggards: int


async def picture(backend: Backend) -> Picture:
    """What cannot be had just now is left out: a scrape must work while the archive does not."""
    now = backend.clock.now()
    try:
        archive: ArchiveStats | None = await backend.archive_stats()
    except NotAvailable:
        archive = None
    try:
        topics = await backend.topics()
    except NotAvailable:
        topics = ()
    links = backend.links
    return Picture(
        now,
        backend.fleet.hops(now),
        backend.fleet.instances(now),
        topics,
        archive,
        backend.ports.live.current.revision,
        len(links),
        links.streams,
        links.laggards,
    )


def _gauge(name: str, text: str, labels: Sequence[str], rows: Sequence[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _counter(name: str, text: str, labels: Sequence[str], rows: Sequence[tuple[Sequence[str], float]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _ledger(p: Picture) -> Iterator[Metric]:
    hop = ("hop", "source")
    yield _counter("mla_hop_in", "Records that entered a hop.", hop, [((h.name, h.source), h.entered) for h in p.hops])
    yield _counter("mla_hop_out", "Records that left a hop.", hop, [((h.name, h.source), h.left) for h in p.hops])
    lost = [((h.name, h.source, cause), float(n)) for h in p.hops for cause, n in sorted(h.lost.items())]
    yield _counter("mla_hop_lost", "Records that ended at a hop, by cause.", (*hop, "cause"), lost)
    yield _gauge("mla_hop_inside", "Records in a hop: in - out - lost.", hop, [((h.name, h.source), h.inside) for h in p.hops])
    yield _gauge("mla_hop_rate_in", "Records per second entering.", hop, [((h.name, h.source), h.rate_in) for h in p.hops])
    yield _gauge("mla_hop_rate_out", "Records per second leaving.", hop, [((h.name, h.source), h.rate_out) for h in p.hops])
    ages = [((h.name, h.source), (p.now - h.last) / SECOND) for h in p.hops if h.last]
    yield _gauge("mla_hop_age_seconds", "Since the last record passed.", hop, ages)
    lags = [((name,), lag) for name, lag in sorted(hop_lags(p.instances).items())]
    yield _gauge("mla_hop_lag_seconds", "How far a hop is behind.", ("hop",), lags)


def _services(p: Picture) -> Iterator[Metric]:
    who = ("service", "system", "instance")

    def rows(value: str) -> list[tuple[Sequence[str], float]]:
        return [((i.beat.service, i.beat.system, i.beat.instance), float(getattr(i.beat, value))) for i in p.instances]

    up = [((i.beat.service, i.beat.system, i.beat.instance), float(i.state in UP)) for i in p.instances]
    yield _gauge("mla_service_up", "1 while an instance runs.", who, up)
    states = [((i.beat.service, i.beat.system, i.beat.instance, i.state.value), 1.0) for i in p.instances]
    yield _gauge("mla_service_state", "The state of an instance.", (*who, "state"), states)
    yield _counter("mla_service_cpu_seconds", "CPU time of its process.", who, rows("cpu_s"))
    yield _gauge("mla_service_memory_bytes", "Memory of its process.", who, rows("rss_bytes"))
    yield _gauge("mla_service_config_revision", "Configuration in force there.", who, rows("revision"))
    gauges = [((i.beat.service, i.beat.system, i.beat.instance, n), v) for i in p.instances for n, v in sorted(i.beat.gauges.items())]
    yield _gauge("mla_service_gauge", "What an instance measures of itself; the name ends in the unit.", (*who, "name"), gauges)


def _stores(p: Picture) -> Iterator[Metric]:
    yield _gauge("mla_topic_records", "Records a topic holds.", ("topic",), [((t.topic,), t.records) for t in p.topics])
    yield _gauge("mla_topic_bytes", "Bytes a topic holds.", ("topic",), [((t.topic,), t.bytes) for t in p.topics])
    lags = [((t.topic, g), float(n)) for t in p.topics for g, n in sorted(t.lag.items())]
    yield _gauge("mla_topic_lag_records", "Records a consumer group has not committed.", ("topic", "group"), lags)
    gone = [((t.topic, g), float(n)) for t in p.topics for g, n in sorted(t.evicted.items())]
    yield _counter(
        "mla_topic_evicted_records", "Records that retention removed before a consumer group read them.", ("topic", "group"), gone
    )
    if p.archive is not None:
        a = p.archive
        yield _gauge("mla_archive_samples", "Samples in the archive.", (), [((), a.samples)])
        yield _gauge("mla_archive_open_samples", "Samples not yet in sealed chunks.", (), [((), a.open_samples)])
        yield _gauge("mla_archive_bytes", "Bytes of the archive.", (), [((), a.bytes)])
        yield _gauge("mla_archive_disk_free_bytes", "Free on the archive's disk.", (), [((), a.disk_free_bytes)])
        if a.days_left is not None:
            yield _gauge("mla_archive_days_left", "Until the disk is full at the present rate.", (), [((), a.days_left)])


def _screens(p: Picture) -> Iterator[Metric]:
    yield _gauge("mla_config_revision", "Configuration in force here.", (), [((), p.revision)])
    yield _gauge("mla_hmi_sockets", "Open web sockets.", (), [((), p.sockets)])
    yield _gauge("mla_hmi_streams", "Live feeds running.", (), [((), p.streams)])
    yield _counter("mla_hmi_laggards", "Sockets aborted because nobody read them.", (), [((), p.laggards)])


class _Shown(Collector):
    def __init__(self, shown: Picture) -> None:
        self._shown = shown

    def collect(self) -> Iterator[Metric]:
        for part in (_ledger, _services, _stores, _screens):
            yield from part(self._shown)


def text(shown: Picture) -> bytes:
    """The exposition format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Shown(shown))
    ProcessCollector(registry=registry)
    return generate_latest(registry)

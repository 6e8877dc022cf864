"""How old a point's newest sample was at each hop."""

from __future__ import annotations

from hmi_backend.graphql import types_latency as t
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.scalars import Time
from kernel.clock import SECOND


def gauge(context: Context, *names: str) -> float | None:
    """The greatest value that any instance gives to the first of the names that is known."""
    beats = [i.beat for i in context.backend.fleet.instances(context.backend.clock.now())]
    for name in names:
        found = [b.gauges[name] for b in beats if name in b.gauges]
        if found:
            return max(found, key=abs)
    return None


def latency(context: Context, device: str, time: Time | None, received: Time | None) -> t.PointLatency:
    """The way of the newest sample: exact for the device's hop, as the services measure themselves for the others."""
    _ = context.who
    now, sample, service = context.backend.clock.now(), t.LatencyBasis.SAMPLE, t.LatencyBasis.SERVICE
    heard = time is not None and received is not None
    hops = [
        t.HopLatency(hop=t.LatencyHop.COLLECTOR, seconds=(received - time) / SECOND if heard else None, basis=sample),  # type: ignore[operator]
        t.HopLatency(hop=t.LatencyHop.BUS, seconds=gauge(context, f"{device}.publish_lag_s", "collector.publish.lag_s"), basis=service),
        t.HopLatency(hop=t.LatencyHop.HOT_QUEUE, seconds=gauge(context, "dispatcher.hot.lag_s", "hot_delay_s"), basis=service),
        t.HopLatency(hop=t.LatencyHop.ARCHIVE, seconds=gauge(context, "dispatcher.store.lag_s", "archive_delay_s"), basis=service),
        t.HopLatency(hop=t.LatencyHop.NOW, seconds=None if received is None else (now - received) / SECOND, basis=sample),
    ]
    age = None if time is None else (now - time) / SECOND
    return t.PointLatency(time=time, age=age, skew=gauge(context, f"{device}.source_skew_s"), hops=hops)

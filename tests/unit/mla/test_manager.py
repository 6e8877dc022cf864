"""What a manager misses."""

from __future__ import annotations

from kernel.clock import SECOND
from kernel.fleet import Fleet
from mla.manager import unheard
from schemas.records import Heartbeat, ServiceState

T0 = 1_700_000_000 * SECOND
SERVICES = ("collector", "dispatcher")


def beat(service: str, state: ServiceState = ServiceState.RUNNING) -> Heartbeat:
    return Heartbeat(
        instance=f"{service}@h:1", service=service, system="monitoring", host="h", pid=1, time=T0, started=T0, state=state, last_error="",
        cpu_s=0.0, rss_bytes=0, gauges={}, hops=(),
    )  # fmt: skip


def missed(*beats: Heartbeat, after_s: float = 1.0) -> tuple[str, ...]:
    fleet = Fleet()
    for one in beats:
        fleet.add(one)
    return unheard(SERVICES, fleet.instances(T0 + round(after_s * SECOND)))


def test_a_service_without_an_instance_is_missed() -> None:
    assert missed() == SERVICES
    assert missed(beat("dispatcher")) == ("collector",)
    assert missed(beat("dispatcher"), beat("collector")) == ()


def test_a_stopped_service_is_missed_only_when_its_process_is_gone() -> None:
    both = beat("dispatcher"), beat("collector", ServiceState.STOPPED)
    assert missed(*both) == ()
    assert missed(*both, after_s=6.0) == ("collector",)


def test_what_failed_is_reported_as_failed_and_not_missed_too() -> None:
    assert missed(beat("dispatcher"), beat("collector"), after_s=60.0) == ()

from __future__ import annotations

from kernel.clock import SECOND
from kernel.fleet import Fleet
from schemas.records import Heartbeat, Hop, ServiceState

T0 = 1_800_000_000 * SECOND


def beat(
    instance: str = "dispatcher@h:1", *, time: int = T0, state: ServiceState = ServiceState.RUNNING, started: int = T0,
    hops: tuple[Hop, ...] = (), error: str = "",
) -> Heartbeat:  # fmt: skip
    service = instance.partition("@")[0]
    return Heartbeat(
        instance=instance, service=service, system="monitoring", host="h", pid=1, time=time, started=started, state=state, last_error=error,
        cpu_s=0.0, rss_bytes=0, gauges={}, hops=hops,
    )  # fmt: skip


def hop(entered: int, left: int, **lost: int) -> Hop:
    return Hop(name="dispatcher.store", entered=entered, left=left, lost=lost)


def test_a_silent_instance_has_failed_unless_it_said_goodbye() -> None:
    fleet = Fleet()
    fleet.add(beat())
    fleet.add(beat("collector@h:2", state=ServiceState.STOPPED))
    later = T0 + 6 * SECOND
    assert {i.beat.service: i.state for i in fleet.instances(later)} == {
        "dispatcher": ServiceState.FAILED,
        "collector": ServiceState.STOPPED,
    }
    assert fleet.systems(later)[0].state is ServiceState.FAILED


def test_a_stopped_system_is_stopped_although_its_manager_waits() -> None:
    fleet, stopped = Fleet(), ServiceState.STOPPED
    fleet.add(beat("monitor_manager@h:1"))
    fleet.add(beat("dispatcher@h:1"))
    fleet.add(beat("collector@h:2", state=stopped))
    fleet.add(beat("collector@h:3"))
    assert fleet.systems(T0)[0].state is ServiceState.RUNNING
    fleet.add(beat("collector@h:3", time=T0 + 1, state=stopped))
    [system] = fleet.systems(T0 + 1)
    assert (system.state, system.last_error) == (ServiceState.DEGRADED, "stopped: collector")
    fleet.add(beat("dispatcher@h:1", time=T0 + 1, state=stopped))
    assert fleet.systems(T0 + 1)[0].state is stopped
    fleet.add(beat("monitor_manager@h:1", time=T0 + 1, state=ServiceState.DEGRADED, error="no bus"))
    assert fleet.systems(T0 + 1)[0].last_error == "no bus"


def test_a_restarted_instance_replaces_its_silent_predecessor() -> None:
    fleet = Fleet()
    fleet.add(beat("collector@h:1"))
    fleet.add(beat("collector@h:2", time=T0 + 20 * SECOND, started=T0 + 10 * SECOND))
    [service] = fleet.services(T0 + 21 * SECOND)
    assert service.state is ServiceState.RUNNING
    assert [i.beat.instance for i in service.instances] == ["collector@h:2"]


def test_rates_come_from_two_heartbeats_and_loss_is_summed() -> None:
    fleet = Fleet()
    fleet.add(beat(hops=(hop(100, 90, duplicate=10),)))
    fleet.add(beat(time=T0 + 2 * SECOND, hops=(hop(300, 280, duplicate=15),)))
    fleet.add(beat("dispatcher@g:1", time=T0 + 2 * SECOND, hops=(hop(10, 9, late=1),)))
    [line] = fleet.hops(T0 + 2 * SECOND)
    assert (line.entered, line.left, line.lost) == (310, 289, {"duplicate": 15, "late": 1})
    assert (line.rate_in, line.rate_out) == (100.0, 95.0)
    assert line.inside == 5


def test_an_old_heartbeat_does_not_undo_a_newer_one() -> None:
    fleet = Fleet()
    fleet.add(beat(time=T0 + SECOND, state=ServiceState.DEGRADED, error="disk full"))
    fleet.add(beat(time=T0))
    [system] = fleet.systems(T0 + SECOND)
    assert system.state is ServiceState.DEGRADED
    assert system.last_error == "disk full"


def test_what_was_in_a_process_that_died_is_explained() -> None:
    fleet = Fleet()
    fleet.add(beat(hops=(hop(100, 90, duplicate=3),)))
    assert fleet.hops(T0)[0].inside == 7
    [line] = fleet.hops(T0 + 6 * SECOND)
    assert line.lost == {"duplicate": 3, "process_gone": 7}
    assert line.inside == 0


def test_an_instance_whose_clock_is_set_an_hour_back_or_ahead_is_alive() -> None:
    fleet, hour, now = Fleet(), 3600 * SECOND, T0
    for wrong in (0, -hour, 0, hour, 0):
        for _ in range(2):
            now += SECOND
            fleet.add(beat(time=now + wrong), now)
            [one] = fleet.instances(now)
            assert (one.state, one.silent_s) == (ServiceState.RUNNING, 0.0)
        [one] = fleet.instances(now + 6 * SECOND)
        assert one.state is ServiceState.FAILED


def test_instances_gone_for_ten_minutes_are_forgotten() -> None:
    fleet = Fleet()
    fleet.add(beat())
    assert fleet.instances(T0 + 601 * SECOND) == ()

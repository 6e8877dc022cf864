"""Audit entries outlast a bus that takes nothing for a while."""

from __future__ import annotations

import asyncio

from hmi_backend.audit import LONGEST, MOST_WAITING, Audit
from hmi_backend.roles import Role
from kernel.clock import ManualClock, settle
from kernel.meter import Meter
from schemas.records import ServiceState
from tests.peers.recording_bus import RecordingBus


async def test_what_the_bus_refused_is_written_when_it_is_back_and_in_order(clock: ManualClock) -> None:
    bus, meter = RecordingBus(), Meter("hmi")
    meter.state = ServiceState.RUNNING
    audit = Audit(bus, clock, meter)
    running = asyncio.create_task(audit.run())
    await audit.write("olga", Role.OPERATOR, "login", "olga", ok=True)
    bus.refuses = "the disk is full"
    await asyncio.gather(*(audit.write("olga", Role.OPERATOR, "control", f"s{i}", ok=True) for i in range(5)))
    assert meter.state is ServiceState.DEGRADED
    assert meter.last_error == "5 audit entries wait for the bus: the disk is full"
    await clock.advance(3)
    assert len(bus.records["audit.actions"]) == 1
    bus.refuses = ""
    await clock.advance(1)
    await settle()
    assert [a.target for a in bus.records["audit.actions"]] == ["olga", "s0", "s1", "s2", "s3", "s4"]
    assert meter.state is ServiceState.RUNNING
    hop = meter.hop("hmi.audit")
    assert (hop.entered, hop.left, dict(hop.lost)) == (6, 6, {})
    running.cancel()
    await asyncio.wait([running])


async def test_entries_that_find_no_place_are_counted(clock: ManualClock) -> None:
    bus, meter = RecordingBus(), Meter("hmi")
    bus.refuses = "gone"
    audit = Audit(bus, clock, meter)
    for _ in range(MOST_WAITING + 3):
        await audit.write("olga", None, "login", "olga", ok=False)
    hop = meter.hop("hmi.audit")
    assert (hop.entered, hop.left, dict(hop.lost)) == (MOST_WAITING + 3, 0, {"overflow": 3})


async def test_an_entry_is_of_bounded_size(clock: ManualClock) -> None:
    bus = RecordingBus()
    await Audit(bus, clock, Meter("hmi")).write("olga", Role.VIEWER, "userRemove", "x" * 10_000_000, ok=False, detail="y" * 10_000)
    (entry,) = bus.records["audit.actions"]
    assert (len(entry.target), len(entry.detail)) == (LONGEST, LONGEST)

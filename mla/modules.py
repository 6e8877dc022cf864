"""The only list of services: what each needs, which system it belongs to, and how it is built."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kernel.membership import Share
from kernel.meter import Meter
from kernel.service import Service
from mla.platform import Platform

NUMBER = "MLA_CHILD_NUMBER"
"""Set by `mla up` where it divides the sources among several collector processes."""
Builder = Callable[[Platform, Meter], Service]


@dataclass(frozen=True, slots=True)
class Module:
    """A service that can be run. Builders import their room when they are called, so that a process loads only what it runs."""

    system: str
    build: Builder
    about: str
    hot: bool = False
    archive: bool = False
    own_process: bool = False
    """`mla up` gives it a process of its own: it must not share an interpreter."""
    stoppable: bool = True
    """Whether `mla stop SYSTEM` stops it."""
    manages: bool = False
    """Whether it carries out commands for its whole system."""


def _dispatcher(p: Platform, meter: Meter) -> Service:
    from dispatcher.service import Dispatcher

    return Dispatcher(bus=p.bus, hot=p.need_hot(), archive=p.need_archive(), config=p.config, clock=p.clock, meter=meter)


def _collector(p: Platform, meter: Meter) -> Service:
    from collector.service import Collector

    share = Share(p.bus, p.clock, "collector", meter.instance)
    number = os.environ.get(NUMBER, "0")
    return Collector(
        p.bus,
        p.clock,
        p.config,
        meter,
        sources=lambda source: share.mine(source.name),
        reselect=share.changes,
        spool=p.settings.data / "spool" / number if p.settings.spool_bytes else None,
        spool_bytes=p.settings.spool_bytes,
        pki=p.settings.data / "pki" / number,
    )


def _hmi(p: Platform, meter: Meter) -> Service:
    from mla.hmi import build_hmi

    return build_hmi(p, meter)


def _manager(p: Platform, meter: Meter) -> Service:
    from mla.manager import Manager

    mine = [n for n, m in MODULES.items() if m.system == "monitoring" and m.stoppable]
    return Manager("monitoring", mine, bus=p.bus, clock=p.clock, meter=meter)


MODULES: Final[Mapping[str, Module]] = {
    "collector": Module("monitoring", _collector, "reads devices and publishes their samples", own_process=True),
    "dispatcher": Module("monitoring", _dispatcher, "feeds the hot queue and the archive", hot=True, archive=True),
    "monitor_manager": Module("monitoring", _manager, "starts, stops and reports the monitoring system", stoppable=False, manages=True),
    "hmi": Module("platform", _hmi, "serves the web HMI and the API", hot=True, archive=True, stoppable=False),
}

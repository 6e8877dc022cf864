"""Runs the simulated sources' servers in this process, until cancelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from math import ceil
from pathlib import Path

from kernel.array import ArrayConfig, Point
from kernel.clock import SECOND, Clock
from kernel.errors import BadUsage
from simulator.faults import NONE, Fault, FaultKind, FaultScript
from simulator.opcua.endpoint import Endpoint
from simulator.opcua.security import USERS, make_identity
from simulator.scanner import Scanner
from simulator.scene import Scene
from simulator.signals import make_world

LONGEST_WAIT = SECOND
"""Microseconds after which the schedule looks again, whatever was planned: new subscriptions may want more."""


def assign(config: ArrayConfig, processes: int) -> list[list[str]]:
    """The enabled OPC-UA sources, split so that the processes have about equally many samples to make; no empty lists."""
    weight = {name: 0.0 for name, s in config.sources.items() if s.protocol == "opcua" and s.enabled}
    for p in config.points.values():
        if p.source in weight:
            weight[p.source] += 1 / max(p.type.sampling, 0.01)
    lots: list[list[str]] = [[] for _ in range(max(1, processes))]
    loads = [0.0] * len(lots)
    for name in sorted(weight, key=lambda n: (-weight[n], n)):
        lightest = loads.index(min(loads))
        lots[lightest].append(name)
        loads[lightest] += weight[name] + 1e-6
    return [sorted(lot) for lot in lots if lot]


async def serve(
    config: ArrayConfig,
    sources: Sequence[str],
    *,
    clock: Clock,
    rate: float = 1.0,
    faults: FaultScript = NONE,
    ready: Callable[[], None],
    certificates: Path | None = None,
    scene: Scene = Scene(),
    users: Mapping[str, str] = USERS,
) -> None:
    """Serves the named sources at their URLs, their points sampled `rate` times as often as configured; calls ready() once all listen.

    With `certificates`, a folder for the servers' certificate, Basic256Sha256 is offered beside None. Anonymous clients and `users` read.
    Raises BadUsage for an unknown source or a bad URL, NotAvailable for a port that is taken.
    """
    unknown = [s for s in sources if s not in config.sources]
    if unknown:
        raise BadUsage(f"unknown sources {', '.join(unknown)}; known are {', '.join(sorted(config.sources))}")
    await _Array(config, sources, clock, rate, faults, certificates, scene, users).run(ready)


class _Array:
    """The one schedule of a process: scans, publishing moments and outages, in the order of their times."""

    def __init__(
        self,
        config: ArrayConfig,
        sources: Sequence[str],
        clock: Clock,
        rate: float,
        faults: FaultScript,
        certificates: Path | None,
        scene: Scene,
        users: Mapping[str, str],
    ) -> None:
        self._clock = clock
        by_source: dict[str, list[Point]] = {s: [] for s in sources}
        for p in config.points.values():
            if p.source in by_source:
                by_source[p.source].append(p)
        self._scanner = Scanner(make_world(config, scene, faults), list(by_source.values()), rate)
        identity = make_identity(certificates) if certificates is not None else None
        titles = {p.asset: display_title(p.asset) for points in by_source.values() for p in points}
        self._endpoints = [
            Endpoint(config.sources[s], display_title(config.sources[s].asset or s), blocks, titles, clock, identity, users)
            for s, blocks in zip(by_source, self._scanner.blocks, strict=True)
        ]
        self._troubles = [(e, faults.on_source(e.source.name)) for e in self._endpoints if faults.on_source(e.source.name)]
        self._ongoing: dict[tuple[str, Fault], bool] = {}

    async def run(self, ready: Callable[[], None]) -> None:
        """Until cancelled."""
        async with AsyncExitStack() as stack:
            self._scanner.scan(self._clock.now())
            for endpoint in self._endpoints:
                stack.push_async_callback(endpoint.close)
                await endpoint.open()
            ready()
            while True:
                await self._clock.sleep_until(self._next(self._clock.now()))
                await self._step(self._clock.now())

    def _next(self, now: int) -> int:
        due = [self._scanner.next_due(), now + LONGEST_WAIT]
        for _, faults in self._troubles:
            due += [ceil(change * SECOND) for f in faults if (change := f.next_change(now / SECOND)) < (now + LONGEST_WAIT) / SECOND]
        for endpoint in self._endpoints:
            services = endpoint.subscriptions
            publish = services.next_due() if services is not None and not endpoint.stalled else None
            if publish is not None:
                due.append(publish)
        return min(due)

    async def _step(self, now: int) -> None:
        scanned = self._scanner.scan(now)
        for endpoint, faults in self._troubles:
            for fault in faults:
                await self._trouble(endpoint, fault, bool(fault.active(now / SECOND)))
        for endpoint in self._endpoints:
            services = endpoint.subscriptions
            if services is None:
                continue
            if scanned:
                services.on_scan(scanned)
            if not endpoint.stalled:
                await services.publish_due(now)

    async def _trouble(self, endpoint: Endpoint, fault: Fault, on: bool) -> None:
        key = endpoint.source.name, fault
        if on == self._ongoing.get(key, False):
            return
        self._ongoing[key] = on
        if fault.kind is FaultKind.RESTART:
            await (endpoint.close() if on else endpoint.open())
        elif fault.kind is FaultKind.DISCONNECT:
            await (endpoint.cut() if on else endpoint.mend())
        else:
            endpoint.stall(on)


def display_title(asset: str) -> str:
    """The name of an asset's folder: AST1 for ast1, Site for site."""
    return asset.upper() if asset[-1:].isdigit() else asset.capitalize()

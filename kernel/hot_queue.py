"""The port of the hot monitoring queue: what is it now, and what was it in the last minutes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from kernel.samples import Changes, Samples, Series
from schemas.records import PointBatch


class HotQueue(Protocol):
    """Last values, a recent window and live subscriptions. Bounded memory; losing it loses nothing: it is refilled from the bus."""

    async def put(self, batches: Sequence[PointBatch]) -> None:
        """The newer source time of a point wins; a batch that comes again changes nothing."""
        ...

    async def latest(self, points: Sequence[str]) -> Samples:
        """The newest sample of each point, aligned with `points`; kind NONE where nothing was ever received."""
        ...

    async def recent(self, point: str, since: int) -> Series:
        """The point's samples with time >= since that are still in the window, ascending."""
        ...

    def live(self, points: Sequence[str], *, every: bool = False) -> AbstractAsyncContextManager[AsyncIterator[Changes]]:
        """A feed of changes, beginning with the newest sample of each point.

        Pulling waits until something changed. By default each pull gives the newest sample of the points that changed since the last pull,
        so a slow reader costs nothing; with every=True it gives all samples, bounded, and says how many were dropped.
        """
        ...


@runtime_checkable
class Measured(Protocol):
    """A hot queue that can say what it takes."""

    async def gauges(self) -> Mapping[str, float]:
        """Name, ending in its unit, to figure. Raises NotAvailable."""
        ...

"""Whether what is stored is what was sent: read back from the archive and compared sample by sample."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import numpy as np

from archive import open_archive
from kernel.archive import Archive, Gap, SeriesBlock, SeriesQuery
from kernel.clock import SECOND, SystemClock, monotonic
from kernel.errors import NotAvailable
from kernel.live_config import LiveConfig
from kernel.samples import Ints
from schemas.records import GapCause
from tests.support.device import noted
from tests.support.platform import ROOT
from tests.support.stack import NAMES, PROBES, Stack
from tests.support.waiting import until

log = logging.getLogger(__name__)
ROWS = ROOT / "artefacts" / "faults.md"
"""What each fault did, measured: rows for docs/reliability.md."""
AT_ONCE = 5000
"""Points read in one query."""


@dataclass(slots=True)
class Account:
    """What a comparison found, in samples."""

    sent: int = 0
    stored: int = 0
    explained: int = 0
    """Sent and not stored, inside a gap that says why."""
    missing: int = 0
    """Sent and not stored, and nobody says why."""
    foreign: int = 0
    """Stored and never sent, or with another value than was sent, or twice."""
    causes: set[GapCause] = field(default_factory=set)
    longest: float = 0.0
    """Seconds of the longest stretch that is explained."""
    examples: list[str] = field(default_factory=list)

    def check(self, *, gaps: float = 0.0) -> None:
        """Stored = sent, none twice, none missing; stretches of up to `gaps` seconds may be explained: nobody was connected, or the device
        could not keep them."""
        assert self.sent > 0, "nothing was sent"
        assert (self.missing, self.foreign) == (0, 0), self
        assert self.stored + self.explained == self.sent, self
        assert self.longest <= gaps, self
        assert self.causes <= {GapCause.DISCONNECTED, GapCause.OVERFLOW}, self


def opened(stack: Stack) -> AbstractAsyncContextManager[Archive]:
    """What is stored, to read."""
    return open_archive(stack.env["MLA_ARCHIVE_URL"], clock=SystemClock(), config=LiveConfig(), read_only=True)


@asynccontextmanager
async def fault(stack: Stack, name: str, *, gaps: Callable[[], float] = lambda: 0.0) -> AsyncIterator[None]:
    """What is broken and mended within costs nothing: values of every source are live and stored again, and what was sent since the last
    account is stored, each sample once. Stretches of up to `gaps` seconds, asked for once all is live again, may be explained instead,
    where the collector itself was away.
    """
    yield
    mended = SystemClock().now()
    live = stack.await_live(mended)
    longest = gaps()
    stored = live + await await_stored(stack, mended)
    end = stack.settled + (SystemClock().now() - stack.settled) // SECOND * SECOND
    found = await account(stack, stack.settled, end)
    stack.settled = end
    counts = f"{found.sent} | {found.stored} | {found.explained} | {found.longest:.0f} s"
    log.info("%s: %s", name, found)
    ROWS.parent.mkdir(exist_ok=True)
    with ROWS.open("a") as rows:
        rows.write(f"| {name} | {live:.1f} s | {stored:.1f} s | {counts} |\n")
    found.check(gaps=longest)


async def account(stack: Stack, start: int, end: int, *, points: Sequence[str] = NAMES, timeout: float = 300) -> Account:
    """Waits until samples of every source up to `end` are stored, then compares all that were sent from start on before end."""
    async with opened(stack) as archive:
        await until(lambda: _reached(stack, archive, end), timeout, "samples stored up to the end")
        sent = np.array([t for t in noted(stack.notes) if start <= t < end], np.int64)
        found = Account()
        for at in range(0, len(points), AT_ONCE):
            for block in await archive.series(SeriesQuery(tuple(points[at : at + AT_ONCE]), start, end)):
                _compare(found, block, sent)
    return found


async def await_stored(stack: Stack, moment: int, timeout: float = 300) -> float:
    """Seconds until samples of every source of that moment or later are in the archive. Things may be broken still: that the archive
    cannot answer now is no answer yet."""
    begun = monotonic()
    while True:
        left = begun + timeout - monotonic()
        try:
            async with opened(stack) as archive:
                await until(lambda: _reached(stack, archive, moment), left, "samples stored")
            return monotonic() - begun
        except NotAvailable as error:
            if left <= 0:
                raise
            log.warning("asked again: %s", error)
        stack.revive()


async def _reached(stack: Stack, archive: Archive, moment: int) -> bool:
    stack.revive()
    found = await archive.at(PROBES, moment + 3600 * SECOND)
    return bool((found.time >= moment).all())


def _compare(found: Account, block: SeriesBlock, sent: Ints) -> None:
    time, value = block.series.time, block.series.value
    found.sent += len(sent)
    found.stored += len(time)
    if len(time) == len(sent) and (time == sent).all() and (value == sent // SECOND).all():
        return
    stored, times = np.unique(time, return_counts=True)
    foreign = int((times > 1).sum() + (~np.isin(stored, sent)).sum() + (value * SECOND != time).sum())
    lost = sent[~np.isin(sent, stored)]
    explained = np.zeros(len(lost), np.bool_)
    for gap in block.gaps:
        mine = _within(lost, gap)
        if mine.any():
            found.causes.add(gap.cause)
            found.longest = max(found.longest, float(lost[mine].max() - lost[mine].min()) / SECOND)
        explained |= mine
    found.foreign += foreign
    found.explained += int(explained.sum())
    found.missing += int((~explained).sum())
    if (foreign or not explained.all()) and len(found.examples) < 5:
        text = f"{block.series.point}: {foreign} foreign, missing {(lost[~explained] // SECOND).tolist()[:20]}, gaps {block.gaps}"
        found.examples.append(text)


def _within(lost: Ints, gap: Gap) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    inside: np.ndarray[tuple[int], np.dtype[np.bool_]] = lost >= gap.start
    return inside if gap.end is None else inside & (lost <= gap.end)

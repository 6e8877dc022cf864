"""What can be followed. A subscription is pulled only after what it gave was sent, so a slow client slows itself and nobody else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from hmi_backend.graphql import read_cdb, read_platform
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.read_points import batch, check_points
from hmi_backend.graphql.types_cdb import ConfigInForce
from hmi_backend.graphql.types_platform import Pipeline
from hmi_backend.graphql.types_points import LiveBatch, LiveMode
from hmi_backend.live import feed
from kernel.clock import sleep


async def live(context: Context, points: Sequence[str], mode: LiveMode, max_hz: float) -> AsyncGenerator[LiveBatch, None]:
    """The newest samples, then what changed."""
    _ = context.who
    check_points(context, points)
    backend = context.backend
    async with aclosing(feed(backend, points, every=mode is LiveMode.BATCH, max_hz=max_hz)) as changes:
        async for c in changes:
            yield batch(c.seq, backend.clock.now(), points, c.samples, c.dropped)


async def pipeline_status(context: Context) -> AsyncGenerator[Pipeline, None]:
    """The pipeline, every second."""
    clock = context.backend.clock
    while True:
        due = clock.steady() + 1.0
        yield await read_platform.pipeline(context)
        await sleep(clock, due - clock.steady())


async def revision_changes(context: Context) -> AsyncGenerator[ConfigInForce, None]:
    """The configuration in force."""
    async for _ in context.backend.ports.live.changes():
        yield await read_cdb.in_force(context)

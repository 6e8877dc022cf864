"""The root of following."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import strawberry

from hmi_backend.graphql import follow
from hmi_backend.graphql.context import Info
from hmi_backend.graphql.fields import given, subscription
from hmi_backend.graphql.types_cdb import ConfigInForce
from hmi_backend.graphql.types_platform import Pipeline
from hmi_backend.graphql.types_points import LiveBatch, LiveMode


@strawberry.type(description="Everything that can be followed, over graphql-transport-ws.")
class Subscription:
    @subscription("The newest sample of each point, then what changed, at most maxHz times a second. seq counts 0, 1, 2 …")
    async def live(
        self, info: Info, points: list[str], mode: LiveMode | None = LiveMode.LATEST, max_hz: float | None = 4
    ) -> AsyncGenerator[LiveBatch, None]:
        async for batch in follow.live(info.context, points, given(mode, LiveMode.LATEST), given(max_hz, 4.0)):
            yield batch

    @subscription("The pipeline, every second.")
    async def pipeline_status(self, info: Info) -> AsyncGenerator[Pipeline, None]:
        async for status in follow.pipeline_status(info.context):
            yield status

    @subscription("The configuration in force, now and whenever it changes.")
    async def revision_changes(self, info: Info) -> AsyncGenerator[ConfigInForce, None]:
        async for config in follow.revision_changes(info.context):
            yield config

"""The root of reading."""

from __future__ import annotations

import strawberry

from hmi_backend.graphql import read_annotations, read_cdb, read_fleet, read_history, read_platform, read_points, read_table
from hmi_backend.graphql import types_annotations as marks
from hmi_backend.graphql import types_cdb as cdb_types
from hmi_backend.graphql import types_fleet as fleet_types
from hmi_backend.graphql import types_platform as platform
from hmi_backend.graphql import types_points as points_types
from hmi_backend.graphql import types_views as views_types
from hmi_backend.graphql import views as read_views
from hmi_backend.graphql.context import Info
from hmi_backend.graphql.fields import field, given
from hmi_backend.graphql.scalars import Time
from hmi_backend.graphql.types_history import PointHistory
from hmi_backend.graphql.types_point import Point, PointConnection, PointTable
from hmi_backend.graphql.types_points import From, MaybeFrom, MaybeTo, To


@strawberry.type(description="Everything that can be read. Every role may.")
class Query:
    @field("The point catalogue with newest samples. At most 500 per page.")
    async def points(
        self, info: Info, filter: points_types.PointFilter | None = None, first: int | None = 100, after: str | None = None
    ) -> PointConnection:
        return await read_points.points(info.context, filter, given(first, 100), after)

    @field("One point; null where there is none of that name.")
    async def point(self, info: Info, name: str) -> Point | None:
        return await read_points.point(info.context, name)

    @field("The newest sample of each point.")
    async def last_values(self, info: Info, points: list[str]) -> points_types.LiveBatch:
        return await read_points.last_values(info.context, points)

    @field("Many points at once, for screens: those of these names and of these groups, as far as there are any. At most 20 000.")
    async def point_table(self, info: Info, names: list[str] = [], groups: list[str] = []) -> PointTable:  # noqa: B006  # never changed
        return await read_table.point_table(info.context, names, groups)

    @field("Samples with from <= time < to, as they are or resampled; one block per point, in that order.")
    async def series(
        self,
        info: Info,
        points: list[str],
        from_: From,
        to: To,
        resample: points_types.Resample | None = None,
        limit: int = 100_000,
        after: str | None = None,
    ) -> list[points_types.SeriesBlock]:
        return await read_points.series(info.context, points, from_, to, resample, limit, after)

    @field("The sample of each point in force at a moment.")
    async def values_at(self, info: Info, points: list[str], at: Time) -> points_types.LiveBatch:
        return await read_points.values_at(info.context, points, at)

    @field("Limits, units and labels as they were over a range, at most 500 points; also of points no longer configured.")
    async def limits_history(self, info: Info, points: list[str], from_: From, to: To) -> list[PointHistory]:
        return await read_history.steps(info.context, points, from_, to)

    @field("What can be compared: quantities that at least so many telescopes have. At most 500, by name.")
    async def groups(self, info: Info, search: str | None = None, members: int = 2) -> list[fleet_types.PointGroup]:
        return read_fleet.groups(info.context, search, members)

    @field("Equal telescopes compared in one quantity: now, at a moment, or from and to.")
    async def fleet_stats(
        self, info: Info, group: str, at: Time | None = None, from_: MaybeFrom = None, to: MaybeTo = None
    ) -> fleet_types.FleetStats:
        return await read_fleet.fleet_stats(info.context, group, at, from_, to)

    @field("Marks for a time axis: configurations published, sources that came and went, losses, actions. The newest `first` of a range.")
    async def annotations(
        self,
        info: Info,
        from_: From,
        to: To,
        assets: list[str] | None = None,
        kinds: list[marks.AnnotationKind] | None = None,
        first: int | None = 500,
    ) -> marks.Annotations:
        return await read_annotations.marks(info.context, from_, to, assets, kinds, given(first, 500))

    @field("Saved views: your own and the shared ones, by name.")
    async def views(
        self, info: Info, search: str | None = None, kind: str | None = None, first: int | None = 100, after: str | None = None
    ) -> views_types.ViewConnection:
        return await read_views.views(info.context, search, kind, given(first, 100), after)

    @field("One saved view, by default its newest version; null where there is none you may see.")
    async def view(self, info: Info, id: strawberry.ID, version: int | None = None) -> views_types.View | None:
        return await read_views.view(info.context, id, version)

    @field("Where the array stands.")
    async def site(self, info: Info) -> points_types.Site:
        return read_points.site(info.context)

    @field("The asset tree, parents first.")
    async def assets(self, info: Info, type: str | None = None, parent: str | None = None) -> list[points_types.Asset]:
        return read_points.assets(info.context, type, parent)

    @field("The data sources and their connections.")
    async def sources(self, info: Info, name: str | None = None) -> list[points_types.Source]:
        return read_platform.sources(info.context, name)

    @field("Connections that came and went, and explained losses, of the last week, newest first.")
    async def state_events(
        self, info: Info, source: str | None = None, first: int | None = 100, after: str | None = None
    ) -> points_types.StateEventConnection:
        return read_platform.state_events(info.context, source, given(first, 100), after)

    @field("A document or a folder (the root is empty); null where there is none. Revision: by default the newest.")
    async def cdb(self, info: Info, path: str, revision: int | None = None) -> cdb_types.CdbNode | None:
        return await read_cdb.node(info.context, path, revision)

    @field("Every document of a revision, by default the newest.")
    async def cdb_documents(self, info: Info, revision: int | None = None) -> list[cdb_types.CdbDocument]:
        return await read_cdb.documents(info.context, revision)

    @field("The history of the configuration, newest first.")
    async def cdb_revisions(self, info: Info, first: int | None = 50, after: str | None = None) -> cdb_types.RevisionConnection:
        return await read_cdb.revisions(info.context, given(first, 50), after)

    @field("The documents that differ between two revisions.")
    async def cdb_diff(self, info: Info, a: int, b: int) -> list[cdb_types.CdbChange]:
        return await read_cdb.diff(info.context, a, b)

    @field("The configuration the services work with now.")
    async def revision(self, info: Info) -> cdb_types.ConfigInForce:
        return await read_cdb.in_force(info.context)

    @field("Every hop: in, out, explained loss by cause, lag, age.")
    async def pipeline(self, info: Info) -> platform.Pipeline:
        return await read_platform.pipeline(info.context)

    @field("monitoring, logging, alarms, platform: the worst state of their services.")
    async def systems(self, info: Info, name: str | None = None) -> list[platform.ServiceStatus]:
        return read_platform.systems(info.context, name)

    @field("Every service that was heard of in the last ten minutes.")
    async def services(self, info: Info, name: str | None = None) -> list[platform.ServiceStatus]:
        return read_platform.services(info.context, name)

    @field("Size and health of the archive.")
    async def archive(self, info: Info) -> platform.ArchiveStatus:
        return await read_platform.archive(info.context)

    @field("Bytes of the last day that could not be understood, newest first.")
    async def dead_letters(
        self, info: Info, origin: str | None = None, first: int | None = 50, after: str | None = None
    ) -> platform.DeadLetterConnection:
        return read_platform.dead_letters(info.context, origin, given(first, 50), after)

    @field("Who did what, newest first.")
    async def audit(
        self, info: Info, filter: platform.AuditFilter | None = None, first: int | None = 100, after: str | None = None
    ) -> platform.AuditConnection:
        return read_platform.audit(info.context, filter, given(first, 100), after)

    @field("Who is asking.")
    async def me(self, info: Info) -> platform.Me:
        return read_platform.me(info.context)

    @field("Those who may log in. For admins.")
    async def users(self, info: Info) -> list[platform.User]:
        return await read_platform.users(info.context)

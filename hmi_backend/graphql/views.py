"""Reading and writing saved views."""

from __future__ import annotations

import orjson
import strawberry

from hmi_backend.graphql import types_views as t
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.read_points import page_info
from hmi_backend.graphql.scalars import Long, Time
from hmi_backend.paging import check_first, cursor, key_of
from hmi_backend.roles import Role
from hmi_backend.views import MOST_PER_USER, View, changeable, draft_of, visible
from kernel.errors import BadUsage, Conflict


def shown(context: Context, view: View, content: str | None = None) -> t.View:
    """As it is sent."""
    who = context.who
    return t.View(
        id=strawberry.ID(view.id),
        name=view.name,
        kind=view.kind,
        owner=view.owner,
        shared=view.shared,
        mine=changeable(view, who.user, who.role),
        version=view.version,
        created=Time(view.created),
        updated=Time(view.updated),
        updated_by=view.updated_by,
        kept=None if content is None else orjson.loads(content),
    )


async def views(context: Context, search: str | None, kind: str | None, first: int, after: str | None) -> t.ViewConnection:
    """One's own and the shared ones, by name."""
    who, key = context.who, key_of(after)
    check_first(first)
    words = (search or "").lower().split()
    found = [
        v
        for v in await context.backend.views.list()
        if visible(v, who.user) and (kind is None or v.kind == kind) and all(w in v.name.lower() for w in words)
    ]
    rest = found if key is None else [v for v in found if _key(v) > key]
    edges = [t.ViewEdge(cursor=cursor(_key(v)), node=shown(context, v)) for v in rest[:first]]
    return t.ViewConnection(
        edges=edges,
        nodes=[e.node for e in edges],
        page_info=page_info([e.cursor for e in edges], len(rest) > first, after is not None),
        total_count=Long(len(found)),
    )


def _key(view: View) -> str:
    return f"{view.name.lower()}\x00{view.id}"


async def view(context: Context, id: str, version: int | None) -> t.View | None:
    """One view, if it may be seen."""
    who = context.who
    found = await context.backend.views.load(id, version)
    newest = found[2][0] if found else None
    if found is None or newest is None or not visible(newest, who.user):
        return None
    return shown(context, found[0], found[1])


async def save(context: Context, given: t.ViewInput) -> t.SaveViewResult:
    """A new view, or a new version of one."""
    who, store = context.who, context.backend.views
    if given.shared:
        await context.must(Role.OPERATOR, "saveView", given.name[:100])
    draft = draft_of(given.id, given.base, given.name, given.kind, given.shared, given.content)
    if isinstance(draft, str):
        return t.ViewRefused(message=draft)
    known = None if given.id is None else await store.load(given.id)
    if given.id is not None and (known is None or not changeable(known[0], who.user, who.role)):
        return await _refused(context, given, "no view of yours has this id: save it as a new one")
    if given.id is None and sum(v.owner == who.user for v in await store.list()) >= MOST_PER_USER:
        return await _refused(context, given, f"you have {MOST_PER_USER} views: delete some first")
    try:
        saved = await store.save(draft, user=who.user, time=context.backend.clock.now())
    except BadUsage as error:
        return await _refused(context, given, str(error))
    except Conflict as error:
        newest = await store.load(given.id or "")
        if newest is None:
            return await _refused(context, given, str(error))
        return t.ViewConflict(message=str(error), newest=shown(context, newest[0], newest[1]))
    await context.did(who, "saveView", saved.id, ok=True, detail=f"{saved.name}, version {saved.version}{', shared' * saved.shared}")
    return t.ViewSaved(view=shown(context, saved, draft.content))


async def _refused(context: Context, given: t.ViewInput, why: str) -> t.ViewRefused:
    await context.did(context.who, "saveView", str(given.id or given.name)[:100], ok=False, detail=why)
    return t.ViewRefused(message=why)


async def delete(context: Context, id: strawberry.ID) -> t.DeleteViewResult:
    """Removes a view with all its versions."""
    who, store = context.who, context.backend.views
    known = await store.load(id)
    ok = known is not None and changeable(known[0], who.user, who.role) and await store.delete(id)
    detail = f"{known[0].name} deleted" if ok and known else "no view of yours has this id"
    await context.did(who, "deleteView", id[:100], ok=ok, detail=detail)
    return t.DeleteViewResult(ok=ok, detail=detail)

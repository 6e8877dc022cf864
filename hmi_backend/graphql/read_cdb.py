"""Reading the configuration database."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from hmi_backend.errors import BadRequest
from hmi_backend.graphql import types_cdb as t
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.read_points import page_info
from hmi_backend.graphql.scalars import Time
from hmi_backend.paging import check_first, cursor, number_of
from kernel.config_store import ConfigChange, Snapshot
from schemas.records import Revision


def revision(r: Revision) -> t.Revision:
    """As it is sent."""
    return t.Revision(number=r.number, base=r.base, time=Time(r.time), author=r.author, comment=r.comment, paths=list(r.paths))


async def _load(context: Context, number: int | None) -> Snapshot:
    _ = context.who
    return await context.backend.ports.config_store.load(number)


def _document(path: str, text: str) -> t.CdbDocument:
    return t.CdbDocument(path=path, size=len(text.encode()), lines=len(text.splitlines()))


async def documents(context: Context, number: int | None) -> list[t.CdbDocument]:
    """Every document of a revision."""
    snapshot = await _load(context, number)
    return [_document(p, text) for p, text in sorted(snapshot.documents.items())]


async def node(context: Context, path: str, number: int | None) -> t.CdbNode | None:
    """A document or a folder."""
    snapshot = await _load(context, number)
    at = snapshot.revision.number if snapshot.revision else 0
    path = path.strip("/")
    name = path.rpartition("/")[2]
    text = snapshot.documents.get(path)
    if text is not None:
        return t.CdbNode(path=path, name=name, revision=at, folder=False, text=text, children=[])
    below = [_document(p, x) for p, x in sorted(snapshot.documents.items()) if not path or p.startswith(path + "/")]
    if path and not below:
        return None
    return t.CdbNode(path=path, name=name, revision=at, folder=True, text=None, children=below)


async def revisions(context: Context, first: int, after: str | None) -> t.RevisionConnection:
    """The history, newest first."""
    _ = context.who
    check_first(first)
    found: Sequence[Revision] = await context.backend.ports.config_store.revisions(limit=first + 1, before=number_of(after))
    edges = [t.RevisionEdge(cursor=cursor(str(r.number)), node=revision(r)) for r in found[:first]]
    return t.RevisionConnection(
        edges=edges,
        nodes=[e.node for e in edges],
        page_info=page_info([e.cursor for e in edges], len(found) > first, after is not None),
    )


async def diff(context: Context, a: int, b: int) -> list[t.CdbChange]:
    """What differs."""
    _ = context.who
    if min(a, b) < 0:
        raise BadRequest("revisions are numbered from 1; 0 is the empty configuration before the first")
    return [_change(c, a, b) for c in await context.backend.ports.editor.diff(a, b)]


def _change(c: ConfigChange, a: int, b: int) -> t.CdbChange:
    before, after = (c.before or "").splitlines(), (c.after or "").splitlines()
    lines = list(difflib.unified_diff(before, after, f"{c.path} ({a})", f"{c.path} ({b})", lineterm=""))
    kind = t.ChangeKind.ADDED if c.before is None else t.ChangeKind.REMOVED if c.after is None else t.ChangeKind.CHANGED
    return t.CdbChange(
        path=c.path,
        kind=kind,
        before=c.before,
        after=c.after,
        diff="\n".join(lines),
        added=sum(x.startswith("+") for x in lines[2:]),
        removed=sum(x.startswith("-") for x in lines[2:]),
    )


async def in_force(context: Context) -> t.ConfigInForce:
    """The configuration the services work with."""
    _ = context.who
    config = context.backend.catalogue.config
    newest = await context.backend.ports.config_store.revisions(limit=1)
    published = [r for r in newest if r.number == config.revision]
    if not published and config.revision:
        published = list(await context.backend.ports.config_store.revisions(limit=1, before=config.revision + 1))
    return t.ConfigInForce(
        revision=config.revision,
        newest=newest[0].number if newest else 0,
        points=len(config.points),
        assets=len(config.assets),
        sources=len(config.sources),
        published=revision(published[0]) if published else None,
    )

"""Changing the configuration."""

from __future__ import annotations

from collections.abc import Awaitable

from hmi_backend.errors import BadRequest
from hmi_backend.graphql import types_cdb as t
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.read_cdb import revision
from hmi_backend.graphql.scalars import Long
from hmi_backend.roles import Role
from kernel.errors import ConfigProblems, Conflict, MlaError
from schemas.records import Revision


def _comment(comment: str) -> str:
    if not comment.strip():
        raise BadRequest("comment: say what the change is for, it stands in the history")
    return comment.strip()


async def publish(context: Context, changes: list[t.CdbEdit], base: int, comment: str) -> t.CdbPublishResult:
    """A new revision, or every reason why not."""
    paths = ", ".join(sorted(c.path for c in changes))
    who = await context.must(Role.ENGINEER, "cdbPublish", paths)
    if not changes:
        raise BadRequest("changes: name at least one document")
    edits = {c.path: c.text for c in changes}
    if len(edits) < len(changes):
        raise BadRequest("changes: a document is named twice: give each once, as it is to be")
    work = context.backend.ports.editor.publish(edits, base=base, author=who.user, comment=_comment(comment))
    return await _result(context, "cdbPublish", paths, base, work)


async def rollback(context: Context, to: int, comment: str) -> t.CdbPublishResult:
    """An old revision's documents as a new one."""
    who = await context.must(Role.ENGINEER, "cdbRollback", str(to))
    work = context.backend.ports.editor.rollback(to, author=who.user, comment=_comment(comment))
    return await _result(context, "cdbRollback", str(to), to, work)


async def _result(context: Context, action: str, target: str, base: int, work: Awaitable[Revision]) -> t.CdbPublishResult:
    who = context.who
    result: t.CdbPublished | t.CdbRefused | t.CdbConflict
    try:
        done = await work
    except ConfigProblems as error:
        await context.did(who, action, target, ok=False, detail=str(error))
        listed = [t.CdbProblem(path=p.path, line=Long(p.line), text=p.text, remedy=p.remedy) for p in error.problems]
        result = t.CdbRefused(problems=listed)
    except Conflict as error:
        await context.did(who, action, target, ok=False, detail=str(error))
        newest = await context.backend.ports.config_store.revisions(limit=1)
        result = t.CdbConflict(message=str(error), base=base, newest=newest[0].number if newest else 0)
    except MlaError as error:  # no such revision, or no store: an error, and a write all the same
        await context.did(who, action, target, ok=False, detail=str(error))
        raise
    else:
        await context.did(who, action, target, ok=True, detail=f"revision {done.number}")
        result = t.CdbPublished(revision=revision(done))
    return result

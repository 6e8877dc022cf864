"""Controlling services and users."""

from __future__ import annotations

import asyncio

from hmi_backend.errors import BadRequest
from hmi_backend.graphql import types_platform as t
from hmi_backend.graphql.context import Context
from hmi_backend.roles import Role
from kernel.errors import BadUsage
from schemas.records import CommandVerb


async def control(context: Context, target: str, verb: CommandVerb, reason: str) -> t.ControlResult:
    """Asks the managers and waits for the answer."""
    action = verb.value.lower()
    who = await context.must(Role.OPERATOR, action, target)
    if not reason.strip():
        raise BadRequest("reason: say why, it stands in the audit")
    known = _known(context)
    if refusal := _of_itself(context, target, verb) or _unheard(target, known):
        await context.did(who, action, target, ok=False, detail=f"{reason}: {refusal}")
        return t.ControlResult(id="", outcome=t.Outcome.REFUSED, ok=False, detail=refusal, replies=[])
    ident, replies = await context.backend.commands.ask(target, verb, who.user, reason)
    answers = [t.ControlReply(instance=r.instance, ok=r.ok, detail=r.detail) for r in replies]
    if not answers:
        waited = context.backend.commands.wait_s
        detail = f"{target} did not answer within {waited:g} s: `mla status` shows whether it and its manager run"
        outcome = t.Outcome.NO_ANSWER
    elif all(a.ok for a in answers):
        outcome, detail = t.Outcome.DONE, "; ".join(a.detail for a in answers)
    else:
        outcome, detail = t.Outcome.REFUSED, "; ".join(a.detail for a in answers if not a.ok)
    ok = outcome is t.Outcome.DONE
    await context.did(who, action, target, ok=ok, detail=f"{reason}: {detail}")
    return t.ControlResult(id=ident, outcome=outcome, ok=ok, detail=detail, replies=answers)


def _known(context: Context) -> list[str]:
    """Names of the systems, services and instances that were heard of in the last ten minutes."""
    now, fleet = context.backend.clock.now(), context.backend.fleet
    return [*(s.name for s in (*fleet.systems(now), *fleet.services(now))), *(i.beat.instance for i in fleet.instances(now))]


def _unheard(target: str, known: list[str]) -> str:
    """Why nobody is asked: there is no such thing. Empty where there is, or where nothing was heard of yet."""
    if not known or target in known:
        return ""
    return f"nothing is called {target[:100]}; there are {', '.join(known[:20])}{' …' if len(known) > 20 else ''}"


def _of_itself(context: Context, target: str, verb: CommandVerb) -> str:
    """Why this service does not stop itself, or all of a system that it belongs to: nobody would hear the answer, and no page would be
    left to start it again from. Empty where neither is asked."""
    meter, fleet, now = context.backend.meter, context.backend.fleet, context.backend.clock.now()
    mine = next((i.beat.system for i in fleet.instances(now) if i.beat.instance == meter.instance), "")
    if target == mine:
        members = ", ".join(sorted({i.beat.service for i in fleet.instances(now) if i.beat.system == mine}))
        return (
            f"the system {target} has no manager: name one of its services ({members}), with `mla {verb.value.lower()} SERVICE` on the host"
        )
    if target in (meter.service, meter.instance) and verb is not CommandVerb.START:
        return f"{target} serves this very page and cannot {verb.value.lower()} itself: run `mla {verb.value.lower()} {target}` on its host"
    return ""


async def user_set(context: Context, name: str, role: Role, password: str | None) -> t.UserActionResult:
    """Adds or changes a user."""
    who, users = await context.must(Role.ADMIN, "userSet", name), context.backend.users
    try:
        if name == who.user and role is not Role.ADMIN:
            raise BadUsage("you would lock yourself out: another admin must change your role")
        if password is None:
            users.set_role(name, role)
        else:
            await asyncio.to_thread(users.add, name, password, role)
    except BadUsage as error:
        return await _answer(context, "userSet", name, False, str(error))
    return await _answer(context, "userSet", name, True, f"role {role.value}" + ("" if password is None else ", new password"))


async def user_remove(context: Context, name: str) -> t.UserActionResult:
    """Removes a user."""
    who, users = await context.must(Role.ADMIN, "userRemove", name), context.backend.users
    try:
        if name == who.user:
            raise BadUsage("you would lock yourself out: another admin must remove you")
        users.remove(name)
    except BadUsage as error:
        return await _answer(context, "userRemove", name, False, str(error))
    return await _answer(context, "userRemove", name, True, "removed")


async def sessions_end(context: Context, user: str) -> t.UserActionResult:
    """Ends the sessions of a user."""
    who = context.who
    if user != who.user:
        await context.must(Role.ADMIN, "sessionsEnd", user)
    count = context.backend.users.end_sessions(user)
    if not count and user not in context.backend.users.names():
        return await _answer(context, "sessionsEnd", user, False, f"no user {user[:64]}")
    await context.did(who, "sessionsEnd", user, ok=True, detail=f"{count} sessions")
    return t.UserActionResult(ok=True, detail=f"{count} sessions ended")


async def _answer(context: Context, action: str, name: str, ok: bool, detail: str) -> t.UserActionResult:
    await context.did(context.who, action, name, ok=ok, detail=detail)
    return t.UserActionResult(ok=ok, detail=detail)

"""Changing things over HTTP: configuration, services, users; who may, and what the audit says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.records import COMMANDS_REPLIES, COMMANDS_REQUESTS, HEARTBEATS, CommandReply, CommandRequest, Heartbeat, ServiceState
from tests.support.hmi import Hmi, running
from tests.support.waiting import until

PUBLISH = """mutation($changes: [CdbEdit!]!, $base: Int!, $comment: String!) {
  cdbPublish(changes: $changes, base: $base, comment: $comment) {
    __typename ... on CdbPublished { revision { number author comment paths } }
    ... on CdbRefused { problems { path line text remedy } } ... on CdbConflict { message newest } } }"""
CONTROL = """mutation($target: String!) { control(target: $target, verb: RESTART, reason: "it lags") {
  outcome ok detail replies { instance ok detail } } }"""


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        yield site


async def audited(hmi: Hmi, action: str) -> dict[str, object]:
    """The newest audit entry of an action, once it has come back from the bus."""
    query = "query($a: String!) { audit(filter: {action: $a}, first: 1) { nodes { user role action target ok detail origin } } }"
    found = await until(lambda: _newest(hmi, query, action), what=f"audit of {action}")
    assert isinstance(found, dict)
    return found


async def _newest(hmi: Hmi, query: str, action: str) -> dict[str, object] | None:
    nodes = (await hmi.data(query, {"a": action}))["audit"]["nodes"]
    return nodes[0] if nodes else None


async def test_a_published_revision_is_in_force_within_seconds(hmi: Hmi) -> None:
    text = (await hmi.data('{ cdb(path: "site.yaml") { text revision folder } }'))["cdb"]["text"]
    changes = [{"path": "site.yaml", "text": text.replace("2390", "2400")}]
    done = (await hmi.data(PUBLISH, {"changes": changes, "base": 1, "comment": "surveyed"}, "engineer"))["cdbPublish"]
    assert done == {
        "__typename": "CdbPublished",
        "revision": {"number": 2, "author": "engineer", "comment": "surveyed", "paths": ["site.yaml"]},
    }
    await until(lambda: hmi.ports.live.current.revision == 2)
    data = await hmi.data("{ site { height } revision { revision newest points published { author } } cdbRevisions { nodes { number } } }")
    assert data["site"]["height"] == 2400
    assert data["revision"] == {
        "revision": 2,
        "newest": 2,
        "points": len(hmi.ports.live.current.points),
        "published": {"author": "engineer"},
    }
    assert [n["number"] for n in data["cdbRevisions"]["nodes"]] == [2, 1]
    change = (await hmi.data("{ cdbDiff(a: 1, b: 2) { path kind diff added removed } }"))["cdbDiff"]
    assert [(c["path"], c["kind"], c["added"], c["removed"]) for c in change] == [("site.yaml", "CHANGED", 1, 1)]
    assert (await audited(hmi, "cdbPublish"))["detail"] == "revision 2"
    rollback = 'mutation { cdbRollback(to: 1, comment: "no") { __typename ... on CdbPublished { revision { number } } } }'
    assert (await hmi.data(rollback, role="engineer"))["cdbRollback"] == {"__typename": "CdbPublished", "revision": {"number": 3}}


async def test_a_wrong_configuration_is_refused_with_every_mistake(hmi: Hmi) -> None:
    changes = [{"path": "site.yaml", "text": "site:\n  latitude: north\n  longitud: 3\n"}]
    result = (await hmi.data(PUBLISH, {"changes": changes, "base": 1, "comment": "x"}, "engineer"))["cdbPublish"]
    assert result["__typename"] == "CdbRefused"
    assert len(result["problems"]) >= 2
    assert {p["path"] for p in result["problems"]} >= {"site.yaml"}
    assert all(p["line"] > 0 and p["text"] for p in result["problems"] if p["path"] == "site.yaml")
    assert (await audited(hmi, "cdbPublish"))["ok"] is False
    assert hmi.ports.live.current.revision == 1


async def test_a_document_given_twice_is_refused(hmi: Hmi) -> None:
    changes = [{"path": "a.yaml", "text": "assets:"}, {"path": "a.yaml", "text": "assets: {x: {title: X}}"}]
    answer = await hmi.ask(PUBLISH, {"changes": changes, "base": 1, "comment": "x"}, "engineer")
    assert "named twice" in answer["errors"][0]["message"]
    assert hmi.ports.live.current.revision == 1


async def test_of_two_editors_one_wins(hmi: Hmi) -> None:
    text = (await hmi.data('{ cdb(path: "site.yaml") { text } }'))["cdb"]["text"]
    first = [{"path": "site.yaml", "text": text.replace("2390", "2391")}]
    await hmi.data(PUBLISH, {"changes": first, "base": 1, "comment": "a"}, "engineer")
    second = [{"path": "site.yaml", "text": text.replace("2390", "2392")}]
    result = (await hmi.data(PUBLISH, {"changes": second, "base": 1, "comment": "b"}, "engineer"))["cdbPublish"]
    assert result["__typename"] == "CdbConflict"
    assert result["newest"] == 2


async def test_documents_and_folders(hmi: Hmi) -> None:
    data = await hmi.data(
        '{ cdbDocuments { path size } root: cdb(path: "") { folder children { path } } '
        'folder: cdb(path: "templates") { children { path } } '
        'none: cdb(path: "nothing.yaml") { path } old: cdb(path: "site.yaml", revision: 1) { revision } }'
    )
    paths = [d["path"] for d in data["cdbDocuments"]]
    assert paths == sorted(paths)
    assert [c["path"] for c in data["root"]["children"]] == paths
    assert all(c["path"].startswith("templates/") for c in data["folder"]["children"])
    assert data["none"] is None
    assert data["old"]["revision"] == 1
    assert (await hmi.error('{ cdb(path: "site.yaml", revision: 99) { path } }'))["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("query", "role", "needed"),
    [
        ('mutation { cdbPublish(changes: [{path: "site.yaml"}], base: 1, comment: "x") { __typename } }', "operator", "engineer"),
        ('mutation { cdbRollback(to: 1, comment: "x") { __typename } }', "viewer", "engineer"),
        ('mutation { control(target: "dispatcher", verb: STOP, reason: "x") { ok } }', "viewer", "operator"),
        ('mutation { userSet(name: "mallory", role: ADMIN, password: "long enough") { ok } }', "engineer", "admin"),
        ('mutation { userRemove(name: "admin") { ok } }', "engineer", "admin"),
        ('mutation { sessionsEnd(user: "admin") { ok } }', "operator", "admin"),
        ("{ users { name } }", "engineer", "admin"),
    ],
)
async def test_every_write_needs_its_role(hmi: Hmi, query: str, role: str, needed: str) -> None:
    error = await hmi.error(query, role=role)
    assert error["extensions"] == {"code": "FORBIDDEN", "needed": needed}
    assert needed in error["message"]


async def test_a_refused_write_stands_in_the_audit(hmi: Hmi) -> None:
    await hmi.error('mutation { control(target: "dispatcher", verb: STOP, reason: "x") { ok } }')
    entry = await audited(hmi, "stop")
    assert entry == {
        "user": "viewer",
        "role": "viewer",
        "action": "stop",
        "target": "dispatcher",
        "ok": False,
        "detail": "needs operator",
        "origin": "127.0.0.1",
    }


async def test_control_waits_for_the_managers_answer(hmi: Hmi) -> None:
    async def manager() -> CommandRequest:
        async for request in hmi.ports.bus.tail(COMMANDS_REQUESTS, since=0):
            reply = CommandReply(id=request.id, time=request.time, instance="manager@here:1", ok=True, detail="restarted")
            await hmi.ports.bus.publish(COMMANDS_REPLIES, [reply])
            return request
        raise AssertionError

    answering = asyncio.create_task(manager())
    result = (await hmi.data(CONTROL, {"target": "dispatcher"}, "operator"))["control"]
    request = await answering
    assert (request.target, request.verb.value, request.user, request.reason) == ("dispatcher", "RESTART", "operator", "it lags")
    assert result == {
        "outcome": "DONE",
        "ok": True,
        "detail": "restarted",
        "replies": [{"instance": "manager@here:1", "ok": True, "detail": "restarted"}],
    }
    entry = await audited(hmi, "restart")
    assert (entry["user"], entry["target"], entry["ok"]) == ("operator", "dispatcher", True)


async def test_nobody_answers(hmi: Hmi) -> None:
    hmi.service.backend.commands.wait_s = 0.2
    result = (await hmi.data(CONTROL, {"target": "dispatcher"}, "operator"))["control"]
    assert result["outcome"] == "NO_ANSWER"
    assert "mla status" in result["detail"]


async def heard(hmi: Hmi) -> None:
    """The HMI's own heartbeat."""
    now = hmi.clock.now()
    beat = Heartbeat(
        instance="hmi", service="hmi", system="platform", host="h", pid=1, time=now, started=now,
        state=ServiceState.RUNNING, cpu_s=1.0, rss_bytes=1, gauges={}, hops=(),
    )  # fmt: skip
    await hmi.ports.bus.publish(HEARTBEATS, [beat])
    await until(lambda: hmi.service.backend.fleet.instances(hmi.clock.now()))


async def test_what_nobody_has_heard_of_is_said_at_once(hmi: Hmi) -> None:
    hmi.service.backend.commands.wait_s = 1e9
    await heard(hmi)
    result = (await hmi.data(CONTROL, {"target": "dispatcherr"}, "operator"))["control"]
    assert (result["outcome"], result["ok"]) == ("REFUSED", False)
    assert result["detail"] == "nothing is called dispatcherr; there are platform, hmi, hmi"
    assert (await audited(hmi, "restart"))["ok"] is False


async def test_the_page_does_not_stop_itself(hmi: Hmi) -> None:
    """Asked to, it says at once why not and what to do; the request reaches nobody."""
    await heard(hmi)
    for target, said in (("platform", "the system platform has no manager: name one of its services (hmi)"), ("hmi", "mla restart hmi")):
        result = (await hmi.data(CONTROL, {"target": target}, "operator"))["control"]
        assert (result["outcome"], result["ok"], result["replies"]) == ("REFUSED", False, [])
        assert said in result["detail"]
        assert (await audited(hmi, "restart"))["ok"] is False


async def test_an_admin_manages_users(hmi: Hmi) -> None:
    made = await hmi.data('mutation { userSet(name: "vera", role: OPERATOR, password: "dark matter") { ok detail } }', role="admin")
    assert made["userSet"]["ok"] is True
    assert (await hmi.data("{ users { name role } }", role="admin"))["users"] == [{"name": "vera", "role": "OPERATOR"}]
    async with hmi.client(None) as client:
        assert (await client.post("/auth/login", json={"user": "vera", "password": "dark matter"})).status_code == 200
    short = (await hmi.data('mutation { userSet(name: "carl", role: VIEWER, password: "short") { ok detail } }', role="admin"))["userSet"]
    assert short["ok"] is False
    assert "8 characters" in short["detail"]
    own = (await hmi.data('mutation { userRemove(name: "admin") { ok detail } }', role="admin"))["userRemove"]
    assert own["ok"] is False
    assert (await hmi.data('mutation { userRemove(name: "vera") { ok } }', role="admin"))["userRemove"]["ok"] is True


async def test_a_rollback_to_nowhere_stands_in_the_audit(hmi: Hmi) -> None:
    error = await hmi.error('mutation { cdbRollback(to: 99, comment: "back") { __typename } }', role="engineer")
    assert error["extensions"]["code"] == "BAD_REQUEST"
    entry = await audited(hmi, "cdbRollback")
    assert (entry["user"], entry["target"], entry["ok"]) == ("engineer", "99", False)
    assert "99" in entry["detail"]


async def test_sessions_of_nobody_are_not_said_to_have_ended(hmi: Hmi) -> None:
    found = (await hmi.data('mutation { sessionsEnd(user: "nobody") { ok detail } }', role="admin"))["sessionsEnd"]
    assert (found["ok"], found["detail"]) == (False, "no user nobody")
    assert (await audited(hmi, "sessionsEnd"))["ok"] is False

"""Steps against a server that is played: log-in, typed errors, paging."""

from __future__ import annotations

from typing import Any

import mla_client.errors as e
import pytest
from mla_client.protocol import Reply, Request, Session, ask, logged_in
from mla_client.read_platform import document, me
from mla_client.read_points import last, named, point, points, values_at

from tests.support.client import Server, reply


def error(code: str, message: str = "no", **more: Any) -> Reply:
    return reply({"data": None, "errors": [{"message": message, "extensions": {"code": code, **more}}]})


@pytest.mark.parametrize("code", e.BY_CODE)
def test_errors_are_typed_and_carry_everything(code: str) -> None:
    with pytest.raises(e.BY_CODE[code]) as raised:
        Server(lambda r: error(code, "what is wrong", cost=7)).run(ask("{ me { user } }"))
    assert raised.value.code == code
    assert raised.value.extensions["cost"] == 7
    assert "what is wrong" in str(raised.value)
    assert raised.value.remedy in str(raised.value)


def test_errors_have_the_details_that_help() -> None:
    unknown = e.error_of("no", {"code": "UNKNOWN_POINT", "points": [{"name": "a.b", "didYouMean": ["a.c"]}]})
    assert isinstance(unknown, e.UnknownPoint)
    assert unknown.points == (e.Unknown("a.b", ("a.c",)),)
    dear = e.error_of("no", {"code": "TOO_EXPENSIVE", "cost": 9, "budget": 5})
    assert isinstance(dear, e.TooExpensive)
    assert (dear.cost, dear.budget) == (9, 5)
    with pytest.raises(e.TooManyRequests) as raised:
        Server(lambda r: Reply(429, error("TOO_MANY_REQUESTS").body, "3")).run(ask("{ me { user } }"))
    assert raised.value.retry_after == 3.0
    assert type(e.error_of("no", {"code": "SOMETHING_NEW"})) is e.MlaError


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b"5"])
def test_what_is_no_platform_is_said(body: bytes) -> None:
    with pytest.raises(e.MlaError, match="address of an MLA platform"):
        Server(lambda r: Reply(200, body)).run(ask("{ me { user } }"))


class Door:
    """A server with sessions."""

    def __init__(self) -> None:
        self.valid = ""
        self.logins = 0

    def __call__(self, request: Request) -> Any:
        if request.path == "/auth/login":
            if request.body != {"user": "operator", "password": "right"}:
                return reply({"errors": [{"message": "user or password is wrong", "extensions": {"code": "UNAUTHENTICATED"}}]}, 401)
            self.logins += 1
            self.valid = f"token{self.logins}"
            return reply({"token": self.valid, "user": "operator", "role": "OPERATOR", "expires": 1})
        if request.token != self.valid:
            return error("UNAUTHENTICATED", "log in first")
        return {"answer": 42}


def test_it_logs_in_once_and_again_when_the_session_ended() -> None:
    door, session = Door(), Session("operator", "right")
    server = Server(door)
    assert server.run(logged_in(session, ask("{ x }"))) == {"answer": 42}
    assert server.run(logged_in(session, ask("{ x }"))) == {"answer": 42}
    assert [r.path for r in server.requests] == ["/auth/login", "/graphql", "/graphql"]
    door.valid = "another"
    assert server.run(logged_in(session, ask("{ x }"))) == {"answer": 42}
    assert door.logins == 2
    assert session.leaving is not None
    assert session.leaving.token == "token2"


def test_a_wrong_password_and_an_old_token_are_told() -> None:
    with pytest.raises(e.NotLoggedIn, match="wrong"):
        Server(Door()).run(logged_in(Session("operator", "guess"), ask("{ x }")))
    server = Server(Door())
    with pytest.raises(e.NotLoggedIn, match="log in first"):
        server.run(logged_in(Session(token="old"), ask("{ x }")))
    assert [r.path for r in server.requests] == ["/graphql"]
    with pytest.raises(e.NotLoggedIn, match="no log-in was given"):
        Server(Door()).run(logged_in(Session(), ask("{ x }")))
    assert Session(token="given").leaving is None


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(Session("operator", "hush", "hush"))
    assert "hush" not in repr(Request("POST", "/", token="hush"))


def test_only_what_reads_is_asked_twice() -> None:
    assert Request("POST", "/graphql", {"query": "{ me { user } }"}).repeatable
    assert not Request("POST", "/graphql", {"query": "  mutation { x }"}).repeatable
    assert not Request("POST", "/auth/login", {"user": "x"}).repeatable
    assert not Request("GET", "/export/series.csv", sink=lambda piece: None).repeatable


POINT = {
    "unit": "°", "description": "", "kind": "ENUM", "asset": "ast1", "device": "ast1.opcua", "address": "", "group": "g", "sampling": 1.0,
    "deadband": 0.0, "archiveClass": "standard", "limits": {"lolo": None, "lo": 1.0, "hi": None, "hihi": None}, "range": None,
    "labels": [{"value": 1, "label": "ON"}], "quality": "UNCERTAIN", "value": 1, "label": "ON", "time": 1_795_500_000_000_000,
    "received": None, "status": 0,
}  # fmt: skip


def catalogue(total: int) -> Any:
    """The connection of points n0, n1 …"""

    def answer(request: Request) -> Any:
        v = (request.body or {})["variables"]
        begin = 0 if v["after"] is None else int(v["after"]) + 1
        names = list(range(begin, min(total, begin + v["first"])))
        page = {"hasNextPage": begin + v["first"] < total, "endCursor": str(names[-1]) if names else None}
        return {"points": {"nodes": [{"name": f"n{i}", **POINT} for i in names], "pageInfo": page}}

    return answer


def test_points_pages_through_the_connection() -> None:
    server = Server(catalogue(1203))
    found = server.run(points("n*", kind="enum", quality=["good", "bad"]))
    assert [p.name for p in found] == [f"n{i}" for i in range(1203)]
    assert [v["after"] for v in server.variables] == [None, "499", "999"]
    assert server.variables[0]["filter"] == {"glob": "n*", "kind": ["ENUM"], "quality": ["GOOD", "BAD"]}
    first = found[0]
    assert (first.quality.name, first.limits.lo, first.labels[0].label, first.time.isoformat(), first.received) == (
        "UNCERTAIN", 1.0, "ON", "2026-11-24T06:00:00+00:00", None,
    )  # fmt: skip
    assert str(first) == "n0 = ON ° (uncertain)"


def test_at_most_so_many_points() -> None:
    server = Server(catalogue(5000))
    assert len(server.run(points(at_most=700))) == 700
    assert [v["first"] for v in server.variables] == [500, 200]
    assert Server(catalogue(0)).run(points()) == []


def test_patterns_become_names_and_nothing_comes_twice() -> None:
    assert Server(catalogue(3)).run(named(["n1", "n*", "x"])) == ["n1", "n0", "n2", "x"]
    assert Server(lambda r: pytest.fail("nothing to ask")).run(named("a.b")) == ["a.b"]
    for nothing in ([], "q*"):
        with pytest.raises(e.BadRequest):
            Server(catalogue(0)).run(named(nothing))


def test_a_missing_point_is_told_with_guesses() -> None:
    def answer(request: Request) -> Any:
        if "lastValues" in (request.body or {})["query"]:
            return error("UNKNOWN_POINT", "no point n", points=[{"name": "n", "didYouMean": ["n0"]}])
        return {"point": None}

    with pytest.raises(e.UnknownPoint) as raised:
        Server(answer).run(point("n"))
    assert raised.value.points[0].did_you_mean == ("n0",)


def newest(request: Request) -> Any:
    body = request.body or {}
    if "pipeline" in body["query"]:
        return {"pipeline": {"time": 1_000_000_000}}
    names = body["variables"]["points"]
    columns = {"t": [5] * (len(names) - 1) + [None], "v": [1.5] * (len(names) - 1) + [None], "q": [0] * (len(names) - 1) + [None]}
    units = [{"name": n, "unit": "m", "labels": [{"value": 1, "label": "ON"}] if n == "lid" else []} for n in reversed(names)]
    return {"values": {"serverTime": 7, "points": names, "columns": columns}, "points": {"nodes": units}}


def test_last_values_carry_units_and_come_in_shares() -> None:
    server = Server(newest)
    names = [f"p{i}" for i in range(1100)]
    found = server.run(last(names))
    assert [len(v["points"]) for v in server.variables] == [500, 500, 100]
    assert found.points == tuple(names)
    assert str(found["p0"]) == "p0 = 1.5 m"
    assert str(found["p1099"]) == "p1099 = never received"
    assert found["p1099"].value is None
    assert found["p1099"].quality.name == "NEVER"
    assert repr(found).splitlines()[0] == "<Readings: 1100 samples at 1970-01-01 00:00:00 UTC>"
    assert repr(found).splitlines()[1] == "p0 = 1.5 m"
    assert repr(found).endswith("… and 1080 more")
    with pytest.raises(KeyError):
        found["other"]


def test_enumerations_are_told_by_name() -> None:
    found = Server(newest).run(last(["lid", "p"]))
    assert found["lid"].label is None  # 1.5 is none of its values
    assert found.labels == {"lid": {1: "ON"}}


def test_values_at_uses_the_servers_clock() -> None:
    server = Server(newest)
    server.run(values_at("p", "now-1s"))
    assert server.variables[1]["at"] == 999_000_000


def test_a_folder_is_no_document() -> None:
    node = {"path": "a", "name": "a", "revision": 1, "folder": True, "text": None, "children": [{"path": "a/b", "size": 1, "lines": 1}]}
    with pytest.raises(e.NotFound, match="a/b"):
        Server(lambda r: {"cdb": node}).run(document("a"))
    with pytest.raises(e.NotFound, match="revision 3"):
        Server(lambda r: {"cdb": None}).run(document("a", 3))


def test_who_is_asking() -> None:
    found = Server(lambda r: {"me": {"user": "x", "role": "VIEWER", "expires": 0, "seriesBudget": 5}}).run(me())
    assert (found.user, found.series_budget, found.expires.year) == ("x", 5, 1970)

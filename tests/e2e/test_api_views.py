"""Views saved and shared: durable, versioned, audited; who may see and change them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hmi_backend import views_sqlite
from hmi_backend.views import BYTES_PER_USER, CONTENT_BYTES, MOST_PER_USER, VERSIONS_KEPT, draft_of
from hmi_backend.views_sqlite import open_views
from tests.support.hmi import Hmi, running
from tests.support.waiting import until

SAVE = """mutation($view: ViewInput!) { saveView(view: $view) { __typename
    ... on ViewSaved { view { id name kind owner shared mine version content updatedBy } }
    ... on ViewRefused { message } ... on ViewConflict { message newest { version content } } } }"""
LIST = "{ views { totalCount nodes { id name owner mine version } } }"
NIGHT = {"plots": [{"points": ["ast1.mount.azimuth"]}], "time": {"from": "now-8h"}}


@pytest.fixture
async def hmi(tmp_path: Path) -> AsyncIterator[Hmi]:
    async with running(tmp_path) as site:
        yield site


async def save(hmi: Hmi, role: str = "viewer", **view: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await hmi.data(SAVE, {"view": {"name": "night", "content": NIGHT, **view}}, role))["saveView"]
    return found


async def test_a_viewer_keeps_views_that_nobody_else_sees(hmi: Hmi) -> None:
    saved = (await save(hmi, name="  a   night "))["view"]
    assert (saved["name"], saved["owner"], saved["mine"], saved["version"], saved["content"]) == ("a night", "viewer", True, 1, NIGHT)
    assert (await hmi.data(LIST))["views"]["totalCount"] == 1
    assert (await hmi.data(LIST, role="admin"))["views"]["totalCount"] == 0
    one = "query($id: ID!) { view(id: $id) { content } }"
    assert (await hmi.data(one, {"id": saved["id"]}))["view"] == {"content": NIGHT}
    assert (await hmi.data(one, {"id": saved["id"]}, "admin"))["view"] is None
    taken = await save(hmi, "engineer", id=saved["id"])
    assert taken["__typename"] == "ViewRefused"


async def test_sharing_needs_an_operator(hmi: Hmi) -> None:
    refused = await hmi.error(SAVE, {"view": {"name": "night", "content": NIGHT, "shared": True}})
    assert (refused["extensions"]["code"], refused["extensions"]["needed"]) == ("FORBIDDEN", "operator")
    shared = (await save(hmi, "operator", shared=True))["view"]
    seen = (await hmi.data(LIST))["views"]["nodes"]
    assert seen == [{"id": shared["id"], "name": "night", "owner": "operator", "mine": False, "version": 1}]
    assert (await save(hmi, "engineer", id=shared["id"]))["__typename"] == "ViewRefused"
    assert (await save(hmi, "admin", id=shared["id"], shared=True))["view"]["updatedBy"] == "admin"
    await until(lambda: sum(a.action == "saveView" for a in hmi.service.backend.audit_log.newest_first()) == 4)
    entries = [(a.user, a.ok) for a in hmi.service.backend.audit_log.newest_first() if a.action == "saveView"]
    assert entries == [("admin", True), ("engineer", False), ("operator", True), ("viewer", False)]


async def test_versions_are_kept_and_of_two_editors_one_is_told(hmi: Hmi) -> None:
    first = (await save(hmi))["view"]
    second = (await save(hmi, id=first["id"], base=1, content={"plots": []}, name="dawn"))["view"]
    assert second["version"] == 2
    late = await save(hmi, id=first["id"], base=1, content={"plots": [1]})
    assert late["__typename"] == "ViewConflict"
    assert late["newest"] == {"version": 2, "content": {"plots": []}}
    old = "query($id: ID!, $v: Int) { view(id: $id, version: $v) { name content versions { version name user } } }"
    found = (await hmi.data(old, {"id": first["id"], "v": 1}))["view"]
    assert (found["name"], found["content"]) == ("night", NIGHT)
    assert [(v["version"], v["name"]) for v in found["versions"]] == [(2, "dawn"), (1, "night")]
    for _ in range(VERSIONS_KEPT):
        await save(hmi, id=first["id"])
    assert (await hmi.data(old, {"id": first["id"], "v": 2}))["view"] is None
    assert len((await hmi.data(old, {"id": first["id"]}))["view"]["versions"]) == VERSIONS_KEPT


async def test_what_cannot_be_kept_says_why(hmi: Hmi) -> None:
    assert "name" in (await save(hmi, name=" "))["message"]
    assert "64" not in (await save(hmi, content={"x": "y" * (CONTENT_BYTES - 20)}))["__typename"]
    assert "65,536" in (await save(hmi, content={"x": "y" * CONTENT_BYTES}))["message"]
    assert "kind" in (await save(hmi, kind="Über"))["message"]
    assert "no view" in (await save(hmi, id="none"))["message"]
    deep: Any = {}
    for _ in range(300):
        deep = {"d": deep}
    assert "content" in (await save(hmi, content=deep))["message"]
    error = await hmi.error('mutation { saveView(view: {name: "x", content: [1]}) { __typename } }')
    assert "object" in error["message"]


async def test_deleting_takes_all_versions(hmi: Hmi) -> None:
    mine, shared = (await save(hmi))["view"]["id"], (await save(hmi, "operator", shared=True))["view"]["id"]
    delete = "mutation($id: ID!) { deleteView(id: $id) { ok detail } }"
    assert (await hmi.data(delete, {"id": mine}, "admin"))["deleteView"]["ok"] is False
    assert (await hmi.data(delete, {"id": shared}))["deleteView"]["ok"] is False
    assert (await hmi.data(delete, {"id": mine}))["deleteView"]["ok"] is True
    assert (await hmi.data(delete, {"id": shared}, "admin"))["deleteView"]["ok"] is True
    assert (await hmi.data(LIST, role="operator"))["views"]["totalCount"] == 0


async def test_views_are_listed_by_name_in_pages(hmi: Hmi) -> None:
    for i in range(7):
        await save(hmi, name=f"View {i % 4}", kind="trends" if i % 2 else "compare")
    query = """query($after: String) { views(first: 3, after: $after) { nodes { id name } pageInfo { endCursor hasNextPage } } }"""
    found, after = [], None
    while True:
        page = (await hmi.data(query, {"after": after}))["views"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [v["name"] for v in found] == sorted(v["name"] for v in found)
    assert len({v["id"] for v in found}) == 7
    narrowed = (await hmi.data('{ views(search: "view 1", kind: "trends") { totalCount } }'))["views"]
    assert narrowed["totalCount"] == 2


async def test_a_user_has_at_most_so_many_views(hmi: Hmi) -> None:
    store, draft = hmi.service.backend.views, draft_of(None, None, "x", "trends", False, {})
    assert not isinstance(draft, str)
    for _ in range(MOST_PER_USER):
        await store.save(draft, user="viewer", time=1)
    assert "delete some" in (await save(hmi))["message"]
    assert (await save(hmi, "operator"))["__typename"] == "ViewSaved"


async def test_the_views_of_a_user_take_bounded_room(hmi: Hmi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views_sqlite, "BYTES_PER_USER", 100_000)
    large = {"x": "y" * 30_000}
    ident = (await save(hmi, content=large))["view"]["id"]
    for _ in range(2):
        assert (await save(hmi, content=large, id=ident))["__typename"] == "ViewSaved"
    assert "delete some" in (await save(hmi, content=large))["message"]
    assert "delete some" in (await save(hmi, content=large, id=ident))["message"]
    assert (await hmi.data(LIST))["views"]["nodes"][0]["version"] == 3
    assert (await save(hmi, "operator", content=large))["__typename"] == "ViewSaved"
    assert BYTES_PER_USER > 100 * CONTENT_BYTES


async def test_views_outlive_the_server(tmp_path: Path) -> None:
    async with running(tmp_path) as hmi:
        ident = (await save(hmi))["view"]["id"]
    async with running(tmp_path / "again") as other:
        assert (await other.data(LIST))["views"]["totalCount"] == 0
    async with open_views(tmp_path / "views.sqlite") as store:
        found = await store.load(ident)
    assert found is not None
    assert found[0].name == "night"


async def test_a_point_tells_which_views_show_it(hmi: Hmi) -> None:
    await save(hmi)
    await save(hmi, "operator", name="theirs")
    await save(hmi, "operator", name="ours", shared=True)
    query = '{ point(name: "ast1.mount.azimuth") { whoUsesMe { uses { kind name } sameGroup } } }'
    uses = (await hmi.data(query))["point"]["whoUsesMe"]
    assert uses["uses"] == [{"kind": "VIEW", "name": "night"}, {"kind": "VIEW", "name": "ours"}]
    assert uses["sameGroup"] == [f"ast{i}.mount.azimuth" for i in range(2, 10)]

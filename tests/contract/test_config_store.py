"""What every config store promises, written against the ports alone: ConfigStore, and ConfigEditor and following on top of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from cdb import Editor, example, follow, open_config
from kernel.clock import ManualClock, SystemClock
from kernel.config_store import ConfigChange, ConfigStore, Snapshot
from kernel.errors import BadUsage, ConfigProblems, Conflict
from kernel.live_config import LiveConfig
from tests.contract.config_backends import BACKENDS, Backend, ConfigBackend
from tests.support.waiting import until


@pytest.fixture(params=BACKENDS.values(), ids=list(BACKENDS))
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[ConfigBackend]:
    make: Backend = request.param
    async with make(request) as running:
        yield running


@pytest.fixture
async def store(backend: ConfigBackend, clock: ManualClock) -> AsyncIterator[ConfigStore]:
    async with backend.open(clock) as opened:
        yield opened


@pytest.fixture
def editor(store: ConfigStore, clock: ManualClock) -> Editor:
    return Editor(store, clock)


async def put(store: ConfigStore, base: int, **documents: str | None) -> int:
    """Publishes documents named by keyword; their number."""
    changes = {f"{name}.yaml": text for name, text in documents.items()}
    return (await store.publish(changes, base=base, author="anna", comment=f"after {base}")).number


# The store.


async def test_an_empty_store(store: ConfigStore) -> None:
    assert await store.load() == Snapshot(None, {})
    assert await store.revisions() == []
    with pytest.raises(BadUsage, match=r"no revision 1 .nothing was published yet"):
        await store.load(1)


async def test_a_revision_is_what_was_published(store: ConfigStore, clock: ManualClock) -> None:
    texts = {"a.yaml": "ä: °\r\n# no newline at the end", "folder/b.yaml": "", "c.yml": "\ufeff" + "x" * 2_000_000}
    revision = await store.publish(texts, base=0, author="Anna", comment="first, mit Umläuten")
    assert (revision.number, revision.base, revision.author, revision.comment) == (1, 0, "Anna", "first, mit Umläuten")
    assert revision.time == clock.now()
    assert revision.paths == ("a.yaml", "c.yml", "folder/b.yaml")
    assert await store.load() == Snapshot(revision, texts)


async def test_changes_add_replace_and_remove(store: ConfigStore) -> None:
    await put(store, 0, a="1", b="1", c="1")
    await put(store, 1, a="2", b=None, d="1")
    await put(store, 2, b="3")
    assert (await store.load(1)).documents == {"a.yaml": "1", "b.yaml": "1", "c.yaml": "1"}
    assert (await store.load(2)).documents == {"a.yaml": "2", "c.yaml": "1", "d.yaml": "1"}
    assert (await store.load()).documents == {"a.yaml": "2", "b.yaml": "3", "c.yaml": "1", "d.yaml": "1"}


async def test_paths_are_those_that_differ(store: ConfigStore) -> None:
    await put(store, 0, a="1", b="1")
    await put(store, 1, a="1", b="2", c=None)
    (newest, _) = await store.revisions()
    assert newest.paths == ("b.yaml",)


async def test_of_two_editors_one_wins(store: ConfigStore) -> None:
    await put(store, 0, a="1")
    results = await asyncio.gather(*(put(store, 1, a=str(n)) for n in range(2, 7)), return_exceptions=True)
    assert [r for r in results if not isinstance(r, BaseException)] == [2]
    assert sum(isinstance(r, Conflict) for r in results) == 4
    with pytest.raises(Conflict, match=r"newest revision is 2, not 1: anna published it .after 1."):
        await put(store, 1, a="9")
    with pytest.raises(Conflict):
        await put(store, 3, a="9")


async def test_revisions_are_paged_newest_first(store: ConfigStore) -> None:
    for n in range(5):
        await put(store, n, a=str(n))
    assert [r.number for r in await store.revisions(limit=2)] == [5, 4]
    assert [r.number for r in await store.revisions(limit=2, before=4)] == [3, 2]
    assert [r.number for r in await store.revisions(before=2)] == [1]
    assert await store.revisions(before=1) == []
    with pytest.raises(BadUsage):
        await store.revisions(limit=0)


@pytest.mark.parametrize("number", [-1, 0, 3])
async def test_an_unknown_revision_names_the_known_ones(store: ConfigStore, number: int) -> None:
    await put(store, 0, a="1")
    await put(store, 1, a="2")
    with pytest.raises(BadUsage, match=f"no revision {number} .known: 1 to 2"):
        await store.load(number)


@pytest.mark.parametrize("path", ["../a.yaml", "/a.yaml", "a.txt", "a/../b.yaml", "", "a\x00.yaml", "a\n.yaml"])
async def test_paths_that_could_leave_a_folder_are_refused(store: ConfigStore, path: str) -> None:
    with pytest.raises(BadUsage, match="no path of a document"):
        await store.publish({path: "x"}, base=0, author="a", comment="c")
    assert (await store.load()).revision is None


async def test_text_that_is_no_unicode_is_refused(store: ConfigStore) -> None:
    with pytest.raises(BadUsage, match=r"a.yaml holds a character that is no Unicode"):
        await store.publish({"b.yaml": "x", "a.yaml": "\ud800"}, base=0, author="a", comment="c")
    assert (await store.load()).revision is None


async def test_what_was_published_is_there_after_a_restart(backend: ConfigBackend) -> None:
    async with backend.open() as store:
        await put(store, 0, a="1")
    async with backend.open() as store:
        assert (await store.load()).documents == {"a.yaml": "1"}
        assert await put(store, 1, a="2") == 2


async def test_watch_yields_newer_revisions_within_a_second(store: ConfigStore, clock: ManualClock) -> None:
    seen: list[int] = []

    async def watch(after: int) -> None:
        async for number in store.watch(after):
            seen.append(number)

    await put(store, 0, a="1")
    task = asyncio.create_task(watch(0))
    await until(lambda: seen == [1])
    await put(store, 1, a="2")
    await put(store, 2, a="3")

    async def one_second_later() -> bool:
        await clock.advance(1.0)
        return bool(seen and seen[-1] == 3)

    await until(one_second_later)
    assert seen == sorted(set(seen))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_another_process_publishes_is_seen(backend: ConfigBackend) -> None:
    clock = SystemClock()
    async with backend.open(clock) as here, backend.open(clock) as there:
        watch = here.watch(0)
        await put(there, 0, a="1")
        assert await anext(watch) == 1
        await watch.aclose()  # type: ignore[attr-defined]


async def test_processes_that_publish_at_once_lose_nothing(backend: ConfigBackend) -> None:
    peers = [backend.peer(name, 10) for name in ("p", "q", "r")]
    said = [set(map(int, (await asyncio.to_thread(p.communicate))[0].split())) for p in peers]
    assert [p.returncode for p in peers] == [0, 0, 0]
    assert sorted(n for numbers in said for n in numbers) == list(range(1, 31))
    async with backend.open() as store:
        documents = (await store.load()).documents
        assert [len(documents[f"{n}.yaml"].splitlines()) for n in "pqr"] == [10, 10, 10]
        assert [r.number for r in await store.revisions()] == list(range(30, 0, -1))


async def test_kill_9_loses_nothing_accepted(backend: ConfigBackend) -> None:
    with backend.peer("victim", 1_000_000) as peer:
        assert peer.stdout is not None
        for _ in range(20):
            accepted = int(await asyncio.to_thread(peer.stdout.readline))
        peer.kill()
    async with backend.open() as store:
        documents = (await store.load()).documents
        assert len(documents["victim.yaml"].splitlines()) >= accepted == 20
        newest = (await store.revisions(limit=1))[0].number
        assert await put(store, newest, a="1") == newest + 1


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(BadUsage, match="sqlite:///ABSOLUTE/FOLDER"):
        open_config("etcd://host/cdb", clock=SystemClock())
    with pytest.raises(BadUsage, match="three slashes"):
        open_config("sqlite://cdb", clock=SystemClock())


# The editor.


async def test_publishing_compiles_first(editor: Editor, store: ConfigStore) -> None:
    revision = await editor.publish(example(), base=0, author="anna", comment="the array")
    assert revision.number == 1
    broken = example()["telescopes.yaml"].replace("astri", "astry", 2)
    with pytest.raises(ConfigProblems) as caught:
        await editor.publish({"telescopes.yaml": broken, "archive.yaml": "clases: {}"}, base=1, author="anna", comment="oops")
    assert {(p.path, p.line) for p in caught.value.problems} >= {("archive.yaml", 1), ("telescopes.yaml", 4)}
    assert (await store.load()).documents == example()
    assert len(await store.revisions()) == 1


async def test_nothing_is_removed_that_others_need(editor: Editor) -> None:
    await editor.publish(example(), base=0, author="anna", comment="the array")
    with pytest.raises(ConfigProblems, match="unknown profile drive"):
        await editor.publish({"profiles.yaml": None}, base=1, author="anna", comment="tidy up")


async def test_a_publication_without_a_difference_is_refused(editor: Editor) -> None:
    with pytest.raises(BadUsage, match="nothing to publish"):
        await editor.publish({}, base=0, author="anna", comment="nothing")
    await editor.publish(example(), base=0, author="anna", comment="the array")
    with pytest.raises(BadUsage, match="nothing to publish: every document is as in revision 1"):
        await editor.publish(example(), base=1, author="anna", comment="again")
    with pytest.raises(BadUsage, match="nothing to roll back: every document is as in revision 1"):
        await editor.rollback(1, author="anna", comment="again")
    with pytest.raises(BadUsage, match=r"no document sites.yaml to remove .did you mean site.yaml"):
        await editor.publish({"sites.yaml": None}, base=1, author="anna", comment="again")


async def test_a_change_to_an_old_revision_is_refused(editor: Editor, clock: ManualClock) -> None:
    with pytest.raises(Conflict, match="begin with base 0"):
        await editor.publish({"a.yaml": "site: {}"}, base=1, author="bert", comment="mine")
    await editor.publish(example(), base=0, author="anna", comment="the array")
    await clock.advance(90)
    with pytest.raises(Conflict, match=r"revision 1 was published by anna 90 s ago .the array.*change was made to revision 0"):
        await editor.publish({"a.yaml": "site: {}"}, base=0, author="bert", comment="mine")


async def test_rolling_back_is_a_new_revision(editor: Editor, store: ConfigStore) -> None:
    await editor.publish({"a.yaml": "classes: {fast: {}}", "b.yaml": "site: {}"}, base=0, author="anna", comment="one")
    await editor.publish({"a.yaml": None, "c.yaml": "classes: {slow: {}}"}, base=1, author="bert", comment="two")
    revision = await editor.rollback(1, author="carl", comment="two was wrong")
    assert (revision.number, revision.base, revision.author) == (3, 2, "carl")
    assert revision.paths == ("a.yaml", "c.yaml")
    assert (await store.load()).documents == (await store.load(1)).documents
    with pytest.raises(BadUsage, match="no revision 9"):
        await editor.rollback(9, author="carl", comment="?")


async def test_differences(editor: Editor) -> None:
    await editor.publish({"a.yaml": "classes: {fast: {}}", "b.yaml": "site: {}"}, base=0, author="anna", comment="one")
    await editor.publish({"a.yaml": None, "c.yaml": "classes: {slow: {}}"}, base=1, author="bert", comment="two")
    one_two = [ConfigChange("a.yaml", "classes: {fast: {}}", None), ConfigChange("c.yaml", None, "classes: {slow: {}}")]
    assert await editor.diff(1, 2) == one_two
    assert await editor.diff(2, 1) == [ConfigChange(c.path, c.after, c.before) for c in one_two]
    assert [c.path for c in await editor.diff(0, 2)] == ["b.yaml", "c.yaml"]
    assert await editor.diff(2, 2) == []


# Following.


async def test_services_follow_what_is_published(backend: ConfigBackend) -> None:
    live, refused = LiveConfig(), []
    async with backend.open() as store, backend.open() as other:
        task = asyncio.create_task(follow(store, live, lambda number, problems: refused.append((number, problems.problems[0].path))))
        await Editor(other, SystemClock()).publish(example(), base=0, author="anna", comment="the array")
        await until(lambda: live.current.revision == 1)
        first = live.current
        assert len(first.points) == 1916
        await put(other, 1, future="aliens: {}")  # as a newer release would write it
        await until(lambda: refused == [(2, "future.yaml")])
        assert live.current is first
        await put(other, 2, future=None)
        await until(lambda: live.current.revision == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

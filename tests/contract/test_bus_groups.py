"""Leases and offsets in groups.db, member by member."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bus.leases import GONE_AFTER, this_process
from bus.sqlite import files
from bus.sqlite.groups import Groups, Progress
from kernel.clock import monotonic
from kernel.errors import NotAvailable

ME = this_process("me", monotonic())


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Callable[..., Groups]]:
    """Opens the file as a member of the given name; `dead`: as one whose process ended."""
    opened: list[Groups] = []

    def open_as(name: str, *, dead: bool = False) -> Groups:
        groups = Groups(tmp_path, replace(ME, id=name, started=ME.started - (100 if dead else 0)))
        groups.enter()
        opened.append(groups)
        return groups

    yield open_as
    for groups in opened:
        groups.close()


def test_a_lease_has_one_holder_until_it_is_released(member: Callable[..., Groups]) -> None:
    a, b = member("a"), member("b")
    a.join("t", "g", 5)
    b.join("t", "g", 7)
    assert a.claim("t", "g", 1) == Progress("t", "g", 5, 0)
    assert not b.claimable("t", "g")
    assert b.claim("t", "g", 1) is None
    assert a.claim("t", "g", 2) is None, "another reader of the same process"
    assert a.claim("t", "g", 1) is not None, "the holder itself may ask again"
    assert a.commit("t", "g", 1, 9, 2)
    a.release(1)
    assert b.claim("t", "g", 1) == Progress("t", "g", 9, 2)
    assert not a.commit("t", "g", 1, 20, 0)
    assert b.progress() == [Progress("t", "g", 9, 2)]


def test_a_member_that_leaves_gives_up_all_its_leases(member: Callable[..., Groups]) -> None:
    a, b = member("a"), member("b")
    for topic in ("t", "u"):
        a.join(topic, "g", 0)
        assert a.claim(topic, "g", 1)
    a.leave()
    assert b.claim("t", "g", 1)
    assert b.claim("u", "g", 2)


def test_the_lease_of_a_dead_process_is_free_at_once(member: Callable[..., Groups]) -> None:
    dead, b = member("dead", dead=True), member("b")
    dead.join("t", "g", 0)
    assert dead.claim("t", "g", 1)
    assert b.claimable("t", "g")
    assert b.claim("t", "g", 1)


def test_a_member_taken_for_gone_is_known_again_with_its_next_beat(member: Callable[..., Groups], tmp_path: Path) -> None:
    frozen = member("frozen")
    frozen.join("t", "g", 0)
    with sqlite3.connect(tmp_path / "groups.db") as db:
        db.execute("UPDATE members SET beat = beat - ?", (GONE_AFTER + 1,))
    db.close()
    b = member("b")
    assert frozen.claim("t", "g", 1)
    assert b.claimable("t", "g")
    frozen.beat()
    assert not b.claimable("t", "g")


def test_a_release_that_could_not_be_written_is_made_up_for(
    member: Callable[..., Groups], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_MS", 20)
    a, b = member("a"), member("b")
    a.join("t", "g", 0)
    assert a.claim("t", "g", 1)
    blocker = sqlite3.connect(tmp_path / "groups.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotAvailable, match="look for one that hangs"):
        a.commit("t", "g", 1, 3, 0)
    a.release(1)
    assert not b.claimable("t", "g")
    assert a.claimable("t", "g"), "another reader of the same process need not wait"
    a.leave()
    blocker.execute("ROLLBACK")
    blocker.close()
    a.beat()
    assert b.claim("t", "g", 1) == Progress("t", "g", 0, 0)


def test_an_undecodable_record_is_reported_once_and_forgotten_with_its_topic(member: Callable[..., Groups]) -> None:
    a = member("a")
    assert a.unreported("t", [3, 4]) == {3, 4}
    a.report("t", [3], first=0)
    assert a.unreported("t", [3, 4]) == {4}
    assert a.unreported("u", [3, 4]) == {3, 4}
    a.report("t", [4], first=4)
    assert a.unreported("t", [3, 4]) == {3}

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import SECOND
from kernel.membership import LOST, SETTLE, Membership, owner
from schemas.records import Heartbeat, ServiceState

T0 = 1_800_000_000 * SECOND


def beat(instance: str, time: int, state: ServiceState = ServiceState.RUNNING) -> Heartbeat:
    return Heartbeat(
        instance=instance, service="collector", system="monitoring", host="h", pid=1, time=time, started=T0, state=state,
        cpu_s=0.0, rss_bytes=0, gauges={}, hops=(),
    )  # fmt: skip


@given(st.sets(st.text(min_size=1, max_size=8), min_size=1, max_size=8), st.text(max_size=12))
def test_each_item_has_one_owner_and_only_the_items_of_a_leaver_move(members: set[str], item: str) -> None:
    found = owner(item, members)
    assert found in members
    for gone in members - {found}:
        assert owner(item, members - {gone}) == found
    assert owner(item, []) is None


def test_the_work_is_divided_about_evenly() -> None:
    owners = [owner(f"ast{i}.opcua", ["a", "b", "c", "d"]) for i in range(400)]
    assert all(60 < owners.count(m) < 140 for m in "abcd")


def test_a_newcomer_takes_nothing_before_it_has_settled() -> None:
    me = Membership("me", T0)
    assert not me.mine("x", T0 + SETTLE - 1)
    assert me.mine("x", T0 + SETTLE)


def test_those_who_were_there_let_go_as_soon_as_they_hear_of_a_newcomer() -> None:
    old = Membership("old", T0)
    items = [f"s{i}" for i in range(50)]
    now = T0 + 10 * SECOND
    assert all(old.mine(i, now) for i in items)
    old.hear(beat("new", now), now)
    mine = [i for i in items if old.mine(i, now)]
    assert 0 < len(mine) < len(items)
    new = Membership("new", now)
    new.hear(beat("old", now), now)
    new.hear(beat("old", now + SETTLE), now + SETTLE)
    taken = [i for i in items if new.mine(i, now + SETTLE)]
    assert set(taken).isdisjoint(mine)
    assert sorted(taken + mine) == sorted(items)


def test_a_silent_member_is_taken_over_and_one_that_says_goodbye_at_once() -> None:
    me = Membership("me", T0 - 10 * SECOND)
    me.hear(beat("other", T0), T0)
    assert me.members(T0) == {"me", "other"}
    assert me.members(T0 + LOST) == {"me"}
    now = T0 + LOST + SECOND
    me.hear(beat("other", now), now)
    assert me.members(now) == {"me", "other"}
    me.hear(beat("other", now, ServiceState.STOPPED), now)
    assert me.members(now) == {"me"}


def test_a_process_that_stood_still_begins_anew() -> None:
    me = Membership("me", T0)
    assert me.mine("x", T0 + SETTLE)
    assert me.mine("x", T0 + SETTLE + 2 * LOST), "alone, nobody can have taken over"
    me = Membership("me", T0)
    me.hear(beat("other", T0 + SETTLE), T0 + SETTLE)
    assert "me" in me.members(T0 + SETTLE)
    frozen = T0 + SETTLE + LOST + SECOND
    assert not me.mine("x", frozen)
    assert not me.mine("x", frozen + SETTLE - SECOND)
    assert me.mine("x", frozen + SETTLE + SECOND)


def test_old_heartbeats_read_late_do_not_raise_the_dead() -> None:
    me = Membership("me", T0 - 10 * SECOND)
    me.hear(beat("dead", T0 - LOST), T0, LOST)
    assert me.members(T0) == {"me"}


def test_a_member_whose_clock_is_an_hour_off_is_a_member() -> None:
    me = Membership("me", T0 - 10 * SECOND)
    for hour in (3600 * SECOND, -3600 * SECOND):
        me.hear(beat("other", T0 - hour), T0, hour)
        assert me.members(T0) == {"me", "other"}
        assert me.members(T0 + LOST) == {"me"}

"""Gaps from coverage and events."""

from __future__ import annotations

from archive.gaps import UNREAD, gaps
from kernel.archive import Gap
from schemas.records import GapCause, StateEvent, StateKind


def told(
    kind: StateKind, start: int, end: int | None = None, cause: GapCause = GapCause.DISCONNECTED, points: tuple[str, ...] = ()
) -> StateEvent:
    return StateEvent(source="s", time=start, kind=kind, cause=cause, points=points, start=start, end=end)


def test_only_what_overlaps_the_range_is_shown() -> None:
    covered = [(0, 10), (20, 30), (40, 50)]
    assert gaps("p", 0, 60, covered, []) == (Gap(10, 20, GapCause.UNKNOWN), Gap(30, 40, GapCause.UNKNOWN))
    assert gaps("p", 20, 30, covered, []) == ()
    assert gaps("p", 19, 31, covered, []) == (Gap(10, 20, GapCause.UNKNOWN), Gap(30, 40, GapCause.UNKNOWN))
    assert gaps("p", 12, 13, covered, []) == (Gap(10, 20, GapCause.UNKNOWN),)


def test_nothing_is_known_before_and_after_the_coverage() -> None:
    assert gaps("p", 0, 100, [(40, 50)], []) == ()
    assert gaps("p", 0, 100, [], []) == ()


def test_an_event_that_explains_most_of_a_hole_replaces_it() -> None:
    events = [told(StateKind.GAP, 12, 21, GapCause.STALE)]
    assert gaps("p", 0, 60, [(0, 10), (20, 30)], events) == (Gap(12, 21, GapCause.STALE),)


def test_an_event_that_explains_little_of_a_hole_leaves_it() -> None:
    events = [told(StateKind.GAP, 10, 12, GapCause.OVERFLOW)]
    assert gaps("p", 0, 60, [(0, 10), (20, 30)], events) == (Gap(10, 12, GapCause.OVERFLOW), Gap(10, 20, GapCause.UNKNOWN))


def test_an_event_of_other_points_explains_nothing_here() -> None:
    events = [told(StateKind.GAP, 10, 20, GapCause.OVERFLOW, ("q",))]
    assert gaps("p", 0, 60, [(0, 10), (20, 30)], events) == (Gap(10, 20, GapCause.UNKNOWN),)


def test_each_disconnection_ends_with_the_connection_that_follows_it() -> None:
    events = [
        told(StateKind.DISCONNECTED, 10),
        told(StateKind.CONNECTED, 15),
        told(StateKind.DISCONNECTED, 30),
        told(StateKind.CONNECTED, 35),
        told(StateKind.DISCONNECTED, 50),
    ]
    assert [(g.start, g.end) for g in gaps("p", 0, 60, [], events)] == [(10, 15), (30, 35), (50, None)]


def test_a_refusal_is_a_moment_of_its_own() -> None:
    refusal = StateEvent(
        source="s", time=20, kind=StateKind.REFUSED, cause=GapCause.LATE_REJECTED, points=("p",), start=-(10**18), end=10**18, count=3
    )
    shown = (Gap(20, 20, GapCause.LATE_REJECTED, 3),)
    assert gaps("p", 0, 60, [(0, 60)], [refusal]) == shown
    assert gaps("p", 20, 21, [(0, 60)], [refusal]) == shown
    assert gaps("p", 0, 20, [(0, 60)], [refusal]) == ()
    assert gaps("p", 21, 60, [(0, 60)], [refusal]) == ()
    assert gaps("q", 0, 60, [(0, 60)], [refusal]) == ()
    # it explains no hole
    assert gaps("p", 0, 60, [(0, 15), (25, 60)], [refusal]) == (Gap(15, 25, GapCause.UNKNOWN), *shown)


def test_a_connection_lost_and_found_without_a_loss_is_no_gap() -> None:
    """The source that delivers later what it had meanwhile is connected since it was lost."""
    back = StateEvent(source="s", time=25, kind=StateKind.CONNECTED, cause=GapCause.UNKNOWN, points=(), start=20, end=20)
    assert gaps("p", 0, 60, [(0, 60)], [back, told(StateKind.DISCONNECTED, 20)]) == ()
    assert gaps("p", 22, 60, [(0, 60)], [back, told(StateKind.DISCONNECTED, 20)]) == ()


def test_a_reader_that_ended_without_a_word_left_the_source_unread() -> None:
    connected = told(StateKind.CONNECTED, 30, 30, GapCause.UNKNOWN)
    unread = (Gap(10, 30, GapCause.DISCONNECTED, None, UNREAD),)
    assert gaps("p", 0, 60, [(0, 10), (30, 60)], [told(StateKind.CONNECTED, 0, 0), connected]) == unread
    # the connection that ends the hole is known only to those who read that far
    assert gaps("p", 12, 20, [(0, 10), (30, 60)], [connected]) == unread
    assert gaps("p", 0, 60, [(0, 10), (30, 60)], [told(StateKind.CONNECTED, 0, 0)]) == (Gap(10, 30, GapCause.UNKNOWN),)


def test_a_disconnection_noticed_by_the_next_reader_begins_where_the_coverage_ended() -> None:
    """One cause for all of it: nobody read, and then the device did not answer."""
    events = [told(StateKind.CONNECTED, 0), told(StateKind.DISCONNECTED, 25), told(StateKind.CONNECTED, 30)]
    assert gaps("p", 0, 60, [(0, 10), (30, 60)], events) == (Gap(10, 30, GapCause.DISCONNECTED),)
    assert gaps("p", 0, 60, [(0, 10), (30, 60)], [events[0], told(StateKind.DISCONNECTED, 12), events[2]]) == (
        Gap(10, 30, GapCause.DISCONNECTED),
    )
    # but never over what is known in between
    twice = [
        told(StateKind.DISCONNECTED, 10),
        told(StateKind.CONNECTED, 20),
        told(StateKind.DISCONNECTED, 25),
        told(StateKind.CONNECTED, 30),
    ]
    assert [(g.start, g.end) for g in gaps("p", 0, 60, [(0, 10), (30, 60)], twice)] == [(10, 20), (20, 30)]
    again = [told(StateKind.DISCONNECTED, 10), told(StateKind.DISCONNECTED, 25), told(StateKind.CONNECTED, 30)]
    assert [(g.start, g.end) for g in gaps("p", 0, 60, [(0, 10), (30, 60)], again)] == [(10, 25), (25, 30)]


def test_a_gap_lasts_until_its_end_is_told() -> None:
    begun = told(StateKind.GAP, 20, None, GapCause.FILTERED, ("p", "q"))
    over = told(StateKind.GAP, 20, 40, GapCause.FILTERED, ("p",))
    assert gaps("p", 0, 60, [(0, 60)], [begun]) == (Gap(20, None, GapCause.FILTERED),)
    assert gaps("p", 0, 60, [(0, 60)], [begun, over]) == (Gap(20, 40, GapCause.FILTERED),)
    assert gaps("q", 0, 60, [(0, 60)], [begun, over]) == (Gap(20, None, GapCause.FILTERED),)
    assert gaps("p", 45, 60, [(0, 60)], [begun, over]) == ()


def test_a_gap_without_an_end_lasts_no_longer_than_the_connection() -> None:
    begun = told(StateKind.GAP, 20, None, GapCause.STALE, ("p",))
    down = told(StateKind.DISCONNECTED, 30)
    stale, gone = Gap(20, 30, GapCause.STALE), Gap(30, 50, GapCause.DISCONNECTED)
    assert gaps("p", 0, 60, [(0, 30), (50, 60)], [begun, down]) == (stale, gone)
    assert gaps("p", 0, 60, [(0, 30), (50, 60)], [begun]) == (stale, Gap(30, 50, GapCause.UNKNOWN))


def test_a_loss_of_a_moment_is_told() -> None:
    lost = told(StateKind.GAP, 20, 20, GapCause.DECODE_ERROR)
    shown = (Gap(20, 20, GapCause.DECODE_ERROR),)
    assert gaps("p", 0, 60, [(0, 60)], [lost]) == shown
    assert gaps("p", 20, 21, [(0, 60)], [lost]) == shown
    assert gaps("p", 0, 20, [(0, 60)], [lost]) == gaps("p", 21, 60, [(0, 60)], [lost]) == ()

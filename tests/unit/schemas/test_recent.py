"""What is remembered is bounded."""

from __future__ import annotations

from schemas.recent import Recent


def test_it_forgets_when_full_and_begins_anew() -> None:
    recent: Recent[int, str] = Recent(16)
    for n in range(8):
        recent.put(n, str(n), 2)
    assert [recent.get(n) for n in range(8)] == [str(n) for n in range(8)]
    recent.put(8, "8", 2)
    assert [recent.get(n) for n in range(9)] == [None] * 8 + ["8"]


def test_what_would_take_most_of_the_room_is_not_remembered() -> None:
    recent: Recent[int, str] = Recent(16)
    recent.put(1, "one")
    recent.put(2, "two", 3)
    assert (recent.get(1), recent.get(2)) == ("one", None)

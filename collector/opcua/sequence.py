"""The numbers of a subscription's messages (OPC 10000-4, 7.26): 1, 2 ... 4294967295, 1 ..."""

from __future__ import annotations

LAST = 0xFFFF_FFFF
MOST_MISSING = 1000


def after(number: int) -> int:
    """The number of the next message; there is no 0."""
    return 1 if number >= LAST else number + 1


def follow(expected: int, number: int, carries: bool) -> tuple[list[int], int]:
    """The numbers missing before this message, and the number expected next. expected 0: nothing is known yet.

    A keep-alive (carries is False) announces the number of the next message without using it. A number that was there before, or a
    jump too wide to be a loss (a server that began anew), is taken as it comes.
    """
    following = after(number) if carries else number
    if expected == 0 or number == expected:
        return [], following
    ahead = (number - expected) % LAST
    if ahead > MOST_MISSING:
        behind = (expected - number) % LAST
        return [], expected if behind <= MOST_MISSING else following
    missing = []
    at = expected
    while at != number:
        missing.append(at)
        at = after(at)
    return missing, following

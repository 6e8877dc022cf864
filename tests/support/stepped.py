"""Clocks of processes that can be stepped while they run: Debian's libfaketime between the process and the C library's clock.

Only the time of day moves; the monotonic clock goes on, as it does when an administrator or NTP sets a host's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.tools import debian

LIBRARY = "libfaketimeMT.so.1"


def library() -> Path:
    """The library; installed where this machine can."""
    debian("faketime", "faketime")
    return next(Path("/usr/lib").glob(f"*/faketime/{LIBRARY}"))


def steppable(offset: Path) -> Sequence[str]:
    """What stands before the command of a process whose clock follows `step`."""
    step(offset, 0)
    settings = {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return ("env", *(f"{name}={value}" for name, value in settings.items()))


def step(offset: Path, seconds: int) -> None:
    """Sets the clock so many seconds off the true time; heeded within a second."""
    new = offset.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(offset)

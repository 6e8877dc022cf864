"""Who may read for a consumer group on one host: a member holds the lease until it leaves or is gone."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

BEAT_EVERY = 1.0
"""Seconds between a member's signs of life."""
GONE_AFTER = 3.5
"""Seconds of silence after which a member's leases may be taken; with the polling of those who stand by, a takeover ends within 5 s."""


@dataclass(frozen=True, slots=True)
class Member:
    """A process that has the bus open."""

    id: str
    host: str
    """For people."""
    boot: str
    """This run of the operating system: monotonic time and process ids mean nothing across a reboot."""
    space: str
    """The process id name space (a container has its own)."""
    pid: int
    started: float
    """When the process began, seconds since the epoch, as the operating system says: tells a reused process id."""
    beat: float
    """Monotonic seconds of the last sign of life."""


def gone(member: Member, observer: Member, now: float, started: float | None) -> bool:
    """Whether a member no longer exists, as seen by an observer at monotonic time `now`.

    `started` is when the process that now has the member's id began, None where there is none; it proves death at once, but only
    where both see the same process ids. Otherwise silence decides.
    """
    if member.boot != observer.boot:
        return True
    if member.space == observer.space and (started is None or abs(started - member.started) > 1.0):
        return True
    return now - member.beat > GONE_AFTER


def process_started(pid: int) -> float | None:
    """When the process with this id began; None where there is none (or only its remains that nobody has collected)."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def this_process(id: str, now: float) -> Member:
    """This process as a member."""
    boot, space = platform.node(), platform.node()
    with suppress(OSError):  # systems without these files run no containers that share a folder
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = os.readlink("/proc/self/ns/pid")
    pid = os.getpid()
    return Member(id, platform.node(), boot, space, pid, psutil.Process(pid).create_time(), now)

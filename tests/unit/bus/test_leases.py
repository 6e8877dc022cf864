"""Who counts as gone."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from bus.leases import GONE_AFTER, Member, gone, process_started, this_process

HOLDER = Member("a", "host", "boot", "space", 17, 1000.0, beat=50.0)
OBSERVER = Member("b", "host", "boot", "space", 18, 1001.0, beat=50.0)


def test_a_member_that_beats_lives() -> None:
    assert not gone(HOLDER, OBSERVER, 50.0 + GONE_AFTER, started=1000.0)


def test_silence_ends_a_lease_even_of_a_living_process() -> None:
    assert gone(HOLDER, OBSERVER, 50.1 + GONE_AFTER, started=1000.0)


def test_a_dead_process_is_gone_at_once() -> None:
    assert gone(HOLDER, OBSERVER, 50.0, started=None)


def test_a_reused_process_id_is_another_process() -> None:
    assert gone(HOLDER, OBSERVER, 50.0, started=1400.0)


def test_in_another_container_only_silence_counts() -> None:
    there = replace(HOLDER, space="another")
    assert not gone(there, OBSERVER, 50.0, started=None)
    assert gone(there, OBSERVER, 50.1 + GONE_AFTER, started=None)


def test_a_reboot_ends_every_lease() -> None:
    assert gone(replace(HOLDER, boot="earlier", beat=1e9), OBSERVER, 50.0, started=1000.0)


def test_this_process_lives_and_one_that_ended_does_not() -> None:
    me = this_process("me", 0.0)
    assert not gone(me, me, 1.0, process_started(os.getpid()))
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert process_started(ended.pid) is None, "not even while its parent has not collected it"
    assert process_started(ended.pid) is None

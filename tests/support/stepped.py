"""Clocks of processes that can be stepped while they run, as an administrator or NTP sets a host's clock: see tests/peers/stepped.c.

libfaketime does not do: it leaves C11's cnd_timedwait alone, with which librdkafka waits until moments of the time of day, so that behind
the true time no wait waits, and ahead of it each waits for as long as the clock is ahead.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.platform import ROOT
from tests.support.tools import debian


class SteppedClock:
    """The clock of one host. `folder` keeps what is needed."""

    def __init__(self, folder: Path) -> None:
        self._offset, self._library = folder / "offset", folder / "stepped.so"
        folder.mkdir()
        self.step(0)
        command = [debian("gcc", "build-essential"), "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(self._library)]
        subprocess.run([*command, str(ROOT / "tests" / "peers" / "stepped.c"), "-ldl"], check=True)

    @property
    def enter(self) -> Sequence[str]:
        """What stands before the command of a process that goes by this clock."""
        return ("env", f"LD_PRELOAD={self._library}", f"STEPPED_CLOCK={self._offset}")

    def step(self, seconds: int) -> None:
        """Sets it so many seconds off the true time, at once, for everybody."""
        with self._offset.open("r+b" if self._offset.exists() else "wb", buffering=0) as out:
            out.write(seconds.to_bytes(8, "little", signed=True))

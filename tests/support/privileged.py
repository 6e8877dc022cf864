"""What only root may do: small disks of their own, and networks that can be cut.

Skipped where this user may not; with MLA_REQUIRE_REAL, as in CI, that fails the test.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.engines.artefacts import need

LINKS = 2
"""Of a namespace: the first stays, the second may be cut."""


def root(what: str) -> None:
    """Ends the test here where we are not root."""
    if os.geteuid() == 0:
        return
    if os.environ.get("MLA_REQUIRE_REAL"):
        pytest.fail(f"only root may {what}")
    pytest.skip(f"only root may {what}")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """The folder as a file system of its own, in memory."""
    root("mount a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    _do("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _do("umount", "-l", str(folder))


def fill(file: Path) -> None:
    """Takes what is left of the disk that the file is on."""
    with file.open("wb", buffering=0) as out:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    out.write(b"\xff" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network of its own, whose processes reach this host's loopback addresses through links."""

    name: str

    @property
    def enter(self) -> tuple[str, ...]:
        """What stands before a command that runs in it."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Nothing goes through the second link, and nobody is told: connections stay open on both sides."""
        _do("ip", "link", "set", f"{self.name}h2", "down")

    def mend(self) -> None:
        """The second link is there again."""
        _do("ip", "link", "set", f"{self.name}h2", "up")


@contextmanager
def namespace(severed: Sequence[int]) -> Iterator[Namespace]:
    """A namespace from which the TCP ports `severed` of this host are reached through a link that can be cut, all others through one that
    cannot."""
    root("make a network namespace")
    need("ip", "iproute2", lambda text: None)
    made, net = Namespace(f"mla{os.getpid() % 100_000}"), f"10.{os.getpid() % 256}"
    with ExitStack() as stack:
        _do("ip", "netns", "add", made.name)
        stack.callback(_do, "ip", "netns", "del", made.name)
        inside = ("ip", "-n", made.name)
        for link in range(1, LINKS + 1):
            here, there = f"{made.name}h{link}", f"{made.name}c{link}"
            _do("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", made.name)
            for command, device, end in ((("ip",), here, 1), (inside, there, 2)):
                _do(*command, "addr", "add", f"{net}.{link}.{end}/24", "dev", device)
                _do(*command, "link", "set", device, "up")
            for enter, device in (((), here), (made.enter, there)):
                _do(*enter, "sysctl", "-qw", f"net.ipv4.conf.{device}.route_localnet=1", f"net.ipv4.conf.{device}.rp_filter=0")
            _do(*inside, "route", "add", "127.0.0.0/8", "via", f"{net}.{link}.1", "table", str(100 + link))
        _do(*made.enter, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0")
        _do(*inside, "rule", "add", "pref", "20", "to", "127.0.0.0/8", "lookup", "101")
        for port in severed:
            _do(*inside, "rule", "add", "pref", "10", "to", "127.0.0.0/8", "ipproto", "tcp", "dport", str(port), "lookup", "102")
        yield made


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"

"""Processes that outlive the command that started them: pid files, which process is meant, stopping."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from deploy.engines.engine import Command
from kernel.clock import monotonic, pause

GRACE = 20.0
"""Seconds a process has to end by itself before it is killed."""
KILLED = 5.0
_POLL = 0.05


def start(command: Command, folder: Path, *, tied: bool) -> None:
    """Starts a process with its output in folder/log.txt and its identity in folder/pid.

    tied: it ends with the process that started it, however that ends (Linux; elsewhere it does not).
    """
    argv = list(command.argv)
    if tied and shutil.which("setpriv"):
        argv = ["setpriv", "--pdeathsig", "KILL", *argv]
    with open(folder / "log.txt", "wb") as log:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env={**os.environ, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.returncode = 0  # it belongs to its pid file now, not to this object, which must not warn about it
    (folder / "pid").write_text(json.dumps({"pid": process.pid, "started": psutil.Process(process.pid).create_time()}))


def find(folder: Path) -> psutil.Process | None:
    """The process of a folder's pid file if it still runs: a reused number is recognised by its start time."""
    try:
        known = json.loads((folder / "pid").read_text())
        process = psutil.Process(known["pid"])
        if abs(process.create_time() - known["started"]) > 1.0:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(process.pid)
            return None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
    return process


def stop(folders: Sequence[Path], *, at_once: bool = False) -> int:
    """Ends the processes of the folders, all at the same time, and says how many there were. Kills what does not end within GRACE."""
    running = [p for f in folders if (p := find(f)) is not None]
    for process in running:
        _signal(process, signal.SIGKILL if at_once else signal.SIGTERM)
    left = _wait(folders, GRACE)
    for process in left:
        _signal(process, signal.SIGKILL)
    _wait(folders, KILLED)
    for folder in folders:
        (folder / "pid").unlink(missing_ok=True)
    return len(running)


def wait(answers: Callable[[], bool], folder: Path, seconds: float) -> bool:
    """Whether it answered before it ended or the time was over."""
    end = monotonic() + seconds
    while monotonic() < end:
        if answers():
            return True
        if find(folder) is None:
            return False
        pause(_POLL)
    return False


def last_words(folder: Path, size: int = 2000) -> str:
    """The end of a process's output."""
    try:
        return (folder / "log.txt").read_bytes()[-size:].decode(errors="replace")
    except OSError:
        return ""


def _wait(folders: Sequence[Path], seconds: float) -> list[psutil.Process]:
    end = monotonic() + seconds
    while (left := [p for f in folders if (p := find(f)) is not None]) and monotonic() < end:
        pause(_POLL)
    return left


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # another process's child: its parent collects it

"""Real engines natively on this host, without Docker: for tests, trials, and sites that want it so. Loopback only."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from deploy.engines import processes
from deploy.engines.artefacts import cache_folder
from deploy.engines.cassandra import Cassandra
from deploy.engines.engine import Engine, Node, Say
from deploy.engines.kafka import Kafka
from deploy.engines.registry import Registry
from deploy.engines.small import Mosquitto, Redis
from kernel.clock import monotonic, pause
from kernel.errors import BadUsage, NotAvailable

__all__ = ["ENGINES", "EngineStatus", "down", "running", "status", "up"]

ENGINES: Final[Mapping[str, Engine]] = {e.name: e for e in (Kafka(), Cassandra(), Redis(), Mosquitto(), Registry())}
_TRIES = 3
_LINGER = 15.0
_TAKEN = ("Address already in use", "BindException", "address already in use")


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What became of an engine in a folder."""

    name: str
    state: str
    """`running`, `starting` (a process that does not answer), `degraded` (some nodes are gone) or `stopped`."""
    url: str
    nodes: int
    pids: tuple[int, ...]
    memory: int
    """Resident bytes of its processes."""
    folder: str


def up(
    names: Sequence[str],
    folder: Path,
    *,
    nodes: Mapping[str, int] | None = None,
    cache: Path | None = None,
    say: Say = lambda text: None,
    tied: bool = False,
) -> dict[str, str]:
    """Starts the named engines (none: all but the optional ones) and returns their URLs once they answer. One that runs already is left
    as it is.

    nodes: how many processes of an engine. tied: they end with this process, however it ends. Raises NotAvailable where an engine
    cannot be had or does not come up, with the end of its log.
    """
    counts = nodes or {}
    return {
        e.name: _up(e, folder / e.name, counts.get(e.name), cache or cache_folder(), say, tied)
        for e in _named(names)
        if names or not e.optional
    }


def down(names: Sequence[str], folder: Path, *, at_once: bool = False) -> dict[str, int]:
    """Stops the named engines (none: all) and says how many processes each had; their data stays."""
    return {e.name: processes.stop(_node_folders(folder / e.name), at_once=at_once) for e in reversed(_named(names))}


def status(names: Sequence[str], folder: Path) -> list[EngineStatus]:
    """Whether each named engine (none: all) runs and answers."""
    return [_status(e, folder / e.name) for e in _named(names)]


@contextmanager
def running(name: str, folder: Path, *, nodes: int | None = None, cache: Path | None = None, say: Say = lambda text: None) -> Iterator[str]:
    """An engine for as long as the context lasts; its URL. For tests: its data is worthless afterwards."""
    with ExitStack() as stack:
        stack.callback(down, [name], folder, at_once=True)
        yield up([name], folder, nodes=None if nodes is None else {name: nodes}, cache=cache, say=say, tied=True)[name]


def _named(names: Sequence[str]) -> list[Engine]:
    for name in names:
        if name not in ENGINES:
            raise BadUsage(f"unknown engine {name!r}; known are: {', '.join(ENGINES)}")
    return [e for n, e in ENGINES.items() if not names or n in names]


def _up(engine: Engine, folder: Path, count: int | None, cache: Path, say: Say, tied: bool) -> str:
    folder = folder.resolve()
    known = _load(engine, folder)
    if known and count not in (None, len(known)):
        raise BadUsage(f"{engine.name} in {folder} has {len(known)} nodes, not {count}: choose another folder or remove this one")
    if known and _all_answer(engine, known):
        return engine.url(known)
    programs = engine.obtain(cache, say)
    if _mended(engine, programs, known, say, tied):
        return engine.url(known)
    processes.stop(_node_folders(folder))  # what a crashed run left and does not answer
    for last in (False,) * (_TRIES - 1) + (True,):
        members = _placed(engine, folder, len(known) or count or 1, known)
        say(f"{engine.name}: starting {'a node' if len(members) == 1 else f'{len(members)} nodes'}")
        failed = _start(engine, programs, members, say, tied)
        if failed is None:
            say(f"{engine.name}: ready at {engine.url(members)}")
            return engine.url(members)
        words = processes.last_words(failed.folder)
        processes.stop(_node_folders(folder))
        if last or not any(t in words for t in _TAKEN):
            raise NotAvailable(f"{engine.name} did not come up; {failed.folder / 'log.txt'} ends with:\n{words}")
    raise AssertionError("the last try returns or raises")


def _mended(engine: Engine, programs: Path, known: Sequence[Node], say: Say, tied: bool) -> bool:
    """Starts the nodes that are gone beside those that run; whether all answer then."""
    gone = [n for n in known if processes.find(n.folder) is None]
    if not gone or len(gone) == len(known) or not _come_free(gone):
        return False
    say(f"{engine.name}: starting {len(gone)} of {len(known)} nodes again")
    return _start(engine, programs, known, say, tied, only=gone) is None


def _start(
    engine: Engine, programs: Path, members: Sequence[Node], say: Say, tied: bool, only: Sequence[Node] | None = None
) -> Node | None:
    """Starts every node, or only some; the one that did not come up, or None."""
    wanted = members if only is None else only
    waiting: list[Node] = []
    for node in wanted:
        command = engine.prepare(programs, members, node, say)
        processes.start(command, node.folder, tied=tied)
        waiting.append(node)
        if engine.one_by_one or node is wanted[-1]:
            for w in waiting:
                if not processes.wait(lambda w=w: engine.answers(members, w), w.folder, engine.patience):  # type: ignore[misc]
                    return w
            waiting = []
    return None


def _placed(engine: Engine, folder: Path, count: int, known: Sequence[Node]) -> list[Node]:
    """The nodes with their ports: those of the last run where they are free, else others. Written down for status and down."""
    hosts = engine.hosts(count)
    if known and _come_free(known):
        members = list(known)
    elif len(set(hosts)) > 1:  # nodes with addresses of their own share the port numbers
        ports = dict(zip(engine.ports, _choose([hosts[0]] * len(engine.ports)), strict=True))
        members = [Node(i + 1, folder / f"node{i + 1}", h, ports) for i, h in enumerate(hosts)]
    else:
        chosen = iter(_choose([h for h in hosts for _ in engine.ports]))
        members = [Node(i + 1, folder / f"node{i + 1}", h, {p: next(chosen) for p in engine.ports}) for i, h in enumerate(hosts)]
    for node in members:
        node.folder.mkdir(parents=True, exist_ok=True)
    written = [{"number": n.number, "host": n.host, "ports": dict(n.ports)} for n in members]
    (folder / "nodes.json").write_text(json.dumps(written))
    return members


def _load(engine: Engine, folder: Path) -> list[Node]:
    try:
        known = json.loads((folder / "nodes.json").read_text())
    except (OSError, ValueError):
        return []
    return [Node(n["number"], folder / f"node{n['number']}", n["host"], n["ports"]) for n in known]


def _status(engine: Engine, folder: Path) -> EngineStatus:
    members = _load(engine, folder.resolve())
    found = [p for n in members if (p := processes.find(n.folder)) is not None]
    if not found:
        state = "stopped"
    elif len(found) < len(members):
        state = "degraded"
    else:
        state = "running" if _all_answer(engine, members) else "starting"
    memory = sum(_memory(p) for p in found)
    return EngineStatus(
        engine.name, state, engine.url(members) if found else "", len(members), tuple(p.pid for p in found), memory, str(folder)
    )


def _all_answer(engine: Engine, members: Sequence[Node]) -> bool:
    return all(processes.find(n.folder) is not None and engine.answers(members, n) for n in members)


def _node_folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.resolve().glob("node*") if p.is_dir())


def _choose(hosts: Sequence[str]) -> list[int]:
    """A free port on each host, all different."""
    with ExitStack() as stack:
        taken = []
        for host in hosts:
            probe = stack.enter_context(socket.socket())
            probe.bind((host, 0))
            taken.append(int(probe.getsockname()[1]))
        return taken


def _come_free(nodes: Sequence[Node]) -> bool:
    """Whether all ports of the nodes are free, or become so: a killed JVM holds them until its last thread is gone."""
    end = monotonic() + _LINGER
    while not all(_free(n.host, p) for n in nodes for p in n.ports.values()):
        if monotonic() > end:
            return False
        pause(0.05)
    return True


def _free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _memory(process: psutil.Process) -> int:
    """Resident bytes; none of a process that ended meanwhile."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0

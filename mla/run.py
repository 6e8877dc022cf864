"""The two ways to run: `mla up`, every service with embedded engines; `mla run NAME…`, the named ones. Nothing else differs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import cdb
from kernel.errors import BadUsage, ConfigProblems
from mla.children import Child, children, until_orphaned
from mla.following import follow_config
from mla.modules import MODULES, NUMBER
from mla.platform import Platform, open_platform
from mla.runner import Runner
from mla.settings import Settings

log = logging.getLogger(__name__)
Ready = Callable[[Platform], Coroutine[Any, Any, None]]
Prepare = Callable[[Platform], Coroutine[Any, Any, Sequence[Child]]]
Around = Callable[[Platform], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _nothing(platform: Platform) -> AsyncIterator[None]:
    yield


def check_names(names: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """The names, once each; raises BadUsage for unknown ones and for engines that cannot serve them."""
    unknown = [n for n in names if n not in MODULES]
    if unknown:
        raise BadUsage(f"unknown service {', '.join(unknown)}; known are: {', '.join(MODULES)}")
    users = [n for n, m in MODULES.items() if m.hot]
    chosen = [n for n in dict.fromkeys(names) if MODULES[n].hot]
    if urlsplit(settings.hot_url).scheme == "memory" and chosen and set(chosen) != set(users):
        missing = ", ".join(sorted(set(users) - set(chosen)))
        raise BadUsage(
            f"the hot queue {settings.hot_url} lives in one process, but {', '.join(chosen)} would run without {missing}; "
            f"run them together (`mla run {' '.join(users)}`) or set MLA_HOT_URL to a shared hot queue"
        )
    return tuple(dict.fromkeys(names))


async def run_services(settings: Settings, names: Sequence[str], ready: Ready, around: Around = _nothing) -> None:
    """Runs the named services until SIGINT, SIGTERM or the parent's end.

    around(platform) is entered before the services start and left after they ended; ready(platform) is awaited once all of them serve
    and may go on with work of its own.
    """
    modules = [MODULES[n] for n in names]
    wants = {"hot": any(m.hot for m in modules), "archive": any(m.archive for m in modules)}
    async with open_platform(settings, **wants) as platform, AsyncExitStack() as stack:
        await stack.enter_async_context(around(platform))
        await load_config(platform)
        runner = Runner(platform, tuple(names))
        served = asyncio.Event()
        tasks = [
            asyncio.create_task(follow_config(platform, completed=wants["hot"] or wants["archive"]), name="configuration"),
            asyncio.create_task(runner.run(served.set), name="services"),
            asyncio.create_task(_announce(served, platform, ready), name="ready"),
            asyncio.create_task(_signalled(), name="signals"),
            asyncio.create_task(until_orphaned(), name="parent"),
        ]
        stack.push_async_callback(_cancel, tasks)
        await _first(tasks)


async def load_config(platform: Platform) -> None:
    """Puts the newest published revision that compiles in force before any service starts; one that does not is reported."""
    store = platform.config_store
    number: int | None = None
    while (snapshot := await store.load(number)).revision is not None:
        number = snapshot.revision.number
        try:
            platform.config.replace(cdb.compile(snapshot.documents, number))
            return
        except ConfigProblems as error:
            log.error("configuration revision %d is not put in force: %s", number, error)
        if number == 1:
            return
        number -= 1


async def _announce(served: asyncio.Event, platform: Platform, ready: Ready) -> None:
    await served.wait()
    await ready(platform)
    await asyncio.Event().wait()


async def _signalled() -> None:
    """Returns at SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def until_stopped(work: Coroutine[Any, Any, object]) -> None:
    """Runs work until it ends, SIGINT, SIGTERM or the parent's end."""
    tasks = [
        asyncio.create_task(_only(work), name="work"),
        asyncio.create_task(_signalled(), name="signals"),
        asyncio.create_task(until_orphaned(), name="parent"),
    ]
    try:
        await _first(tasks)
    finally:
        await _cancel(tasks)


async def _only(work: Coroutine[Any, Any, object]) -> None:
    await work


async def _first(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Waits until one of the tasks ends; raises what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in reversed(tasks):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ExceptionGroup):
            await task


def collector_children(settings: Settings) -> list[Child]:
    """The collector processes of `mla up`."""
    n = settings.collector_processes
    return [Child(f"collector {i + 1}/{n}", ("run", "collector"), {**settings.environment(), NUMBER: str(i)}) for i in range(n)]


async def up(settings: Settings, ready: Ready, prepare: Prepare) -> None:
    """Every service: those that may share an interpreter here, the others as child processes.

    prepare(platform) sees to the first configuration and names further processes to run beside the services.
    """
    names = tuple(n for n, m in MODULES.items() if not m.own_process)

    @asynccontextmanager
    async def around(platform: Platform) -> AsyncIterator[None]:
        extra = await prepare(platform)
        async with children([*extra, *collector_children(settings)], platform.clock):
            yield

    await run_services(settings, names, ready, around)

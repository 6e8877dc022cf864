"""Following published revisions without a restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from cdb.compiler import compile
from kernel.config_store import ConfigStore
from kernel.errors import ConfigProblems
from kernel.live_config import LiveConfig

log = logging.getLogger(__name__)
OnProblem = Callable[[int, ConfigProblems], None]


def log_problem(revision: int, problems: ConfigProblems) -> None:
    """The default: one log record naming every mistake."""
    log.error("configuration revision %d does not compile here and is not applied:\n%s", revision, problems)


async def follow(store: ConfigStore, live: LiveConfig, on_problem: OnProblem = log_problem) -> None:
    """Puts the newest revision in force, then each later one, until cancelled.

    A revision that does not compile, because a newer release wrote it, is given to on_problem and not applied: the one in force stays.
    A revision that is in force already is not compiled again.
    """
    after = live.current.revision
    async for number in store.watch(after):
        snapshot = await store.load(number)
        try:
            config = await asyncio.to_thread(compile, snapshot.documents, number)
        except ConfigProblems as problems:
            on_problem(number, problems)
        else:
            live.replace(config)

"""Progress on standard error: a bar per step, drawn where a person looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """Tell it what is being done, how much is done and how much there is: the bar of a step ends when the next one begins."""
    shown: dict[str, Any] = {}

    def told(step: str, done: int, total: int) -> None:
        bar = shown.get(step)
        if bar is None:
            _finish(shown)
            bar = shown[step] = click.progressbar(length=max(total, 1), label=step, file=sys.stderr)
            bar.__enter__()
        bar.length = max(total, 1)
        bar.update(done - bar.pos)

    try:
        yield told
    finally:
        _finish(shown)


def _finish(shown: dict[str, Any]) -> None:
    for bar in shown.values():
        bar.__exit__(None, None, None)
    shown.clear()

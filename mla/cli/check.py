"""`mla check`: settings and configuration, every problem at once."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import cdb as configuration
from kernel.array import ArrayConfig
from kernel.errors import BadUsage, ConfigProblems, Problem
from mla.cli.common import emit_json, json_option, settings_of


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH…]", type=click.Path())
@json_option
@click.pass_context
def check(ctx: click.Context, paths: tuple[str, ...], as_json: bool) -> None:
    """Check the settings and, where PATHs are given, configuration folders. Prints the effective settings without secrets.

    Every mistake is reported, of the settings and of all folders, each with file, line and what to write instead. Exit code 0: all good;
    2: at least one mistake. Nothing is changed or connected to."""
    settings: dict[str, Any] = {}
    summaries: dict[str, dict[str, int]] = {}
    problems: list[Problem] = []
    try:
        settings = settings_of(ctx).effective()
    except ConfigProblems as error:
        problems += error.problems
    for path in dict.fromkeys(paths):
        try:
            summaries[path] = _summary(compile_folder(Path(path)))
        except ConfigProblems as error:
            problems += error.problems
        except BadUsage as error:
            problems.append(Problem(path, 0, "is no configuration", str(error)))
    if as_json:
        found = {"problems": [asdict(p) for p in problems]} if problems else {}
        emit_json({"settings": settings, "configurations": summaries, **found})
        raise SystemExit(2 if problems else 0)
    for key, value in settings.items():
        click.echo(f"{key} = {value}")
    for path, summary in summaries.items():
        click.echo(f"{path}: good; " + ", ".join(f"{n} {what}" for what, n in summary.items()))
    if problems:
        raise ConfigProblems(problems)


def compile_folder(path: Path) -> ArrayConfig:
    """The configuration in a folder. Raises ConfigProblems with every mistake, its file named from where the command runs."""
    documents, unread = configuration.scan_folder(path)
    try:
        return configuration.compile(documents, unread=unread)
    except ConfigProblems as error:
        raise ConfigProblems([Problem(str(path / p.path), p.line, p.text, p.remedy) for p in error.problems]) from None


def _summary(c: ArrayConfig) -> dict[str, int]:
    return {"assets": len(c.assets), "sources": len(c.sources), "points": len(c.points), "archive classes": len(c.classes)}

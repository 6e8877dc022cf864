"""`mla check`: settings and configuration, every problem at once."""

from __future__ import annotations

from pathlib import Path

import click

import cdb as configuration
from kernel.array import ArrayConfig
from kernel.errors import BadUsage, ConfigProblems
from mla.cli.common import emit_json, json_option, settings_of


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH…]", type=click.Path())
@json_option
@click.pass_context
def check(ctx: click.Context, paths: tuple[str, ...], as_json: bool) -> None:
    """Check the settings and, where PATHs are given, configuration folders. Prints the effective settings without secrets."""
    try:
        settings = settings_of(ctx)
        compiled = {p: compile_folder(Path(p)) for p in paths}
    except ConfigProblems as error:
        if not as_json:
            raise
        emit_json({"problems": [{"path": p.path, "line": p.line, "text": p.text, "remedy": p.remedy} for p in error.problems]})
        raise SystemExit(2) from None
    if as_json:
        emit_json({"settings": settings.effective(), "configurations": {p: _summary(c) for p, c in compiled.items()}})
        return
    for key, value in settings.effective().items():
        click.echo(f"{key} = {value}")
    for p, c in compiled.items():
        click.echo(f"{p}: good; " + ", ".join(f"{n} {what}" for what, n in _summary(c).items()))


def compile_folder(path: Path) -> ArrayConfig:
    """The configuration in a folder; raises ConfigProblems with every mistake."""
    if not path.is_dir():
        raise BadUsage(f"{path} is no folder; name a folder of YAML documents, for example one written by `mla cdb export`")
    return configuration.compile(configuration.read_folder(path))


def _summary(c: ArrayConfig) -> dict[str, int]:
    return {"assets": len(c.assets), "sources": len(c.sources), "points": len(c.points), "archive classes": len(c.classes)}

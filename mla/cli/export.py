"""`mla export points`: bulk export with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from archive import open_archive
from archive.export import ArchiveExporter
from kernel.archive import Archive, Fill, ResampleMethod, SeriesBlock, SeriesQuery
from kernel.clock import SystemClock
from kernel.live_config import LiveConfig
from mla.cli.common import emit_json, json_option, parse_range, run_async, settings_of, show_bytes
from mla.cli.read import config_of, grid, select_kept

FORMS = ("csv", "parquet", "jsonl", "arrow")


class Watched:
    """An archive that tells of each point read to its end: what a progress bar needs."""

    def __init__(self, archive: Archive, done: Callable[[int], None]) -> None:
        self._archive, self._done = archive, done
        self.append, self.at, self.stats = archive.append, archive.at, archive.stats

    async def series(self, query: SeriesQuery) -> list[SeriesBlock]:
        """As the archive's."""
        blocks = await self._archive.series(query)
        self._done(sum(b.next_cursor is None for b in blocks))
        return blocks


@click.group()
def export() -> None:
    """Bulk export into a file."""


@export.command()
@click.argument("names", nargs=-1, metavar="[POINT…]")
@click.option("--from", "start", required=True, help="ISO 8601, now-1d or microseconds UTC.")
@click.option("--to", "end", default="now", show_default=True)
@click.option("--format", "form", type=click.Choice(FORMS), help="Default: by the end of FILE's name, else csv.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE", help="-: standard output.")
@click.option(
    "--resample", "method", type=click.Choice([m.value for m in ResampleMethod], case_sensitive=False), help="As for `mla query`."
)
@click.option("--every")
@click.option("--buckets", type=click.IntRange(min=1))
@click.option("--fill", default="NONE", type=click.Choice([f.value for f in Fill], case_sensitive=False), show_default=True)
@json_option
@click.pass_context
def points(ctx: click.Context, names: tuple[str, ...], start: str, end: str, form: str | None, output: str, method: str | None,
           every: str | None, buckets: int | None, fill: str, as_json: bool) -> None:  # fmt: skip
    """Export points (names or globs; default all)."""
    settings = settings_of(ctx)
    form = form or next((f for f in FORMS if output.endswith("." + f)), "csv")

    async def work(file: IO[bytes]) -> tuple[int, int]:
        config = await config_of(settings)
        lo, hi = parse_range(start, end)
        live = LiveConfig(config)
        async with open_archive(settings.archive, clock=SystemClock(), config=live, read_only=True) as archive:
            chosen, written = await select_kept(config, archive, names or ("*",)), 0
            with click.progressbar(length=len(chosen), label=f"{len(chosen)} points", file=sys.stderr) as bar:
                query = SeriesQuery(tuple(chosen), lo, hi, grid(method, every, buckets, fill))
                async for piece in ArchiveExporter(Watched(archive, bar.update), live).stream(query, form):
                    file.write(piece)
                    written += len(piece)
        return written, len(chosen)

    with _opened(output) as file:
        size, count = run_async(work(file))
    if as_json and output != "-":
        emit_json({"file": output, "format": form, "bytes": size, "points": count})
    else:
        click.echo(f"{output}: {show_bytes(size)}", err=output == "-")


@contextmanager
def _opened(output: str) -> Iterator[IO[bytes]]:
    """The file, which appears under its name when it is whole; standard output for `-`."""
    if output == "-":
        yield sys.stdout.buffer
        return
    part = Path(output + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.rename(output)
    finally:
        part.unlink(missing_ok=True)

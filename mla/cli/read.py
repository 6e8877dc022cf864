"""`mla points`, `mla get`, `mla watch`, `mla query`: reading."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import orjson

import cdb as configuration
from archive import open_archive
from bus import open_bus
from hmi_backend.guess import Guesser
from kernel.archive import Archive, Fill, Resample, ResampleMethod, SeriesBlock, SeriesQuery
from kernel.array import ArrayConfig, Point, PointType
from kernel.clock import SECOND, SystemClock
from kernel.discovery import complete
from kernel.errors import BadUsage, NotAvailable
from kernel.live_config import LiveConfig
from kernel.samples import Kind, json_values
from mla.cli.common import (
    emit_json,
    emit_table,
    json_option,
    parse_duration,
    parse_range,
    run_async,
    settings_of,
    show_age,
    show_time,
)
from mla.cli.tails import read_all
from mla.settings import Settings
from schemas.records import MONITORING_DISCOVERED

QUALITY = ("good", "uncertain", "bad")
PAGE = 100_000


async def config_of(settings: Settings) -> ArrayConfig:
    """The newest published configuration, completed by what devices told. Raises NotAvailable where nothing was ever kept."""
    nothing_there(settings)
    async with configuration.open_config(settings.cdb, clock=SystemClock()) as store:
        snapshot = await store.load()
    config = configuration.compile(snapshot.documents, snapshot.revision.number if snapshot.revision else 0)
    if not any(source.browse for source in config.sources.values()) and config.points:
        return config
    async with open_bus(settings.bus, clock=SystemClock(), registry=settings.registry_url) as bus:
        told = {d.source: d for d in await read_all(bus, MONITORING_DISCOVERED, 0)}
    return complete(config, told)


def nothing_there(settings: Settings) -> None:
    """Raises NotAvailable where the embedded configuration database does not exist: reading must not make one."""
    if settings.cdb.startswith("sqlite://") and not Path(settings.cdb.removeprefix("sqlite://")).exists():
        raise NotAvailable(f"there is no platform at {settings.data}: name its folder with --data, or start one with `mla up`")


def select(config: ArrayConfig, patterns: Sequence[str]) -> list[str]:
    """Points that match the names or globs; raises BadUsage for a pattern that matches none."""
    found: dict[str, None] = {}
    for pattern in patterns:
        matched = [pattern] if pattern in config.points else fnmatch.filter(config.points, pattern)
        if not matched:
            raise BadUsage(no_match(config, pattern))
        found.update(dict.fromkeys(matched))
    return list(found)


async def select_kept(config: ArrayConfig, archive: Archive, patterns: Sequence[str]) -> list[str]:
    """As `select`; the name of a point that is no longer configured is taken too, where the archive has samples of it."""
    found: dict[str, None] = {}
    for pattern in patterns:
        held = await archive.at([pattern], SystemClock().now()) if pattern not in config.points else None
        found.update(dict.fromkeys([pattern] if held is not None and held.kind[0] != Kind.NONE else select(config, [pattern])))
    return list(found)


def point_of(config: ArrayConfig, name: str) -> Point:
    """The point, or one of which nothing but its name is known any more."""
    return config.points.get(name) or Point(name, PointType(), "", "", "")


def no_match(config: ArrayConfig, pattern: str) -> str:
    """Says that no point matches, and which points were perhaps meant."""
    if not config.points:
        return "no points are configured yet: publish some with `mla cdb publish FOLDER -m COMMENT`"
    near = Guesser(sorted(config.points)).guess(pattern)
    meant = f" (did you mean {', '.join(near)}?)" if near else ""
    return f"no point matches {pattern!r}{meant}; `mla points` lists them all"


@click.command()
@click.argument("glob", default="*")
@click.option("--first", type=click.IntRange(min=1), default=1000, show_default=True, help="At most so many.")
@click.option("--after", help="Only names after this one: pages on.")
@json_option
@click.pass_context
def points(ctx: click.Context, glob: str, first: int, after: str | None, as_json: bool) -> None:
    """List monitoring points, for example `mla points 'ast1.mount.*'`."""
    config = run_async(config_of(settings_of(ctx)))
    names = [n for n in sorted(fnmatch.filter(config.points, glob)) if after is None or n > after]
    shown = [config.points[n] for n in names[:first]]
    if not names and after is None:
        click.echo(no_match(config, glob), err=True)
    if as_json:
        emit_json({"total": len(names), "points": [_plain(p) for p in shown]})
        return
    emit_table(
        ("POINT", "KIND", "UNIT", "EVERY", "CLASS", "DESCRIPTION"),
        [
            (p.name, p.type.kind.value, p.type.unit or "–", f"{p.type.sampling:g} s", p.type.archive_class, p.type.description)
            for p in shown
        ],
    )
    if len(names) > first:
        click.echo(f"… {len(names) - first} more: --after {shown[-1].name}", err=True)


def _plain(p: Point) -> dict[str, Any]:
    t, limits = p.type, p.type.limits
    return {
        "name": p.name, "asset": p.asset, "source": p.source, "address": p.address, "kind": t.kind.value, "unit": t.unit,
        "description": t.description, "sampling_s": t.sampling, "deadband": t.deadband, "archive_class": t.archive_class,
        "labels": {str(k): label for k, label in t.labels},
        "limits": {"lolo": limits.lolo, "lo": limits.lo, "hi": limits.hi, "hihi": limits.hihi},
    }  # fmt: skip


LAST = "query($points: [String!]!) { lastValues(points: $points) { points columns } sources { name connected } }"
LIVE = "subscription($points: [String!]!, $maxHz: Float!) { live(points: $points, maxHz: $maxHz) { points columns dropped } }"


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="POINT…")
@json_option
@click.pass_context
def get(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """The last values of points (names or globs) of the running platform."""
    from mla.api import Api

    settings = settings_of(ctx)
    config = run_async(config_of(settings))
    chosen, now = select(config, names), SystemClock().now()
    answer = Api(settings).query(LAST, {"points": chosen})
    found, lost = answer["lastValues"], {s["name"] for s in answer["sources"] if s["connected"] is False}
    rows = list(zip(found["points"], found["columns"]["t"], found["columns"]["v"], found["columns"]["q"], strict=True))
    if as_json:
        emit_json([{**_value(config, *row), "connected": config.points[row[0]].source not in lost} for row in rows])
        return
    emit_table(
        ("POINT", "VALUE", "UNIT", "QUALITY", "AGE", "SOURCE"),
        [
            (n, _shown(config.points[n], v), config.points[n].type.unit or "–", QUALITY[q] if t else "never received",
             show_age((now - t) / SECOND) if t else "–", "disconnected" if config.points[n].source in lost else "connected")
            for n, t, v, q in rows
        ],
    )  # fmt: skip


def _value(config: ArrayConfig, name: str, time: int, value: Any, quality: int) -> dict[str, Any]:
    return {
        "point": name, "time_us": time or None, "value": value, "unit": config.points[name].type.unit,
        "quality": QUALITY[quality] if time else None,
    }  # fmt: skip


def _shown(point: Point, value: Any) -> str:
    labels = dict(point.type.labels)
    if value is None:
        return "–"
    return (
        f"{labels[value]} ({value})"
        if isinstance(value, int) and value in labels
        else f"{value:.6g}"
        if isinstance(value, float)
        else str(value)
    )


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="POINT…")
@click.option("--max-hz", type=click.FloatRange(0.01, 50), default=4.0, show_default=True, help="Updates per second and point.")
@json_option
@click.pass_context
def watch(ctx: click.Context, names: tuple[str, ...], max_hz: float, as_json: bool) -> None:
    """Print changes of points as they come, until Ctrl-C; with --json one object per line."""
    from mla.api import Api

    settings = settings_of(ctx)
    config = run_async(config_of(settings))
    chosen = select(config, names)

    async def work() -> None:
        async with Api(settings).subscribe(LIVE, {"points": chosen, "maxHz": max_hz}) as stream:
            async for data in stream:
                columns = data["live"]["columns"]
                for n, t, v, q in zip(data["live"]["points"], columns["t"], columns["v"], columns["q"], strict=True):
                    if as_json:
                        click.echo(orjson.dumps(_value(config, n, t, v, q)).decode())
                    else:
                        unit = config.points[n].type.unit
                        click.echo(
                            f"{show_time(t)}  {n}  {_shown(config.points[n], v)} {unit}".rstrip() + ("" if q == 0 else f"  [{QUALITY[q]}]")
                        )

    try:
        run_async(work())
    except KeyboardInterrupt:
        raise SystemExit(0) from None


def grid(method: str | None, every: str | None, buckets: int | None, fill: str) -> Resample | None:
    """The resampling asked for; None for raw samples. Raises BadUsage."""
    if method is None or method.upper() == "RAW":
        if every or buckets:
            raise BadUsage("--every and --buckets go with --resample, for example --resample MEAN")
        return None
    if (every is None) == (buckets is None):
        raise BadUsage("--resample needs either --every, for example 10s, or --buckets, for example 500")
    return Resample(ResampleMethod[method.upper()], parse_duration(every) if every else None, buckets, Fill[fill.upper()])


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="POINT…")
@click.option("--from", "start", default="now-10m", show_default=True, help="ISO 8601, now-1h or microseconds UTC.")
@click.option("--to", "end", default="now", show_default=True)
@click.option("--resample", "method", type=click.Choice([m.value for m in ResampleMethod], case_sensitive=False))
@click.option("--every", help="Width of a bucket, for example 10s.")
@click.option("--buckets", type=click.IntRange(min=1), help="Number of buckets.")
@click.option("--after", help="The next_cursor of an earlier answer, for one point: pages on.")
@click.option("--fill", default="NONE", type=click.Choice([f.value for f in Fill], case_sensitive=False), show_default=True)
@json_option
@click.pass_context
def query(ctx: click.Context, names: tuple[str, ...], start: str, end: str, method: str | None, every: str | None, buckets: int | None,
          after: str | None, fill: str, as_json: bool) -> None:  # fmt: skip
    """Samples of points from the archive."""
    settings = settings_of(ctx)
    resample = grid(method, every, buckets, fill)

    async def work() -> tuple[ArrayConfig, list[SeriesBlock]]:
        config, moments = await config_of(settings), parse_range(start, end)
        async with open_archive(settings.archive, clock=SystemClock(), config=LiveConfig(config), read_only=True) as archive:
            chosen = await select_kept(config, archive, names)
            return config, await archive.series(SeriesQuery(tuple(chosen), *moments, resample, limit=PAGE, cursor=after))

    config, blocks = run_async(work())
    if as_json:
        emit_json([_block(config, b) for b in blocks])
        return
    for b in blocks:
        p = point_of(config, b.series.point)
        for t, v, q in zip(b.series.time.tolist(), b.series.value.tolist(), b.series.quality.tolist(), strict=True):
            click.echo(f"{show_time(t, 6)}  {p.name}  {_shown(p, v)} {p.type.unit}".rstrip() + ("" if q == 0 else f"  [{QUALITY[q]}]"))
        for g in b.gaps:
            click.echo(
                f"gap {show_time(g.start)} to {show_time(g.end) if g.end else 'now'}  {p.name}  {g.cause.value} {g.detail}".rstrip(),
                err=True,
            )
        if b.next_cursor:
            click.echo(f"{p.name}: the first {PAGE} samples; more with --after {b.next_cursor}, all with `mla export points`", err=True)


def _block(config: ArrayConfig, b: SeriesBlock) -> dict[str, Any]:
    return {
        "point": b.series.point,
        "unit": point_of(config, b.series.point).type.unit,
        "method": b.method.value,
        "columns": {"t": b.series.time.tolist(), "v": json_values(b.series.value), "q": b.series.quality.tolist()},
        "gaps": [{"start": g.start, "end": g.end, "cause": g.cause.value, "count": g.count, "detail": g.detail} for g in b.gaps],
        "complete": b.complete,
        "next_cursor": b.next_cursor,
    }

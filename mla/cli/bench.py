"""`mla bench`: the benchmarks, each with one command."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import click

from kernel.errors import BadUsage
from mla.cli.common import emit_json, emit_table, run_async


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a benchmark is, and how long it measures unless told otherwise, seconds."""

    module: str
    seconds: float
    about: str
    on_engines: float | None = None
    """Seconds with --engines; None: the embedded engines only."""


BENCHES = {
    "ingest": Bench("bench.ingest", 60.0, "batch source to bus to hot queue and archive", 300.0),
    "catchup": Bench("bench.catchup", 60.0, "a dispatcher that finds a full topic after an outage", 60.0),
    "scale": Bench("bench.catchup", 60.0, "one, two and four dispatcher processes on full topics; needs --engines", 60.0),
    "growth": Bench("bench.growth", 10.0, "CPU per sample and query time with 1 000, 20 000 and 200 000 points configured"),
    "opcua": Bench("bench.opcua", 30.0, "20 000 points at 1 Hz from a node-opcua server to a live subscriber", 60.0),
    "takeover": Bench("bench.takeover", 30.0, "seconds until a killed collector's sources are read by another one", 60.0),
    "archive": Bench("bench.archive", 0.0, "bytes per point of one day of 1 Hz series"),
    "query": Bench("bench.query", 10.0, "one day of a 1 Hz point to 1 000 buckets, in the archive and over GraphQL"),
    "fanout": Bench("bench.fanout", 10.0, "live values to many subscribers"),
    "browser": Bench("bench.browser", 40.0, "the web HMI in Chromium: page usable, value to pixel, panning, an hour of heap", 40.0),
    "startup": Bench("bench.startup", 0.0, "`mla up` to ready"),
}
UNITS = (
    ("_s_per_million", "s per million points"),
    ("_us_per_batch", "µs per batch"),
    ("_us_per_point", "µs per point"),
    ("_ms_per_batch", "ms per batch"),
    ("_bytes_per_point", "bytes per point"),
    ("_per_point", "per point"),
    ("_core", "cores"),
    ("_cores", "cores"),
    ("_bytes", "bytes"),
    ("_mb", "MB"),
    ("_ms", "ms"),
    ("_s", "s"),
    ("seconds", "s"),
    ("points", "points"),
    ("lost", "points"),
    ("batches", "batches"),
)
"""Of a figure, by how its name ends."""


@click.command()
@click.argument("name", required=False)
@click.option("--seconds", type=click.FloatRange(min=1), help="How long to measure.")
@click.option("--points", default=20_000, show_default=True, help="Points configured.")
@click.option("--rate", type=float, help="Points per second; default: as fast as it goes.")
@click.option("--engines", is_flag=True, help="On Kafka, Redis and Cassandra, which are started for it on this host.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def bench(name: str | None, seconds: float | None, points: int, rate: float | None, engines: bool, as_json: bool) -> None:
    """Run a benchmark; without NAME, list them."""
    if name is None and as_json:
        emit_json([{"name": n, "measures": b.about, "engines": b.on_engines is not None} for n, b in BENCHES.items()])
        return
    if name is None:
        rows = [(n, "yes" if b.on_engines is not None else "", b.about) for n, b in BENCHES.items()]
        emit_table(("BENCHMARK", "--engines", "MEASURES"), rows)
        return
    if name not in BENCHES:
        raise BadUsage(f"no benchmark {name!r}; there are: {', '.join(BENCHES)}")
    chosen = BENCHES[name]
    if engines and chosen.on_engines is None:
        able = ", ".join(n for n, b in BENCHES.items() if b.on_engines is not None)
        raise BadUsage(f"benchmark {name} runs on the embedded engines only; --engines goes with: {able}")
    run: Callable[..., Awaitable[Any]] = getattr(importlib.import_module(chosen.module), name)
    default = chosen.on_engines if engines else chosen.seconds
    result = run_async(_call(run, seconds or default, points, rate, **({"engines": True} if engines else {}))).plain()
    if as_json:
        emit_json(result)
    else:
        _show(result)


async def _call(run: Callable[..., Awaitable[Any]], *arguments: Any, **more: bool) -> Any:
    return await run(*arguments, **more)


def _show(result: dict[str, Any]) -> None:
    width = max(map(len, result))
    for key, value in result.items():
        unit = result["unit"] if key == "value" else _unit(key)
        if key != "unit":
            click.echo(f"{key:{width}} {value} {unit}".rstrip())


def _unit(key: str) -> str:
    return next((unit for end, unit in UNITS if key.endswith(end)), "")

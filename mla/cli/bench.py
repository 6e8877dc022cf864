"""`mla bench`: the benchmarks, each with one command."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import click

from kernel.errors import BadUsage
from mla.cli.common import emit_json, emit_table, run_async

BENCHES = {
    "ingest": ("bench.ingest", "ingest", 60.0, "batch source to bus to hot queue and archive"),
    "opcua": ("bench.opcua", "opcua", 30.0, "20 000 points at 1 Hz from a node-opcua server to a live subscriber"),
    "archive": ("bench.archive", "archive", 0.0, "bytes per point of one day of 1 Hz series"),
    "query": ("bench.query", "query", 10.0, "one day of a 1 Hz point to 1 000 buckets, in the archive and over GraphQL"),
    "fanout": ("bench.fanout", "fanout", 10.0, "live values to many subscribers"),
    "startup": ("bench.startup", "startup", 0.0, "`mla up` to ready"),
}


@click.command()
@click.argument("name", required=False)
@click.option("--seconds", type=click.FloatRange(min=1), help="How long to measure.")
@click.option("--points", default=20_000, show_default=True, help="Points configured.")
@click.option("--rate", type=float, help="Points per second; default: as fast as it goes.")
@click.option("--engines", is_flag=True, help="On Kafka, Redis and Cassandra.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def bench(name: str | None, seconds: float | None, points: int, rate: float | None, engines: bool, as_json: bool) -> None:
    """Run a benchmark; without NAME, list them."""
    if name is None and as_json:
        emit_json([{"name": n, "measures": about} for n, (_, _, _, about) in BENCHES.items()])
        return
    if name is None:
        emit_table(("BENCHMARK", "MEASURES"), [(n, about) for n, (_, _, _, about) in BENCHES.items()])
        return
    if name not in BENCHES:
        raise BadUsage(f"no benchmark {name!r}; there are: {', '.join(BENCHES)}")
    module, function, default, _ = BENCHES[name]
    run: Callable[..., Awaitable[Any]] = getattr(importlib.import_module(module), function)
    if engines and "engines" not in inspect.signature(run).parameters:
        raise BadUsage(f"benchmark {name} runs on the embedded engines only; --engines goes with: ingest")
    more = {"engines": True} if engines else {}
    result = run_async(_call(run, seconds or default, points, rate, **more)).plain()
    if as_json:
        emit_json(result)
    else:
        _show(result)


async def _call(run: Callable[..., Awaitable[Any]], seconds: float, points: int, rate: float | None, **more: bool) -> Any:
    return await run(seconds, points, rate, **more)


def _show(result: dict[str, Any]) -> None:
    for key, value in result.items():
        click.echo(f"{key:26} {value}")

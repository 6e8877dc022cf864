"""Bulk export: files of any size, streamed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal, cast

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from hmi_backend.auth import IDENTITY, caller
from hmi_backend.catalogue import Wanted
from hmi_backend.errors import ApiError, BadRequest, Unauthenticated
from hmi_backend.graphql.read_points import series_query
from hmi_backend.graphql.types_points import Resample
from hmi_backend.state import Backend
from hmi_backend.times import parse_duration, parse_time
from kernel.archive import Fill, ResampleMethod, SeriesQuery
from kernel.clock import SECOND
from kernel.samples import Kind

TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "jsonl": "application/x-ndjson",
}
MOST_TOGETHER: Final = 4
FILE: Final[dict[str, Any]] = {"content": {t.partition(";")[0]: {} for t in TYPES.values()}, "description": "The file"}


def routes(backend: Backend) -> APIRouter:
    """The edges under /export."""
    router = APIRouter(prefix="/export", tags=["export"])
    running = [0]

    @router.get("/series.{form}", summary="Samples as a file", response_class=StreamingResponse, responses={200: FILE})
    async def series(
        request: Request,
        form: Literal["csv", "parquet", "arrow", "jsonl"],
        from_: Annotated[str, Query(alias="from", description="Microseconds UTC, ISO 8601, now, now-1d")],
        to: Annotated[str, Query(description="As from; the end is not included")] = "now",
        points: Annotated[list[str] | None, Query(description="Names; repeat it, or separate with commas")] = None,
        glob: Annotated[str | None, Query(description="Points by pattern, e.g. ast1.mount.*")] = None,
        resample: Annotated[ResampleMethod | None, Query(description="With every or buckets")] = None,
        every: Annotated[str | None, Query(description="Such as 10s")] = None,
        buckets: Annotated[int | None, Query(ge=1, le=100_000)] = None,
        fill: Fill = Fill.NONE,
    ) -> StreamingResponse:
        identity = request.scope[IDENTITY]
        if identity is None:
            raise Unauthenticated
        names = _names(backend, points, glob)
        query = _query(backend, names, from_, to, resample, every, buckets, fill)
        await _check(backend, query)
        if running[0] >= MOST_TOGETHER:
            raise ApiError("TOO_MANY_REQUESTS", f"{MOST_TOGETHER} exports are running: try again when one is done")
        await backend.audit.write(
            identity.user,
            identity.role,
            "export",
            ",".join(names)[:500],
            ok=True,
            detail=f"{form} {from_} {to}",
            origin=caller(request.scope),
        )
        running[0] += 1
        try:
            # the first piece is made before the answer begins, so that what is wrong is told with a proper status
            pieces = cast(AsyncGenerator[bytes, None], backend.ports.exporter.stream(query, form))
            first = await anext(pieces, b"")
        except BaseException:
            running[0] -= 1
            raise
        return StreamingResponse(_body(first, pieces, running), media_type=TYPES[form], headers=_file_name(query, form))

    return router


async def _body(first: bytes, pieces: AsyncGenerator[bytes, None], running: list[int]) -> AsyncIterator[bytes]:
    try:
        async with aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece
    finally:
        running[0] -= 1


async def _check(backend: Backend, query: SeriesQuery) -> None:
    """Points that are no longer configured may be exported as long as they have a history."""
    catalogue = backend.catalogue
    unknown = [n for n in query.points if n not in catalogue.config.points]
    if unknown:
        held = await backend.archive.at(unknown, query.end - 1)
        never = [n for n, kind in zip(unknown, held.kind.tolist(), strict=True) if kind == Kind.NONE]
        if never:
            catalogue.refuse(never)


def _names(backend: Backend, points: list[str] | None, glob: str | None) -> list[str]:
    names = [n.strip() for part in points or () for n in part.split(",") if n.strip()]
    if glob:
        names += [n for _, n in backend.catalogue.find(Wanted(glob=glob))]
    if glob and not names:
        raise BadRequest(f"no point fits the glob {glob[:200]!r}: points(filter: {{glob: …}}) and `mla points GLOB` show what does")
    if not names:
        raise BadRequest("name points with points=… (repeated or separated by commas), or give a glob")
    return list(dict.fromkeys(names))


def _query(
    backend: Backend,
    names: list[str],
    start: str,
    end: str,
    method: ResampleMethod | None,
    every: str | None,
    buckets: int | None,
    fill: Fill,
) -> SeriesQuery:
    now = backend.clock.now()
    grid = None
    if method in (None, ResampleMethod.RAW) and (every is not None or buckets is not None):
        raise BadRequest("every and buckets go with resample, for example resample=MEAN")
    if method is not None:
        step = None if every is None else parse_duration(every)
        grid = Resample(method=method, every=step, buckets=buckets, fill=fill)  # type: ignore[arg-type]
    return series_query(names, parse_time(start, now), parse_time(end, now), grid, 1_000_000, None)


def _file_name(query: SeriesQuery, form: str) -> dict[str, str]:
    what = query.points[0] if len(query.points) == 1 else f"{len(query.points)}-points"
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in what)[:80]
    return {"content-disposition": f'attachment; filename="{safe}_{query.start // SECOND}_{query.end // SECOND}.{form}"'}

"""Small plain edges: health, readiness, metrics, the lifeboat."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from hmi_backend import metrics
from hmi_backend.columns import dumps
from hmi_backend.graphql.schema import sdl
from hmi_backend.graphql.types_points import QUALITIES
from hmi_backend.pages import DOCS, LIFEBOAT
from hmi_backend.state import Backend
from kernel.array import Limits, PointKind
from kernel.clock import SECOND
from kernel.errors import MlaError
from kernel.samples import Kind, Samples

ANSWER_S: Final = 2.0
GRACE_S: Final = 10.0
"""Seconds beyond three sampling intervals until a silent value is called stale: what a batch and its confirmation need to get here."""
SHOWN: Final = 60
FIRST: Final = ("array", "weather", "power", "network")
STATES: Final = ("mount.state", "camera.state", "power.state")


def _json(content: object, status: int = 200) -> Response:
    return Response(dumps(content), status, media_type="application/json")


async def readiness(backend: Backend) -> dict[str, str]:
    """What the backend needs, and whether each answers: "ok" or what is wrong."""
    found = {}
    for name, ask in (("bus", backend.topics), ("archive", backend.archive_stats)):
        try:
            async with asyncio.timeout(ANSWER_S):
                await ask()
            found[name] = "ok"
        except (MlaError, OSError) as error:
            found[name] = str(error) or type(error).__name__  # TimeoutError is an OSError: no answer in time
    return found


async def lifeboat(backend: Backend) -> dict[str, Any]:
    """The few values that matter when everything else is gone: of the site, the state of each telescope, the services."""
    config, now = backend.ports.live.current, backend.clock.now()
    names = backend.catalogue.names
    site = sorted((n for n in names if n.startswith(f"{config.site.name}.")), key=_first_things_first)[:SHOWN]
    telescopes = [n for n in names if n.endswith(STATES) and n not in site][:SHOWN]
    notes: list[str] = []
    return {
        "time": now,
        "revision": config.revision,
        "title": config.site.title,
        "site": await _values(backend, site, now, notes),
        "telescopes": await _values(backend, telescopes, now, notes),
        "services": [{"name": s.name, "state": s.state.value, "lastError": s.last_error} for s in backend.fleet.services(now)],
        "notes": notes,
    }


def _first_things_first(name: str) -> tuple[int, str]:
    part = name.split(".")[1]
    return (FIRST.index(part) if part in FIRST else len(FIRST), name)


async def _values(backend: Backend, names: list[str], now: int, notes: list[str]) -> list[dict[str, Any]]:
    try:
        samples = await backend.hot.latest(names)
    except MlaError as error:
        notes.append(f"the hot queue does not answer: {error}")
        return []
    rows = []
    for i, (name, value) in enumerate(zip(names, samples.values(), strict=True)):
        t = backend.catalogue.config.points[name].type
        heard = samples.kind[i] != Kind.NONE
        if t.kind is PointKind.BOOL and heard:
            value = "yes" if value else "no"
        shown = dict(t.labels).get(value, value) if isinstance(value, int) else value
        rows.append(
            {
                "name": name,
                "value": f"{shown:.5g}" if isinstance(shown, float) else "" if shown is None else str(shown),
                "unit": t.unit,
                "age": (now - int(samples.time[i])) / SECOND if heard else None,
                "quality": QUALITIES[samples.quality[i]].value if heard else None,
                "stale": heard and now - _known(samples, i) > (3 * t.sampling + GRACE_S) * SECOND,
                "beyond": _beyond(value, t.limits) if heard else None,
            }
        )
    return rows


def _known(samples: Samples, i: int) -> int:
    """Until when a value is known to hold: silence of a connected source means unchanged."""
    confirmed = 0 if samples.confirmed is None else int(samples.confirmed[i])
    return max(int(samples.time[i]), confirmed)


def _beyond(value: object, limits: Limits) -> str | None:
    """The limit a number breaks, the outermost first; a value at its limit is still good."""
    if not isinstance(value, int | float):
        return None
    over = next((n for n in ("hihi", "hi") if (v := getattr(limits, n)) is not None and value > v), None)
    under = next((n for n in ("lolo", "lo") if (v := getattr(limits, n)) is not None and value < v), None)
    found = over or under
    return found.upper() if found else None


def routes(backend: Backend) -> APIRouter:
    """The edges."""
    router = APIRouter()

    @router.get("/healthz", tags=["health"], summary="Is the process alive")
    async def healthz() -> Response:
        return _json({"status": "ok"})

    @router.get("/readyz", tags=["health"], summary="Can it serve: 503 names what is missing")
    async def readyz() -> Response:
        found = await readiness(backend)
        good = all(v == "ok" for v in found.values())
        return _json({"status": "ok" if good else "not ready", "checks": found}, 200 if good else 503)

    @router.get("/metrics", tags=["health"], summary="For Prometheus", response_class=PlainTextResponse)
    async def exposition() -> Response:
        return Response(metrics.text(await metrics.picture(backend)), headers={"content-type": metrics.CONTENT_TYPE})

    @router.get("/lifeboat", tags=["lifeboat"], summary="One page that needs nothing else", response_class=HTMLResponse)
    async def page() -> Response:
        return HTMLResponse(LIFEBOAT.body, headers=LIFEBOAT.headers)

    @router.get("/lifeboat.json", tags=["lifeboat"], summary="What the page polls")
    async def values() -> Response:
        return _json(await lifeboat(backend))

    @router.get(
        "/schema.graphql", tags=["GraphQL"], summary="The schema in the schema definition language", response_class=PlainTextResponse
    )
    async def schema() -> Response:
        return PlainTextResponse(sdl())

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(DOCS.body, headers=DOCS.headers)

    for route in [r for r in router.routes if isinstance(r, APIRoute)]:  # load balancers ask with HEAD: it must not say 200 for GET's 503
        router.add_api_route(route.path, route.endpoint, methods=["HEAD"], include_in_schema=False)
    return router

"""An HMI backend on the real embedded rooms, with the example array configured, for tests over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

import cdb
from archive import open_archive
from archive.export import ArchiveExporter
from bus import open_bus
from hmi_backend.roles import Role
from hmi_backend.service import HmiBackend, HmiPorts
from hmi_backend.users import Users
from kernel.clock import Clock, SystemClock
from kernel.live_config import LiveConfig
from kernel.meter import Meter
from mon_queue import open_hot

ROLES = {"viewer": Role.VIEWER, "operator": Role.OPERATOR, "engineer": Role.ENGINEER, "admin": Role.ADMIN}


@dataclass
class Hmi:
    """A running backend and clients for it."""

    ports: HmiPorts
    service: HmiBackend
    users: Users
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    @property
    def clock(self) -> Clock:
        return self.ports.clock

    def client(self, role: str | None = "viewer") -> httpx.AsyncClient:
        """An HTTP client, logged in by token as the user of that role."""
        headers = {"authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    async def ask(self, query: str, variables: Mapping[str, Any] | None = None, role: str = "viewer") -> dict[str, Any]:
        """The whole answer to a GraphQL request."""
        async with self.client(role) as client:
            answer = await client.post("/graphql", json={"query": query, "variables": variables or {}})
        found: dict[str, Any] = answer.json()
        return found

    async def data(self, query: str, variables: Mapping[str, Any] | None = None, role: str = "viewer") -> dict[str, Any]:
        """The data of an answer that must have no errors."""
        answer = await self.ask(query, variables, role)
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]
        return found

    async def error(self, query: str, variables: Mapping[str, Any] | None = None, role: str = "viewer") -> dict[str, Any]:
        """The first error of an answer that must have one."""
        answer = await self.ask(query, variables, role)
        assert answer.get("errors"), answer
        found: dict[str, Any] = answer["errors"][0]
        return found

    @asynccontextmanager
    async def socket(self, role: str | None = "viewer", **options: Any) -> AsyncIterator[ClientConnection]:
        """A graphql-transport-ws connection, acknowledged."""
        url = self.url.replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=["graphql-transport-ws"], proxy=None, **options) as ws:  # type: ignore[list-item]
            await ws.send(dumps({"type": "connection_init", "payload": {"token": self.tokens[role]} if role else {}}))
            assert loads(await ws.recv())["type"] == "connection_ack"
            yield ws


def dumps(message: object) -> str:
    return json.dumps(message)


def loads(text: str | bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def subscribe(ident: str, query: str, variables: Mapping[str, Any] | None = None) -> str:
    """A subscribe message."""
    return dumps({"type": "subscribe", "id": ident, "payload": {"query": query, "variables": variables or {}}})


@asynccontextmanager
async def running(
    folder: Path, *, documents: Mapping[str, str] | None = None, static: Path | None = None, names: Sequence[str] = tuple(ROLES)
) -> AsyncIterator[Hmi]:
    """A backend that listens; documents are published as revision 1 (the shipped example by default)."""
    clock, live = SystemClock(), LiveConfig()
    async with (
        open_bus(f"sqlite://{folder}/bus", clock=clock) as bus,
        open_hot("memory://", clock=clock) as hot,
        open_archive(f"sqlite://{folder}/archive", clock=clock, config=live) as archive,
        cdb.open_config(f"sqlite://{folder}/cdb", clock=clock) as store,
    ):
        editor = cdb.Editor(store, clock)
        await editor.publish(dict(documents if documents is not None else cdb.example()), base=0, author="test", comment="first")
        users = Users.open(folder / "users.json", clock=clock)
        ports = HmiPorts(bus, hot, archive, store, editor, live, ArchiveExporter(archive, live), clock, Meter("hmi"), cdb.compile)
        service = HmiBackend(ports, host="127.0.0.1", port=0, users=users, views=folder / "views.sqlite", static=static)
        hmi = Hmi(ports, service, users, {n: users.issue_token(n, ROLES[n]) for n in names})
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cdb.follow(store, live)), group.create_task(service.run(ready.set))]
            async for config in live.changes():
                if config.revision:
                    break
            await ready.wait()
            try:
                yield hmi
            finally:
                for task in tasks:
                    task.cancel()

"""A small client of the platform's own GraphQL API, for the command line on the same host."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kernel.errors import MlaError, NotAvailable
from mla.settings import Settings

TOKEN_FILE = "cli.token"
ADDRESS_FILE = "cli.http"
"""Where the HMI of this data folder listens, however it was told."""


class Api:
    """Queries over HTTP, subscriptions over graphql-transport-ws."""

    def __init__(self, settings: Settings, token: str | None = None) -> None:
        self._address = _address(settings)
        self._token = token or _token(settings.data / TOKEN_FILE)

    def query(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The `data` of the answer. Raises NotAvailable where nothing listens, MlaError with the API's own message."""
        request = urllib.request.Request(
            f"http://{self._address}/graphql",
            data=json.dumps({"query": text, "variables": variables}).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise MlaError(f"{self._address} answers {error.code}: {error.read().decode(errors='replace')[:300]}") from error
        except (OSError, ssl.SSLError) as error:
            raise NotAvailable(
                f"nothing answers at {self._address}: start the platform with `mla up`, or set MLA_HTTP ({error})"
            ) from error
        return _data(body)

    @asynccontextmanager
    async def subscribe(self, text: str, variables: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The stream of `data` of a subscription."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException
        from websockets.typing import Subprotocol

        try:
            socket = await connect(f"ws://{self._address}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], max_size=64 << 20)
        except (OSError, WebSocketException) as error:  # not of what the caller does with the stream: its standard output may be closed
            raise NotAvailable(
                f"nothing answers at {self._address}: start the platform with `mla up`, or set MLA_HTTP ({error})"
            ) from error
        async with socket:
            yield self._stream(socket, text, variables)

    async def _stream(self, socket: Any, text: str, variables: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        from websockets.exceptions import ConnectionClosed

        try:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"token": self._token}}))
            await socket.recv()
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": text, "variables": dict(variables)}}))
            while True:
                message = json.loads(await socket.recv())
                if message["type"] == "ping":
                    await socket.send(json.dumps({"type": "pong"}))
                elif message["type"] == "next":
                    yield _data(message["payload"])
                elif message["type"] == "error":
                    raise MlaError("; ".join(e["message"] for e in message["payload"]))
                elif message["type"] == "complete":
                    return
        except ConnectionClosed as error:
            raise NotAvailable(f"{self._address} ended the connection ({error}): `mla status` shows what runs") from error


def _data(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("errors"):
        raise MlaError("; ".join(e["message"] for e in body["errors"]))
    data: dict[str, Any] = body["data"]
    return data


def _address(settings: Settings) -> str:
    """The address of the settings, or where one was given on another command line, that."""
    file = settings.data / ADDRESS_FILE
    default = settings.http == Settings.model_fields["http"].default
    return file.read_text().strip() if default and file.exists() else settings.http


def _token(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise NotAvailable(f"cannot read {path}: it is written by `mla up`; name the platform's folder with --data") from error

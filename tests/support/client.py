"""Makes the client distribution importable from the source tree, and plays the server's part for its steps."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).resolve().parents[2] / "client"
if str(CLIENT) not in sys.path:
    sys.path.insert(0, str(CLIENT))

import mla_client  # noqa: E402
from mla_client.protocol import Reply, Request, Step  # noqa: E402

__all__ = ["CLIENT", "Server", "mla_client", "reply"]


def reply(body: Any, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(body).encode())


class Server:
    """Answers a step's requests with what a function of the request says, and keeps them."""

    def __init__(self, answer: Callable[[Request], Any]) -> None:
        self._answer = answer
        self.requests: list[Request] = []

    def run(self, step: Step[Any]) -> Any:
        """The step's result."""
        try:
            request = next(step)
            while True:
                self.requests.append(request)
                found = self._answer(request)
                request = step.send(found if isinstance(found, Reply) else reply({"data": found}))
        except StopIteration as done:
            return done.value

    @property
    def variables(self) -> list[dict[str, Any]]:
        """The GraphQL variables of each request."""
        return [dict((r.body or {}).get("variables", {})) for r in self.requests]

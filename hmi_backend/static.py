"""The built HMI: files with the right cache rules, and index.html for every page address of the application."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hmi_backend.pages import NO_HMI

ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
EDGES: Final = ("/export/", "/ingest/", "/ws/", "/auth/", "/graphql/")
"""Addresses of programs: a mistyped one is told, never answered with the application's page."""
IMMUTABLE: Final = "public, max-age=31536000, immutable"
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("application/manifest+json", ".webmanifest")


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    tag: str


class Static:
    """Knows its files from the start, so no address can lead outside; keeps those that were asked for, a few hundred kilobytes."""

    def __init__(self, root: Path | None) -> None:
        self._paths = {} if root is None else {"/" + p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}
        self._files: dict[str, _File] = {}

    async def __call__(self, request: Request) -> Response:
        """The file, the application's page, or 404; 304 to a browser that has it already."""
        path = request.url.path
        if path not in self._paths:
            # a browser asking for a page gets the application, whatever the address: point names have dots, as files have
            if path.startswith(EDGES):
                if request.method == "HEAD":
                    raise HTTPException(405, f"ask {path} with GET", {"allow": "GET"})
                raise HTTPException(404, f"nothing is at {path}: /docs lists the paths")
            accept = request.headers.get("accept", "*/*")
            if path.startswith("/assets/") or not ("text/html" in accept or ("*/*" in accept and not Path(path).suffix)):
                raise HTTPException(404, f"nothing is at {path}")
            path = "/index.html"
        if path not in self._paths:
            return HTMLResponse(NO_HMI.body, headers=NO_HMI.headers)
        accepted = {a.split(";")[0].strip() for a in request.headers.get("accept-encoding", "").split(",")}
        encoding, packed = next(((e, path + s) for e, s in ENCODINGS if e in accepted and path + s in self._paths), ("", path))
        file = self._file(packed)
        headers = {"cache-control": IMMUTABLE if path.startswith("/assets/") else "no-cache", "vary": "accept-encoding", "etag": file.tag}
        if encoding:
            headers["content-encoding"] = encoding
        if file.tag in [t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(file.body, media_type=mimetypes.guess_type(path)[0] or "application/octet-stream", headers=headers)

    def _file(self, path: str) -> _File:
        """Read once: a build that is laid over a running server takes effect as a whole, with its restart."""
        found = self._files.get(path)
        if found is None:
            body = self._paths[path].read_bytes()
            found = self._files[path] = _File(body, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
        return found

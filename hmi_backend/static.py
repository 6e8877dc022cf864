"""The built HMI: files with the right cache rules, and index.html for every page address of the application."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from hmi_backend.pages import NO_HMI

ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
EDGES: Final = ("/export/", "/ingest/", "/ws/", "/auth/", "/graphql/")
"""Addresses of programs: a mistyped one is told, never answered with the application's page."""
IMMUTABLE: Final = "public, max-age=31536000, immutable"
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("application/manifest+json", ".webmanifest")


class Static:
    """Knows its files from the start, so no address can lead outside."""

    def __init__(self, root: Path | None) -> None:
        self._files = {} if root is None else {"/" + p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}

    async def __call__(self, request: Request) -> Response:
        """The file, the application's page, or 404."""
        path = request.url.path
        found = self._files.get(path)
        if found is None:
            # a browser asking for a page gets the application, whatever the address: point names have dots, as files have
            if path.startswith(EDGES):
                if request.method == "HEAD":
                    raise HTTPException(405, f"ask {path} with GET", {"allow": "GET"})
                raise HTTPException(404, f"nothing is at {path}: /docs lists the paths")
            accept = request.headers.get("accept", "*/*")
            if path.startswith("/assets/") or not ("text/html" in accept or ("*/*" in accept and not Path(path).suffix)):
                raise HTTPException(404, f"nothing is at {path}")
            path, found = "/index.html", self._files.get("/index.html")
        if found is None:
            return HTMLResponse(NO_HMI.body, headers=NO_HMI.headers)
        headers = {"cache-control": IMMUTABLE if path.startswith("/assets/") else "no-cache", "vary": "accept-encoding"}
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        accepted = {a.split(";")[0].strip() for a in request.headers.get("accept-encoding", "").split(",")}
        for encoding, suffix in ENCODINGS:
            packed = self._files.get(path + suffix)
            if packed is not None and encoding in accepted:
                return FileResponse(packed, media_type=kind, headers={**headers, "content-encoding": encoding})
        return FileResponse(found, media_type=kind, headers=headers)

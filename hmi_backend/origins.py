"""Whether a page and a request have the same origin."""

from __future__ import annotations

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_same_origin(origin: str, host: str | None) -> bool:
    """Compares host and port only: TLS may end at a proxy before us (as gorilla/websocket and Tornado do)."""
    try:
        page, here = urlsplit(origin), urlsplit(f"//{(host or '').strip()}")
        default = _PORTS.get(page.scheme)
        return page.hostname is not None and page.hostname == here.hostname and (page.port or default) == (here.port or default)
    except ValueError:
        return False

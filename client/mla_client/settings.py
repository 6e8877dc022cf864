"""Where the platform is and who we are: arguments first, then the environment."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from mla_client.errors import BadRequest

HOME: Final = "http://127.0.0.1:8080"
Verify: TypeAlias = bool | str | ssl.SSLContext
"""True: the system's certificate authorities; a path: those of that file; False: trust anybody (only for a look)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One connection's."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def live_url(self) -> str:
        """The web socket of live values."""
        return "ws" + self.url.removeprefix("http") + "/ws/live"


def settings_of(url: str | None, user: str | None, password: str | None, token: str | None, env: Mapping[str, str]) -> Settings:
    """MLA_URL, MLA_TOKEN, MLA_USER, MLA_PASSWORD stand in for what is not given; secrets also as MLA_TOKEN_FILE, MLA_PASSWORD_FILE.

    Whatever is given as an argument wins: a user given means that MLA_TOKEN is not used. Raises BadRequest.
    """
    parts = urlsplit(url or env.get("MLA_URL") or HOME)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest(f"{parts.geturl()!r} is no address of a platform: write for example http://host:8080", "BAD_REQUEST")
    host = parts.netloc.rpartition("@")[2]
    user = user or unquote(parts.username or "") or None
    password = password or unquote(parts.password or "") or None
    if user is None and token is None:
        token = _secret(env, "MLA_TOKEN")
        user = env.get("MLA_USER")
    password = password or (_secret(env, "MLA_PASSWORD") if user else None)
    if user and not password and not token:
        raise BadRequest(f"the password of {user} is missing: give password=…, or set MLA_PASSWORD or MLA_PASSWORD_FILE", "BAD_REQUEST")
    known = user if password else None
    return Settings(f"{parts.scheme}://{host}{parts.path.rstrip('/')}", known or "", password if known and password else "", token or "")


def _secret(env: Mapping[str, str], name: str) -> str | None:
    file = env.get(f"{name}_FILE")
    return Path(file).read_text().strip() if file else env.get(name)


def tls_of(url: str, verify: Verify) -> ssl.SSLContext | None:
    """The context for https; None for http."""
    if not url.startswith("https:"):
        return None
    if isinstance(verify, ssl.SSLContext):
        return verify
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    if verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context

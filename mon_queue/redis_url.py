"""What a Redis URL says: where the server is, who we are, and which keys are ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from kernel.errors import BadUsage

OPTIONS = ("prefix", "password_file", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname", "db")
FORM = "redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB][?prefix=NAME]"


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """A server, as the client library wants it and as people may see it."""

    url: str
    password: str | None
    """From a file; None: from the URL, or none."""
    prefix: str
    """Begins every key."""
    shown: str
    """The URL without secrets."""


def redis_place(url: str) -> RedisPlace:
    """Reads a URL. `prefix` begins every key (default `mla:`), `password_file` names a file with the password; TLS with rediss:// and
    ssl_ca_certs, ssl_certfile, ssl_keyfile. Raises BadUsage."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise BadUsage(f"hot queue URL: unknown option {unknown[0]!r}; known are: {', '.join(OPTIONS)}")
    try:
        host, port = parts.hostname, parts.port or 6379
    except ValueError:
        host = None
    if not host:
        raise BadUsage(f"hot queue URL names no host: write {FORM}")
    prefix = options.pop("prefix", "mla:")
    file = options.pop("password_file", None)
    try:
        password = Path(unquote(file)).read_text().strip() if file else None
    except OSError as error:
        raise BadUsage(f"hot queue URL: password_file {file} cannot be read: {error.strerror}") from error
    plain = urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(options), ""))
    return RedisPlace(plain, password, prefix, f"{parts.scheme}://{host}:{port}{parts.path}")

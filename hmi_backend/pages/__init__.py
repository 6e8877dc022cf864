"""The pages the backend brings itself, each one file without any other: they work without Internet and without the HMI's build."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from hmi_backend.auth import POLICY

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Page:
    """HTML and the headers that allow its own script and style and no other."""

    body: str
    headers: dict[str, str]


def load(name: str) -> Page:
    """A page, with the digests of its inline script and style in its policy."""
    body = (_HERE / name).read_text(encoding="utf-8")
    policy = POLICY.format(scripts=_digests("script", body), styles=_digests("style", body))
    return Page(body, {"content-security-policy": policy, "cache-control": "no-cache"})


def _digests(tag: str, body: str) -> str:
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", body, re.DOTALL)
    return "".join(f" 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in found)


EXPLORER, LIFEBOAT, DOCS, NO_HMI = (load(f"{name}.html") for name in ("explorer", "lifeboat", "docs", "no-hmi"))

"""Configurations that ship with the platform."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable


def example(name: str = "mini_array") -> dict[str, str]:
    """The documents of a shipped example, path to text: `mini_array` is nine telescopes and their site, about 2 000 points."""
    found: dict[str, str] = {}
    _collect(resources.files("cdb") / "examples" / name, "", found)
    return found


def _collect(folder: Traversable, prefix: str, into: dict[str, str]) -> None:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", into)
        elif entry.name.endswith(".yaml"):
            into[prefix + entry.name] = entry.read_bytes().decode()

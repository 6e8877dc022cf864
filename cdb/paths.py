"""Paths of documents: `telescopes/astri.yaml`, safe to be written below any folder on any system."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from kernel.errors import BadUsage

_SEGMENT = re.compile(r"[\w-][\w .+-]*")
SUFFIXES = (".yaml", ".yml")


def why_bad(path: str) -> str | None:
    """What is wrong with a document's path, if anything."""
    if not path.endswith(SUFFIXES):
        return "its name does not end in .yaml"
    if len(path.encode(errors="replace")) > 200:
        return "it is longer than 200 bytes"
    if any(_SEGMENT.fullmatch(s) is None for s in path.split("/")):
        return "a folder or file in it is empty, begins with a dot, or holds other characters than letters, digits, space and _ - + ."
    return None


def check_path(path: str) -> None:
    """Raises BadUsage for a path that no document may have."""
    reason = why_bad(path)
    if reason:
        raise BadUsage(f"{path!r} is no path of a document: {reason}; write e.g. telescopes/astri.yaml")


def check_text(path: str, text: str | None) -> None:
    """Raises BadUsage for a text that cannot be written in UTF-8."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise BadUsage(f"{path} holds a character that is no Unicode: save it as UTF-8") from None


def also_folders(paths: Iterable[str]) -> list[str]:
    """Paths that are a document and a folder of another document at once."""
    known = set(paths)
    return sorted({str(parent) for p in known for parent in PurePosixPath(p).parents} & known)

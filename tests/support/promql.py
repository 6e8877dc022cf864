"""Which series a PromQL expression asks for: enough of the language for rules and dashboards. promtool checks the syntax itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_LABELS_OF = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_NAME = re.compile(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)(\s*\{[^}]*\})?(?![\w:]|\s*\()")
_WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf", "nan"}


def selectors(expression: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Each metric that is named, with the labels that its matchers name."""
    plain = _STRING.sub('""', expression)
    plain = _LABELS_OF.sub(" ", plain)
    plain = re.sub(r"\[[^\]]*\]", " ", plain)
    for found in _NAME.finditer(plain):
        if found[1].lower() not in _WORDS:
            yield found[1], frozenset(re.findall(r"([a-zA-Z_]\w*)\s*[=!]", found[2] or ""))


def grouped(expression: str) -> frozenset[str]:
    """The labels of its `by`, `on` and the like."""
    plain = _STRING.sub('""', expression)
    return frozenset(name.strip() for found in _LABELS_OF.finditer(plain) for name in found[1].split(",") if name.strip())

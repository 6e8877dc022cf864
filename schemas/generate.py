"""Generates records.py from avro/*.avsc: one frozen slotted dataclass per record, one Enum per enum, one Topic per topic.

Run `python -m schemas.generate` after editing a schema; `--check` exits 1 when records.py is not current.
Every schema is also kept in history/ under its fingerprint, so that bytes written with it stay readable.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.registry import fingerprint_hex

HERE = Path(__file__).parent
HEADER = '''"""GENERATED from avro/*.avsc by `python -m schemas.generate`: edit the schemas, not this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.topic import Topic

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
'''
SCALARS = {"string": "str", "long": "int", "int": "int", "double": "float", "boolean": "bool", "bytes": "bytes", "null": "None"}


def schemas() -> list[dict[str, Any]]:
    """All top-level schemas, by file name."""
    return [json.loads(p.read_text()) for p in sorted((HERE / "avro").glob("*.avsc"))]


def has_columns(schema: dict[str, Any]) -> bool:
    """Whether a record carries numeric arrays, itself or in a nested record: these become numpy columns."""
    for f in schema["fields"]:
        t = f["type"]
        if isinstance(t, dict) and t["type"] == "array" and t["items"] in ("int", "long", "double"):
            return True
        if isinstance(t, dict) and t["type"] == "record" and has_columns(t):
            return True
    return False


def python_type(t: Any, columns: bool) -> str:
    if isinstance(t, list):
        return " | ".join(python_type(u, columns) for u in sorted(t, key=lambda u: u == "null"))
    if isinstance(t, str):
        return SCALARS.get(t, t)
    if t["type"] == "array":
        if columns and t["items"] in ("int", "long"):
            return "Ints"
        if columns and t["items"] == "double":
            return "Doubles"
        return f"tuple[{python_type(t['items'], columns)}, ...]"
    if t["type"] == "map":
        return f"Mapping[str, {python_type(t['values'], columns)}]"
    if t["type"] in ("record", "enum"):
        return str(t["name"])
    return SCALARS[t["type"]]


def default(f: dict[str, Any]) -> str:
    if "default" not in f:
        return ""
    t, value = f["type"], f["default"]
    if isinstance(t, dict) and t["type"] == "enum":
        return f" = {t['name']}.{value}"
    if isinstance(t, dict) and t["type"] == "array":
        return " = ()"
    return f" = {value!r}"


def nested(t: Any) -> Iterator[dict[str, Any]]:
    """Named types inside a type, innermost first."""
    if isinstance(t, list):
        for u in t:
            yield from nested(u)
    elif isinstance(t, dict):
        if t["type"] == "array":
            yield from nested(t["items"])
        elif t["type"] == "map":
            yield from nested(t["values"])
        elif t["type"] == "record":
            for f in t["fields"]:
                yield from nested(f["type"])
            yield t
        elif t["type"] == "enum":
            yield t


def enum_source(t: dict[str, Any]) -> str:
    lines = [f"class {t['name']}(Enum):", *(f'    {s} = "{s}"' for s in t["symbols"])]
    return "\n".join(lines)


def record_source(t: dict[str, Any]) -> str:
    columns = has_columns(t)
    lines = [f"@dataclass(frozen=True, slots=True, kw_only=True{', eq=False' if columns else ''})", f"class {t['name']}:"]
    if t.get("doc"):
        lines += [f'    """{t["doc"]}"""', ""]
    for f in t["fields"]:
        lines.append(f"    {f['name']}: {python_type(f['type'], columns)}{default(f)}")
        if f.get("doc"):
            lines.append(f'    """{f["doc"]}"""')
    if columns and "topic" in t:
        lines += [
            "    wire: bytes | None = field(default=None, init=False, repr=False)",
            '    """The bytes it was decoded from or encoded to, so that passing it on costs nothing."""',
        ]
    return "\n".join(lines)


def source() -> str:
    """The text of records.py."""
    parts, tops = [HEADER], schemas()
    for top in tops:
        for t in nested(top):
            parts.append(enum_source(t) if t["type"] == "enum" else record_source(t))
    consts = []
    for top in tops:
        topic = top["topic"]
        const = topic["name"].upper().replace(".", "_")
        consts.append(
            f'{const}: Final[Topic[{top["name"]}]] = Topic("{topic["name"]}", {top["name"]}, '
            f'attrgetter("{topic["key"]}"), attrgetter("{topic["time"]}"))'
        )
    names = ", ".join(t["topic"]["name"].upper().replace(".", "_") for t in tops)
    consts.append(f"TOPICS: Final = ({names})")
    parts.append("\n".join(consts))
    text = "\n\n\n".join(parts) + "\n"
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "schemas/records.py", "-"]
    return subprocess.run(ruff, input=text, text=True, capture_output=True, check=True).stdout


def history_files() -> dict[Path, str]:
    """Where each current schema is kept, and its text."""
    return {HERE / "history" / t["name"] / f"{fingerprint_hex(t)}.avsc": json.dumps(t, indent=1) + "\n" for t in schemas()}


def main(argv: list[str]) -> int:
    target, text = HERE / "records.py", source()
    if "--check" in argv:
        missing = [p for p in history_files() if not p.exists()]
        if target.read_text() != text or missing:
            print("schemas/records.py or schemas/history is not current: run `python -m schemas.generate`", file=sys.stderr)
            return 1
        return 0
    target.write_text(text)
    for path, content in history_files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Configurations that ship with the platform, and the same made larger or smaller."""

from __future__ import annotations

import math
import re
from importlib import resources
from importlib.resources.abc import Traversable

from kernel.errors import BadUsage

_TEMPLATE, _TELESCOPES, _SITE = "templates/astri.yaml", "telescopes.yaml", "site.yaml"
_PER_TELESCOPE, _OF_SITE = 208, 44
_OF_MOUNT = 13
_SITE_PORT = 4850


def example(name: str = "mini_array") -> dict[str, str]:
    """The documents of a shipped example, path to text: `mini_array` is nine telescopes and their site, about 2 000 points."""
    found: dict[str, str] = {}
    _collect(resources.files("cdb") / "examples" / name, "", found)
    return found


def scaled(points: int, telescopes: int = 9, rate: float | None = None) -> dict[str, str]:
    """The example, made to have exactly so many points, for benchmarks and `mla simulate --points`.

    Each telescope gets a crate of further channels (`ast1.crate.ch00001.temperature` ...), the site what does not divide by the number of
    telescopes. Where fewer points are wanted than the example has, telescopes consist of mount and crate only. Channels are sampled every
    second; with a rate, every point is sampled at that rate in Hz, and no deadband or duplicate suppression thins the samples out.
    Raises BadUsage for a number that cannot be.
    """
    if telescopes < 1 or points < _OF_MOUNT * telescopes:
        raise BadUsage(f"{points} points on {telescopes} telescopes: ask for at least one telescope, and {_OF_MOUNT} points for each")
    if rate is not None and not 0.001 <= rate <= 1000:
        raise BadUsage(f"a rate of {rate:g} Hz: ask for 0.001 to 1000")
    documents = example()
    base = _PER_TELESCOPE
    if points < telescopes * _PER_TELESCOPE + _OF_SITE:
        base, points = _OF_MOUNT, points + _OF_SITE
        documents[_TEMPLATE] = documents[_TEMPLATE].partition("\n      camera:\n")[0] + "\n"
        documents[_SITE] = documents[_SITE].partition("  assemblies:\n")[0] + "  assemblies:\n"
    each, rest = divmod(points - _OF_SITE, telescopes)
    documents[_TEMPLATE] += _crate(each - base, "      ")
    documents[_SITE] += _crate(rest, "    ")
    if telescopes != 9:
        documents[_TELESCOPES] = "assets:\n" + "".join(_telescope(n) for n in range(1, telescopes + 1))
    return documents if rate is None else {path: _at_rate(text, rate) for path, text in documents.items()}


def _collect(folder: Traversable, prefix: str, into: dict[str, str]) -> None:
    try:
        entries = sorted(folder.iterdir(), key=lambda e: e.name)
    except (FileNotFoundError, NotADirectoryError):
        raise BadUsage(f"there is no example {folder.name}; mini_array is one") from None
    for entry in entries:
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", into)
        elif entry.name.endswith(".yaml"):
            into[prefix + entry.name] = entry.read_bytes().decode()


def _crate(channels: int, indent: str) -> str:
    """An assembly of so many points, as YAML."""
    if channels == 0:
        return ""
    keys = "unit: °C, sampling: 1s, range: [-30, 80], limits: {hi: 60, hihi: 70}, description: Channel of the crate"
    lines = ("crate:", "  title: Further channels", "  points:", f"    ch{{00001..{channels:05}}}.temperature: {{{keys}}}")
    return "\n" + "".join(f"{indent}{line}\n" for line in lines)


def _telescope(n: int) -> str:
    """One deployment; telescopes stand on a sunflower's pattern, about 150 m apart."""
    distance, angle = 130 * math.sqrt(n), n * math.pi * (3 - math.sqrt(5))
    east, north = round(distance * math.sin(angle)), round(distance * math.cos(angle))
    port = 4840 + n + (4840 + n >= _SITE_PORT)
    return f"  ast{n}: {{title: AST{n}, template: astri, position: [{east}, {north}], parameters: {{port: {port}}}}}\n"


def _at_rate(text: str, rate: float) -> str:
    text = re.sub(r"\bsampling: [0-9.]+m?s\b", f"sampling: {1 / rate:.6f}s", text)
    return re.sub(r"\b(deadband|max_silence): [0-9.]+( %|[a-z]+)?", r"\1: none", text)

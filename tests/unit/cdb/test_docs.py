"""The documentation is true: every example in it compiles, and every key stands in the reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import cdb
from cdb import definitions
from cdb.protocols import PROTOCOLS
from cdb.reading import Refused
from kernel.array import ArrayConfig, PointKind
from kernel.errors import ConfigProblems

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = DOCS / "reference/configuration.md"
FIRST_DEVICE = DOCS / "how-to/first-device.md"
TABLES: dict[str, Mapping[str, object]] = {
    "sections": definitions._SECTIONS, "points": definitions.POINT, "processing": definitions.PROCESSING, "limits": definitions.LIMITS,
    "sources": definitions.SOURCE, "templates": definitions.TEMPLATE, "assets": definitions.ASSET, "site": definitions.SITE,
    "classes": definitions.CLASS,
}  # fmt: skip


def compiled(page: Path) -> ArrayConfig:
    """All YAML of a page as the documents of one configuration."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return cdb.compile({f"{n}.yaml": text for n, text in enumerate(blocks)})


def test_the_examples_of_the_reference_compile() -> None:
    points = compiled(REFERENCE).points
    assert points["hut.climate.door"].type.kind is PointKind.BOOL
    assert points["dome.north.motor1.temperature"].address == "ns=4;s=Dome/north/Motor1.Temp"
    assert (points["mast2.air.temperature"].type.limits.hi, points["mast2.air.temperature"].type.limits.hihi) == (38, 40)
    assert "mast2.air.humidity" not in points


def test_the_examples_of_the_first_device_compile() -> None:
    points = compiled(FIRST_DEVICE).points
    assert points["tank.water.level"].address == "ns=2;s=Tank.Level"
    assert points["pump_house.pumps.p1.current"].address == "ns=2;s=pumps.p1.current"


def test_the_first_device_goes_beside_the_example() -> None:
    (tank, *_) = re.findall(r"^```yaml\n(.*?)^```", FIRST_DEVICE.read_text(), re.DOTALL | re.MULTILINE)
    alone, beside = cdb.compile({"tank.yaml": tank}), cdb.compile({**cdb.example(), "tank.yaml": tank})
    assert len(beside.points) == len(cdb.compile(cdb.example()).points) + 3
    summary = f"good; {len(alone.assets)} assets, {len(alone.sources)} sources, {len(alone.points)} points, {len(alone.classes)} archive"
    assert summary in FIRST_DEVICE.read_text()
    said = re.search(r"^my-devices/tank\.yaml:\d+: .*$", FIRST_DEVICE.read_text(), re.MULTILINE)
    with pytest.raises(ConfigProblems) as caught:
        cdb.compile({"tank.yaml": tank.replace("sampling: 1s", "sampling: 1")})
    assert said is not None
    assert said[0] == f"my-devices/{caught.value}"


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_documented(table: str) -> None:
    words = set(re.findall(r"`(\w+)`", REFERENCE.read_text())) | {"lolo", "lo", "hi", "hihi"}
    refused = {key for key, read in TABLES[table].items() if isinstance(read, Refused)}
    assert not set(TABLES[table]) - words - refused


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_documented(protocol: str) -> None:
    assert f"option of `{protocol}`" in REFERENCE.read_text()

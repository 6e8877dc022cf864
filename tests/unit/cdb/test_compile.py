"""What good documents compile to."""

from __future__ import annotations

from collections import Counter

import pytest

import cdb
from cdb.protocols import POLICIES, PROTOCOLS
from collector.opcua.security import OPTIONS
from collector.opcua.security import POLICIES as COLLECTOR_POLICIES
from kernel.array import DeadbandKind, Limits, PointKind, Site, WindowMode
from kernel.errors import BadUsage


def small(points: str = "p: {unit: m}", extra: str = "", asset: str = "", source: str = 'nodes: "ns=2;s={point}"') -> str:
    """One asset `hut` with one assembly `box`."""
    return f"""
{extra}
assets:
  hut:
    sources: {{plc: {{protocol: opcua, url: "opc.tcp://h:4840", {source}}}}}
    {asset}
    assemblies:
      box:
        points: {{{points}}}
"""


def test_nothing_is_a_site_without_points() -> None:
    config = cdb.compile({})
    assert not config.points
    assert list(config.assets) == ["site"]
    assert config.site == Site("site", "site")
    assert list(config.classes) == ["standard"]


def test_the_example_is_the_array_everyone_knows() -> None:
    config = cdb.compile(cdb.example(), 7)
    assert config.revision == 7
    assert Counter(p.asset for p in config.points.values()) == {**{f"ast{n}": 208 for n in range(1, 10)}, "site": 44}
    assert {s.url for s in config.sources.values()} == {f"opc.tcp://127.0.0.1:{port}" for port in range(4841, 4851)}
    assert all(p.address == f"ns=2;s={p.name}" and p.source == f"{p.asset}.opcua" for p in config.points.values())
    kinds = Counter(p.type.kind.value for p in config.points.values())
    assert kinds == {"double": 9 * 200 + 40, "enum": 9 * 4 + 3, "bool": 9 * 2 + 1, "text": 9, "long": 9}
    assert config.assets["ast3"].position == (-90, 240)
    assert config.assets["ast3"].parent == "site"
    assert config.assets["ast3.camera"].parent == "ast3"
    assert config.site.height == 2390
    assert all(p.type.archive_class in config.classes for p in config.points.values())


def test_telescopes_share_types() -> None:
    points = cdb.compile(cdb.example()).points
    assert points["ast1.camera.pdm07.temperature"].type is points["ast9.camera.pdm07.temperature"].type
    assert points["ast1.camera.pdm07.temperature"].type.group == "camera.pdm07.temperature"


def test_an_override_changes_one_asset_only() -> None:
    points = cdb.compile(cdb.example()).points
    usual, warmer = points["ast4.mount.azimuth_motor_temperature"].type, points["ast5.mount.azimuth_motor_temperature"].type
    assert (usual.limits.hi, warmer.limits.hi) == (60, 70)
    assert warmer.sampling == usual.sampling == 5
    assert warmer.group == usual.group


def test_all_keys_of_a_point() -> None:
    text = small(
        """p: {kind: long, unit: mm, description: Level, limits: {lolo: 1, lo: 2, hi: 3, hihi: 4}, sampling: 500ms, deadband: 0.5 %,
            range: [0, 200], class: standard, node: "ns=3;i=1001",
            processing: {max_silence: 1m, window: {outside: [-5, 5]}, accept: [good, uncertain], resolution: 0.5}}"""
    )
    point = cdb.compile({"a.yaml": text}).points["hut.box.p"]
    t = point.type
    assert point.address == "ns=3;i=1001"
    assert (t.kind, t.unit, t.description, t.limits) == (PointKind.LONG, "mm", "Level", Limits(1, 2, 3, 4))
    assert (t.sampling, t.deadband, t.deadband_kind, t.range) == (0.5, 0.5, DeadbandKind.PERCENT, (0, 200))
    p = t.processing
    assert (p.max_silence, p.window, p.window_mode, p.accept, p.resolution) == (60, (-5, 5), WindowMode.OUTSIDE, ("good", "uncertain"), 0.5)


def test_words_are_not_taken_for_booleans() -> None:
    text = small("p: {kind: enum, labels: {1: ON, 0: OFF, 2: no}, description: yes}")
    t = cdb.compile({"a.yaml": text}).points["hut.box.p"].type
    assert t.labels == ((0, "OFF"), (1, "ON"), (2, "no"))
    assert t.description == "yes"


def test_inheritance_from_defaults_and_profile() -> None:
    text = """
profiles:
  slow: {sampling: 10s, deadband: 1, processing: {max_silence: 1h, resolution: 0.1}, limits: {hi: 5, hihi: 6}}
  fast: {sampling: 100ms}
assets:
  hut:
    sources: {plc: {protocol: opcua, url: "opc.tcp://h:4840", nodes: "s={point}"}}
    assemblies:
      box:
        defaults: {profile: slow, unit: K, sampling: 7s}
        points:
          a:
          b: {unit: m, processing: {resolution: 1}, limits: {hi: 4}}
          c: {profile: fast}
          d: {deadband: none, limits: {hihi: none}, processing: {max_silence: none}}
          e: {kind: text}
"""
    points = cdb.compile({"a.yaml": text}).points
    a, b, c, d, e = (points[f"hut.box.{n}"].type for n in "abcde")
    assert (a.sampling, a.unit, a.deadband, a.processing.max_silence) == (10, "K", 1, 3600)
    assert (b.unit, b.processing.max_silence, b.processing.resolution, b.limits) == ("m", 3600, 1, Limits(hi=4, hihi=6))
    assert (c.sampling, c.deadband, c.unit) == (0.1, 0, "K")
    assert (d.deadband, d.limits, d.processing.max_silence, d.processing.resolution) == (0, Limits(hi=5), None, 0.1)
    assert (e.unit, e.limits, e.deadband, e.processing.resolution, e.processing.max_silence) == ("", Limits(), 0, None, 3600)


def test_families_fill_their_numbers_into_addresses() -> None:
    text = """
assets:
  hut:
    sources: {plc: {protocol: opcua, url: "opc.tcp://h:4840"}}
    assemblies:
      "{north,south}":
        points: {"t{08..10}.v{1..2}": {node: "ns=4;s={asset}/{1}/T{2}.{3} {name} {point}"}}
"""
    points = cdb.compile({"a.yaml": text}).points
    assert len(points) == 12
    assert points["hut.south.t09.v2"].address == "ns=4;s=hut/south/T09.2 south.t09.v2 hut.south.t09.v2"
    assert list(points)[:3] == ["hut.north.t08.v1", "hut.north.t08.v2", "hut.north.t09.v1"]


def test_statistics_become_points() -> None:
    text = small("p: {unit: m, limits: {hi: 3}, description: Level, processing: {statistics: {every: 1m, which: [mean, count]}}}")
    points = cdb.compile({"a.yaml": text}).points
    assert list(points) == ["hut.box.p", "hut.box.p.mean", "hut.box.p.count"]
    mean, count = points["hut.box.p.mean"], points["hut.box.p.count"]
    assert (mean.source, mean.address, mean.type.unit, mean.type.sampling, mean.type.group) == ("", "", "m", 60, "box.p.mean")
    assert mean.type.description == "Level: mean over 60 s"
    assert mean.type.limits == Limits()
    assert (count.type.kind, count.type.unit) == (PointKind.LONG, "")
    assert points["hut.box.p"].type.processing.statistics == ("mean", "count")


def test_an_override_may_drop_a_point_or_its_statistics() -> None:
    template = """
templates:
  t:
    sources: {plc: {protocol: opcua, url: "opc.tcp://{asset}:4840", nodes: "s={name}"}}
    assemblies:
      box: {points: {"p{1..3}": {processing: {statistics: {every: 1m, which: mean}}}}}
assets:
  a1: {template: t, override: {"box.p{1,2}": {enabled: false}, box.p3: {processing: {statistics: none}}}}
  a2: {template: t, override: {box.p1: {node: i=7}}}
  a3: {template: t, sources: {plc: {enabled: false, url: "opc.tcp://other:1", trigger: timestamp, publishing_interval: 500ms}}}
"""
    config = cdb.compile({"a.yaml": template})
    names = list(config.points)
    assert [n for n in names if n.startswith("a1.")] == ["a1.box.p3"]
    assert config.points["a2.box.p1"].address == "i=7"
    assert config.points["a2.box.p2"].address == "s=box.p2"
    assert "a2.box.p1.mean" in names
    a2, a3 = config.sources["a2.plc"], config.sources["a3.plc"]
    assert (a2.url, a2.enabled) == ("opc.tcp://a2:4840", True)
    assert (a3.url, a3.enabled, a3.options) == ("opc.tcp://other:1", False, {"trigger": "timestamp", "publishing_interval": "0.5"})


def test_parameters_have_defaults_and_reach_every_text_of_a_source() -> None:
    text = """
templates:
  t:
    parameters: {host: plc, port: , area: "1"}
    sources:
      plc:
        protocol: opcua
        url: opc.tcp://{host}.{asset}:{port}
        user: "{title}"
        password_file: /run/secrets/{asset}
        security_policy: Basic256Sha256
        security_mode: SignAndEncrypt
        certificate: c.pem
        private_key: k.pem
        nodes: ns={area};s={point}
        browse: {path: "Objects/{title}/*/Temp", point: "tank.{1}.temperature", unit: °C, sampling: 5s}
    assemblies: {box: {points: {p: }}}
assets:
  a1: {template: t, title: A1, parameters: {port: 1}}
  a2: {template: t, title: A2, parent: a1, properties: {serial: 007}, parameters: {port: 2, area: 3, host: x}}
"""
    config = cdb.compile({"a.yaml": text})
    one, two = config.sources["a1.plc"], config.sources["a2.plc"]
    assert (one.url, two.url) == ("opc.tcp://plc.a1:1", "opc.tcp://x.a2:2")
    assert two.options["user"] == "A2"
    assert two.options["password_file"] == "/run/secrets/a2"
    assert (two.options["security_policy"], two.options["security_mode"]) == ("Basic256Sha256", "SignAndEncrypt")
    assert config.points["a2.box.p"].address == "ns=3;s=a2.box.p"
    (browse,) = two.browse
    assert (browse.path, browse.point, browse.type.unit, browse.type.sampling) == ("Objects/A2/*/Temp", "a2.tank.{1}.temperature", "°C", 5)
    assert config.assets["a2"].parent == "a1"
    assert config.assets["a2"].properties == {"serial": "007"}


def test_documents_may_be_split_in_any_way() -> None:
    whole = cdb.compile(cdb.example())
    joined = cdb.compile({"all.yaml": "\n---\n".join(cdb.example().values())})
    assert whole.points == joined.points
    assert whole.assets == joined.assets


@pytest.mark.parametrize(
    ("points", "telescopes", "rate"), [(117, 9, None), (1000, 9, 1.0), (1916, 9, None), (2001, 4, 10), (3000, 12, None)]
)
def test_scaled_examples_have_exactly_so_many_points(points: int, telescopes: int, rate: float | None) -> None:
    config = cdb.compile(cdb.scaled(points, telescopes, rate))
    assert len(config.points) == points
    assert len({s.url for s in config.sources.values()}) == telescopes + 1
    if rate:
        assert {p.type.sampling for p in config.points.values()} == {1 / rate}
        assert {(p.type.deadband, p.type.processing.max_silence) for p in config.points.values()} == {(0.0, None)}


@pytest.mark.parametrize(("points", "telescopes", "rate"), [(10, 9, None), (100, 0, None), (1000, 9, 0)])
def test_scaled_examples_that_cannot_be(points: int, telescopes: int, rate: float | None) -> None:
    with pytest.raises(BadUsage):
        cdb.scaled(points, telescopes, rate)


def test_an_unknown_example() -> None:
    with pytest.raises(BadUsage, match="there is no example maxi_array"):
        cdb.example("maxi_array")


def test_the_options_are_those_the_collector_knows() -> None:
    refused = {"password"}
    assert set(PROTOCOLS["opcua"].options) - refused == set(OPTIONS)
    assert set(POLICIES) == set(COLLECTOR_POLICIES)

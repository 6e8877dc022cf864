"""What depends on a point, and what it comes from."""

from __future__ import annotations

import cdb
from hmi_backend.graphql.read_uses import _browsed, parent_of
from kernel.array import ArrayConfig, Browse, Point, PointType, Source

SITE = """site:
  name: site
  sources:
    opcua: {protocol: opcua, url: "opc.tcp://localhost:1", nodes: "ns=2;s={point}"}
  assemblies:
    weather:
      points:
        wind: {unit: m/s, processing: {statistics: {every: 1m, which: [mean, max]}}}
        mean: {unit: m/s}
"""


def test_a_derived_point_names_its_parent_and_others_have_none() -> None:
    config = cdb.compile({"site.yaml": SITE}, 1)
    assert parent_of(config, "site.weather.wind.mean") == "site.weather.wind"
    assert parent_of(config, "site.weather.wind.max") == "site.weather.wind"
    assert parent_of(config, "site.weather.wind") is None
    assert parent_of(config, "site.weather.mean") is None
    assert [s for s in ("mean", "max") if f"site.weather.wind.{s}" in config.points] == ["mean", "max"]


def test_a_browsed_point_names_the_path_where_it_was_found() -> None:
    rule = Browse("/Objects/*/Crate*", "ast1.crate.{1}.temperature")
    source = Source("ast1.opcua", "opcua", "opc.tcp://h:1", "ast1", browse=(rule, Browse("/x", "ast1.other")))
    points = {
        n: Point(n, PointType(), "ast1", "ast1.opcua") for n in ("ast1.crate.c07.temperature", "ast1.crate.temperature", "ast1.other")
    }
    config = ArrayConfig(1, cdb.compile({"site.yaml": SITE}, 1).site, {}, {"ast1.opcua": source}, points, {})
    assert [_browsed(config, n) for n in points] == ["/Objects/*/Crate*", None, "/x"]

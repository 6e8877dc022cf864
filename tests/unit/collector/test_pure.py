"""The small decisions: delays, intervals, queue sizes, qualities, addresses, browse patterns, options, batches."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from asyncua import ua

from collector.batching import Stamp, assemble, split
from collector.columns import total
from collector.opcua import plan
from collector.opcua.address import INVALID, UNKNOWN, parse
from collector.opcua.browse import pattern, point_name
from collector.opcua.limits import allowed
from collector.opcua.metadata import Described, interpret, lacks
from collector.opcua.overflow import overflow_gaps
from collector.opcua.quality import overflowed, qualities, quality_of
from collector.opcua.security import read_options, read_password
from collector.opcua.variants import column_value
from collector.retry import Backoff
from collector.table import Table
from kernel.array import Point, PointKind, PointType
from kernel.batches import columns, size
from kernel.errors import SourceLost
from kernel.quality import Quality
from kernel.samples import Kind
from tests.support.points import T0, column


def test_the_first_retry_is_fast_and_the_last_is_bounded() -> None:
    chance, backoff = Random(1), Backoff()
    delays = []
    for _ in range(20):
        delays.append(backoff.delay(chance))
        backoff = backoff.next()
    assert delays[0] < 0.3
    assert all(b > a for a, b in pairwise(delays[:6]))
    assert 20 < max(delays) <= 30
    assert len(set(delays[-5:])) == 5  # spread by chance
    assert backoff.reset().delay(chance) < 0.3


@pytest.mark.parametrize("sampling", [0.0, 0.05, 0.1, 0.3, 1.0, 5.0, 60.0])
def test_a_late_publish_loses_nothing(sampling: float) -> None:
    publishing = plan.publishing_interval(sampling)
    assert publishing <= max(sampling, plan.LADDER[0])
    assert plan.queue_size(sampling, publishing) * max(sampling, 0.001) >= 2 * publishing
    assert plan.queue_size(sampling, publishing) >= 2
    assert plan.keep_alive_count(publishing) * publishing <= 2.5
    assert plan.lifetime_count(publishing) >= 3 * plan.keep_alive_count(publishing)
    assert plan.lifetime_count(publishing) * publishing >= 120


def test_calls_respect_the_server() -> None:
    assert [allowed(n) for n in (None, 0, 100, 1000, 50_000)] == [1000, 1000, 100, 1000, 1000]


def test_severity_is_quality() -> None:
    codes = np.array([0, 0x480, 0x40900000, 0x80340000, 0xC0000000, 0xFFFFFFFF], np.uint32)
    assert qualities(codes).tolist() == [0, 0, 1, 2, 2, 2]
    assert [quality_of(int(c)) for c in codes] == [Quality(q) for q in qualities(codes).tolist()]
    assert overflowed(codes).tolist() == [False, True, False, False, False, False]


def test_addresses() -> None:
    spaces = ("http://opcfoundation.org/UA/", "urn:mount")
    assert parse("ns=2;s=Mount.Azimuth", spaces) == ua.NodeId.from_string("ns=2;s=Mount.Azimuth")
    assert parse("nsu=urn:mount;i=7", spaces) == ua.NodeId.from_string("ns=1;i=7")
    assert parse("nsu=urn:other;i=7", spaces) == UNKNOWN
    assert parse("nsu=urn:mount", spaces) == INVALID
    assert parse("somewhere", spaces) == INVALID


def test_browse_patterns_match_whole_names() -> None:
    assert pattern("pdm*").fullmatch("pdm07").groups() == ("07",)  # type: ignore[union-attr]
    assert pattern("*").fullmatch("a.b").groups() == ("a.b",)  # type: ignore[union-attr]
    assert pattern("t.*").fullmatch("tx1") is None
    assert pattern("temp").fullmatch("temperature") is None
    assert point_name("ast1.{2}.pdm{1}", ("07", "camera")) == "ast1.camera.pdm07"


def test_what_a_server_says_of_a_variable() -> None:
    unit = ua.EUInformation(DisplayName=ua.LocalizedText("°C"))
    span = ua.Range(Low=ua.Double(-5), High=ua.Double(60))
    assert interpret({"EngineeringUnits": unit, "EURange": span}) == Described("°C", (-5.0, 60.0))
    assert interpret({"EnumStrings": [ua.LocalizedText("OFF"), ua.LocalizedText("ON")]}).labels == ((0, "OFF"), (1, "ON"))
    values = [ua.EnumValueType(Value=ua.Int64(4), DisplayName=ua.LocalizedText("PARKED"))]
    assert interpret({"EnumValues": values}).labels == ((4, "PARKED"),)
    assert interpret({"EngineeringUnits": None}) == Described()
    assert lacks(Point("a", PointType(), "x"))
    assert not lacks(Point("a", PointType(unit="V"), "x"))
    assert lacks(Point("a", PointType(kind=PointKind.ENUM), "x"))
    assert not lacks(Point("a", PointType(kind=PointKind.TEXT), "x"))


def test_values_that_are_no_number_travel_as_text() -> None:
    assert column_value(True) == (1, Kind.LONG)
    assert column_value(2**63)[1] is Kind.DOUBLE
    assert column_value([1.5, float("inf")]) == ('[1.5, "inf"]', Kind.TEXT)
    assert column_value(ua.Range(Low=ua.Double(1), High=ua.Double(2))) == ('{"Low": 1.0, "High": 2.0}', Kind.TEXT)
    assert column_value(ua.LocalizedText("offen", "de")) == ("offen", Kind.TEXT)
    assert column_value(b"\x00\x01") == ("AAE=", Kind.TEXT)
    assert column_value(None)[1] is Kind.DOUBLE


def test_the_overflow_bit_names_the_time_before() -> None:
    table = Table()
    table.slots([("a", PointKind.DOUBLE), ("b", PointKind.DOUBLE)])
    table.last[:] = (100, 0)
    c = column(Kind.DOUBLE, [0, 1, 0], [200, 210, 300], [1.0, 2.0, 3.0])
    c.status[:] = 0x480
    found = [(*g.points, g.start, g.end) for g in overflow_gaps([c], table, 999)]
    assert found == [("a", 100, 200), ("b", 210, 210), ("a", 200, 300)]
    together = column(Kind.DOUBLE, range(2), [400, 400], [4.0, 4.0])
    together.status[:] = 0x480
    table.last[:2] = 300
    assert [(g.points, g.start, g.end) for g in overflow_gaps([together], table, 999)] == [(("a", "b"), 300, 400)]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"security_policy": "Basic9"}, "Basic256Sha256"),
        ({"security_mode": "Hidden"}, "SignAndEncrypt"),
        ({"trigger": "always"}, "timestamp"),
        ({"timeout": "0"}, "timeout"),
        ({"pasword_file": "x"}, "password_file"),
    ],
)
def test_a_wrong_option_is_named_with_what_it_may_be(options: dict[str, str], named: str) -> None:
    with pytest.raises(SourceLost, match=named):
        read_options(options, None)


def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("secret\n")
    _, identity = read_options({"user": "mla", "password_file": str(tmp_path / "p")}, None)
    assert identity.password is None
    assert read_password(identity).password == "secret"


STAMP = Stamp("ast1.opcua", 1, 7, T0, T0 + 5)


def test_a_batch_of_rising_slots_needs_no_index() -> None:
    table = Table()
    table.slots([(n, PointKind.DOUBLE) for n in "abcd"])
    made = assemble(STAMP, table, [column(Kind.DOUBLE, [1, 3], [T0, T0], [1.0, 2.0])], (T0 - 5, T0))
    assert made.names == ("b", "d")
    assert len(made.doubles.index) == 0
    assert (made.covered_from, made.covered_to, made.seq, made.epoch) == (T0 - 5, T0, 7, 1)
    again = assemble(STAMP, table, [column(Kind.DOUBLE, [1, 3], [T0, T0], [3.0, 4.0])])
    assert again.names is made.names  # so that names are encoded once


def test_a_mixed_batch_keeps_the_order_of_each_point() -> None:
    table = Table()
    table.slots([(n, PointKind.DOUBLE) for n in "abcd"])
    parts = [
        column(Kind.DOUBLE, [3, 1], [T0 + 2, T0], [9.0, 1.0]),
        column(Kind.LONG, [2, 2], [T0, T0 + 1], [5, 6]),
        column(Kind.DOUBLE, [1, 3], [T0 + 1, T0], [2.0, 8.0]),
        column(Kind.TEXT, [0], [T0], ["µ"]),
    ]
    made = assemble(STAMP, table, parts)
    assert made.names == ("a", "b", "c", "d")
    assert size(made) == 7
    found = {made.names[i]: [] for i in range(4)}  # type: ignore[var-annotated]
    for c in columns(made):
        for i, v in zip(c.index.tolist(), c.value.tolist(), strict=True):
            found[made.names[i]].append(v)
    assert found == {"a": ["µ"], "b": [1.0, 2.0], "c": [5, 6], "d": [9.0, 8.0]}


def test_splitting_keeps_every_sample() -> None:
    one = column(Kind.DOUBLE, list(range(25)), [T0] * 25, [float(i) for i in range(25)])
    groups = split([one, one, column(Kind.LONG, [1], [T0], [1])], most=10)
    assert sum(map(total, groups)) == 51
    assert all(0 < total(g) <= 10 for g in groups)
    assert split([]) == []


def test_slots_are_never_reused() -> None:
    table = Table()
    (a, b) = table.slots([("a", PointKind.DOUBLE), ("b", PointKind.LONG)])
    assert table.slots([("b", PointKind.LONG), ("a", PointKind.DOUBLE)]) == [b, a]
    assert table.kind.tolist() == [Kind.DOUBLE, Kind.LONG]
    table.retire("a")
    assert table.find("a") is None
    (new,) = table.slots([("a", PointKind.DOUBLE)])
    assert new not in (a, b)
    assert table.names_of(np.array([a, b, new])) == ("a", "b", "a")

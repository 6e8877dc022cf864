"""Ranges of any length: grids, pages and shares, put together as numpy columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mla_client.errors import BadRequest
from mla_client.protocol import Request
from mla_client.read_series import AT_ONCE, grid_of, one, series, shares

from tests.support.client import Server

GAP = {"start": 30, "end": None, "cause": "DISCONNECTED", "count": None, "detail": "unplugged"}


def store(samples: int, kind: str = "DOUBLE") -> Any:
    """A server with samples at 0, 1, 2 … µs of every point, at most 1000 a page, cursors as the archive writes them."""

    def answer(request: Request) -> Any:
        body = request.body or {}
        if "pipeline" in body["query"]:
            return {"pipeline": {"time": 5000}}
        v = body["variables"]
        begin = v["from"] if v["after"] is None else int(v["after"])
        last = min(v["to"], samples)
        stop = min(last, begin + min(1000, v["limit"]))
        t = list(range(begin, stop))
        block = {
            "unit": "m", "kind": kind, "method": (v["resample"] or {"method": "RAW"})["method"],
            "columns": {"t": t, "v": [float(i) for i in t] if kind == "DOUBLE" else t, "q": [0] * len(t)},
            "gaps": [GAP], "complete": stop == last, "nextCursor": str(stop) if stop < last else None,
        }  # fmt: skip
        enum = [{"name": p, "labels": [{"value": 1, "label": "ON"}]} for p in v["points"] if kind == "ENUM"]
        return {"series": [{"point": p, **block} for p in v["points"]], "points": {"nodes": enum}}

    return answer


def test_raw_ranges_of_any_length_come_whole() -> None:
    server = Server(store(3500))
    found = server.run(one("p", 100, 3400))
    assert found.time.astype(np.int64).tolist() == list(range(100, 3400))
    assert found.value.tolist() == [float(i) for i in range(100, 3400)]
    assert found.quality.dtype == np.uint8
    assert (found.unit, found.method, found.complete, len(found.gaps)) == ("m", "RAW", True, 1)
    assert found.gaps[0].end is None
    assert (found.gaps[0].cause, found.gaps[0].detail) == ("DISCONNECTED", "unplugged")
    assert (found.start, found.end) == (np.datetime64(100, "us"), np.datetime64(3400, "us"))
    assert [v["after"] for v in server.variables] == [None, "1100", "2100", "3100"]
    assert len({(v["from"], v["to"]) for v in server.variables}) == 1


def test_a_range_that_ends_where_it_begins_is_empty() -> None:
    """As that of a gap which is one moment, for example of samples refused for their times."""
    found = Server(store(3500)).run(one("p", 100, 100, every="10s"))
    assert (len(found.time), len(found.value), found.complete) == (0, 0, True)


def test_several_points_continue_each_by_itself() -> None:
    found = Server(store(1500, "LONG")).run(series(["a", "b"], 0, 1500))
    assert list(found) == ["a", "b"]
    for s in found.values():
        assert s.value.dtype == np.int64
        assert s.value.tolist() == list(range(1500))
    assert found.units == {"a": "m", "b": "m"}
    assert found.complete


def test_enumerations_have_names() -> None:
    found = Server(store(3, "ENUM")).run(one("p", 0, 3))
    assert found.labels == {1: "ON"}
    assert found.value.tolist() == [0, 1, 2]
    assert found.text.tolist() == [None, "ON", None]
    assert found.good.labels == {1: "ON"}


def test_now_is_fixed_once_for_all_pages() -> None:
    server = Server(store(5000))
    server.run(one("p", "now-3ms", "now"))
    assert server.variables[0] == {}
    assert {(v["from"], v["to"]) for v in server.variables[1:]} == {(2000, 5000)}
    server = Server(store(10))
    server.run(one("p", 0, 10))
    assert len(server.requests) == 1


def test_the_grid_goes_as_the_api_wants_it() -> None:
    server = Server(store(10))
    server.run(one("p", 0, 10, every="10s", fill="previous"))
    assert server.variables[0]["resample"] == {"method": "MEAN", "fill": "PREVIOUS", "every": "10000000us"}
    server.run(one("p", 0, 10, buckets=1000))
    assert server.variables[1]["resample"] == {"method": "MINMAX", "fill": "NONE", "buckets": 1000}
    server.run(one("p", 0, 10))
    assert server.variables[2]["resample"] is None
    assert server.variables[2]["limit"] <= 1_000_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"resample": "average", "every": 1}, "minmax"),
        ({"resample": "mean"}, "every='10s'"),
        ({"every": 1, "buckets": 3}, "either"),
        ({"fill": "linear"}, "no grid"),
        ({"every": 1, "fill": "zero"}, "previous"),
        ({"resample": "raw", "buckets": 5}, "no grid"),
    ],
)
def test_grids_that_make_no_sense_say_what_to_write(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        grid_of(**{"method": arguments.get("resample"), "every": None, "buckets": None, "fill": None} | {
            k: v for k, v in arguments.items() if k != "resample"
        })  # fmt: skip


def test_wrong_ranges_and_patterns_for_one_are_refused() -> None:
    with pytest.raises(BadRequest, match="lies after"):
        Server(store(10)).run(one("p", 10, 9))
    with pytest.raises(BadRequest, match="SeriesSet"):
        Server(store(10)).run(one("ast*.mount.azimuth", 0, 10))


@given(st.integers(1, 3000), st.integers(1, 10**7))
def test_shares_hold_every_point_once_and_stay_within_the_limits(count: int, cost: int) -> None:
    names = [f"p{i}" for i in range(count)]
    found = list(shares(names, cost))
    assert [n for share in found for n in share] == names
    assert all(len(share) * cost <= AT_ONCE or len(share) == 1 for share in found)


def test_counts_have_no_unit_and_a_repr_tells_what_it_is() -> None:
    found = Server(store(10, "LONG")).run(one("p", 0, 10, resample="count", buckets=5))
    assert found.unit == ""
    assert "10 COUNT" in repr(found)
    assert "1 gaps" in repr(found)

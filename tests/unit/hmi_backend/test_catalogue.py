"""Finding points in a catalogue, and paging through what was found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmi_backend.catalogue import Catalogue, Wanted, position
from hmi_backend.errors import BadRequest, UnknownPoints
from hmi_backend.paging import check_first, cursor, key_of, number_of
from kernel.array import ArrayConfig, Asset, Point, PointKind, PointType, Site

AZIMUTH = PointType(unit="°", description="Where the mount points", group="mount.azimuth")
CURRENT = PointType(unit="A", description="Drive load", group="mount.azimuth_motor_temperature")
STATE = PointType(kind=PointKind.ENUM, description="What the mount does", group="mount.state")
TYPES = {"mount.azimuth": AZIMUTH, "mount.azimuth_motor_temperature": CURRENT, "mount.state": STATE}


def catalogue(telescopes: int = 3) -> Catalogue:
    points = {
        f"ast{i}.{tail}": Point(f"ast{i}.{tail}", t, f"ast{i}", f"ast{i}.opcua")
        for i in range(1, telescopes + 1)
        for tail, t in TYPES.items()
    }
    assets = {f"ast{i}": Asset(f"ast{i}", f"AST{i}", "astri", "site") for i in range(1, telescopes + 1)}
    return Catalogue(ArrayConfig(7, Site(), {"site": Asset("site", "Site", ""), **assets}, {}, points, {}))


def names(wanted: Wanted) -> list[str]:
    return [n for _, n in catalogue().find(wanted)]


def test_without_conditions_all_points_come_by_name() -> None:
    assert names(Wanted()) == sorted(catalogue().config.points)


def test_the_best_match_comes_first() -> None:
    assert names(Wanted(search="azi"))[:2] == ["ast1.mount.azimuth", "ast1.mount.azimuth_motor_temperature"]
    assert names(Wanted(search="ast2"))[0] == "ast2.mount.azimuth"
    assert names(Wanted(search="AST2.mount.state")) == ["ast2.mount.state"]
    assert names(Wanted(search="mot")) == [f"ast{i}.mount.azimuth_motor_temperature" for i in (1, 2, 3)]


def test_initials_and_descriptions_are_found() -> None:
    assert names(Wanted(search="amt")) == [f"ast{i}.mount.azimuth_motor_temperature" for i in (1, 2, 3)]
    assert names(Wanted(search="load ast3")) == ["ast3.mount.azimuth_motor_temperature"]
    assert names(Wanted(search="°")) == [f"ast{i}.mount.azimuth" for i in (1, 2, 3)]
    assert names(Wanted(search="nothing")) == []


def test_every_condition_must_hold() -> None:
    assert names(Wanted(glob="ast[12].mount.a*h")) == ["ast1.mount.azimuth", "ast2.mount.azimuth"]
    assert names(Wanted(device="ast1.opcua", kinds=frozenset({PointKind.ENUM}))) == ["ast1.mount.state"]
    assert names(Wanted(asset="site", group="mount.state")) == [f"ast{i}.mount.state" for i in (1, 2, 3)]
    assert names(Wanted(names=("ast2.mount.state", "no.such", "ast1.mount.state"))) == ["ast1.mount.state", "ast2.mount.state"]
    assert names(Wanted(names=("ast2.mount.state",), search="azi")) == []


@given(st.integers(1, 20), st.sampled_from(["", "azi", "mount", "t"]))
def test_pages_together_are_the_whole_list(first: int, search: str) -> None:
    found, after, whole = catalogue(4).find(Wanted(search=search)), None, []
    while True:
        start = position(found, key_of(after))
        rows = found[start : start + first]
        whole += rows
        if start + first >= len(found):
            break
        after = cursor(f"{rows[-1][0]} {rows[-1][1]}")
    assert whole == list(found)


def test_a_page_goes_on_although_the_last_point_was_removed() -> None:
    found = catalogue().find(Wanted())
    assert found[position(found, "0 ast1.mount.azimuth_gone")][1] == "ast1.mount.azimuth_motor_temperature"


@pytest.mark.parametrize("after", ["", "x", "b3RoZXI", "ÿ", "!!!!"])
def test_a_cursor_that_is_none_is_refused(after: str) -> None:
    with pytest.raises(BadRequest, match="endCursor"):
        key_of(after)


def test_a_cursor_of_another_list_is_refused() -> None:
    assert number_of(cursor("12")) == 12
    assert number_of(None) is None
    with pytest.raises(BadRequest, match="another list"):
        number_of(cursor("0 ast1.mount.azimuth"))


@pytest.mark.parametrize("first", [0, -1, 501])
def test_a_page_has_a_size(first: int) -> None:
    with pytest.raises(BadRequest, match="500"):
        check_first(first)


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [("ast1.mount.azimut", "ast1.mount.azimuth"), ("ast1.mount.staet", "ast1.mount.state"), ("atsl2.mount.state", "ast2.mount.state")],
)
def test_what_was_meant_is_guessed(unknown: str, meant: str) -> None:
    with pytest.raises(UnknownPoints, match="did you mean") as refused:
        catalogue().check(["ast1.mount.azimuth", unknown])
    assert refused.value.extensions is not None
    assert refused.value.extensions["points"][0]["name"] == unknown
    assert meant in refused.value.extensions["points"][0]["didYouMean"]


def test_nothing_is_guessed_where_nothing_is_like_it() -> None:
    with pytest.raises(UnknownPoints, match="search with points"):
        catalogue().check(["zzz"])


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hmi_backend.catalogue.REMEMBERED", 5)
    index = catalogue(4)
    for i in range(1, 5):
        assert len(index.find(Wanted(search=f"ast{i}"))) == 3
    assert len(index._found) <= 2
    assert index.find(Wanted()) is index.find(Wanted())


def test_the_tree_has_parents_first() -> None:
    assert [a.name for a in catalogue().tree] == ["site", "ast1", "ast2", "ast3"]
    assert catalogue().per_asset["ast1"] == catalogue().per_source["ast1.opcua"] == 3

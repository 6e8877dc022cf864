"""Words that no name has, and what they were meant to be."""

from __future__ import annotations

import pytest

import cdb
from hmi_backend.catalogue import Catalogue, Wanted
from hmi_backend.slips import folded, meant
from kernel.array import ArrayConfig

KNOWN = ("temperature", "wind", "speed", "humidity", "pressure", "azimuth", "window")


@pytest.fixture(scope="module")
def example() -> Catalogue:
    config: ArrayConfig = cdb.compile(cdb.example(), 1)
    return Catalogue(config)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("wnd", "site.weather.wind_speed"),
        ("tmp", "ast1.camera.pdm01.temperature"),
        ("humdity", "site.weather.humidity"),
        ("presure", "site.weather.pressure"),
        ("Temperatür", "ast1.camera.pdm01.temperature"),
        ("windspeed", "site.weather.wind_speed"),
        ("site.weather.windspeed", "site.weather.wind_speed"),
        ("azi*", "ast1.mount.azimuth"),
        ("ａｚｉ", "ast1.mount.azimuth"),
        ("ast3 azimtuh", "ast3.mount.azimuth"),
        ("\u03bcm", "ast1.mirror.deviation_rms"),
        ("\u00b5m", "ast1.mirror.deviation_rms"),
    ],
)
def test_a_point_is_found_although_the_word_is_not_in_its_name(example: Catalogue, typed: str, name: str) -> None:
    assert name in [n for _, n in example.find(Wanted(search=typed))]


@pytest.mark.parametrize("typed", ["nothing", "zzz", "*", "?", "ast1 humidity", "xyzzy"])
def test_what_is_like_nothing_finds_nothing(example: Catalogue, typed: str) -> None:
    """Also where a word is there but not together with the other one: then no other word was meant."""
    assert [n for _, n in example.find(Wanted(search=typed)) if "." in n and typed not in ("*", "?")] == []


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("tmp", {"temperature"}),
        ("wnd", {"wind", "window"}),
        ("tempreature", {"temperature"}),
        ("humi", {"humidity"}),
        ("azimuht", {"azimuth"}),
        ("qq", set()),
        ("zzzz", set()),
        ("", set()),
    ],
)
def test_what_a_word_stands_for(word: str, known: set[str]) -> None:
    assert meant(word, KNOWN) == known


def test_signs_that_look_alike_are_one() -> None:
    assert folded("\u00b5m") == folded("\u03bcm")
    assert folded("\u2126") == folded("\u03a9")
    assert folded("STRASSE") == folded("Straße")
    assert folded("m³") == "m3"

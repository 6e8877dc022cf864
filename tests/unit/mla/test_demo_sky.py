"""The demo tells the clocks on the screen how far its sky runs ahead."""

from __future__ import annotations

import cdb
from mla.demo import under_its_sky
from simulator.scene import Scene


def test_the_shift_stands_in_the_sites_document_and_nothing_else_changes() -> None:
    plain, told = cdb.compile(cdb.example()), cdb.compile(under_its_sky(cdb.example(), Scene(7, 36_000)))
    assert (plain.site.sky_shift, told.site.sky_shift) == (0.0, 36_000.0)
    assert (told.site.title, told.site.height) == (plain.site.title, plain.site.height)
    assert told.points == plain.points

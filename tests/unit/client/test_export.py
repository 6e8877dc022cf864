"""Files: what is asked for, and that they appear only when whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mla_client.errors import BadRequest, UnknownPoint
from mla_client.export import export, format_of
from mla_client.protocol import Reply, Request

from tests.support.client import Server, reply


def serving(*pieces: bytes) -> Any:
    def answer(request: Request) -> Reply:
        assert request.sink is not None
        for piece in pieces:
            request.sink(piece)
        return Reply(200, b"")

    return answer


def test_the_file_has_every_piece_and_progress_is_told(tmp_path: Path) -> None:
    seen: list[int] = []
    server = Server(serving(b"one,", b"two"))
    done = server.run(export(["a", "b"], 0, 10, path=tmp_path / "x.csv", every="10s", progress=seen.append))
    assert (tmp_path / "x.csv").read_bytes() == b"one,two"
    assert (done.path, done.bytes, done.format) == (tmp_path / "x.csv", 7, "csv")
    assert seen == [4, 7]
    request = server.requests[0]
    assert (request.method, request.path) == ("GET", "/export/series.csv")
    assert request.params == {"points": "a,b", "from": "0", "to": "10", "resample": "MEAN", "fill": "NONE", "every": "10000000us"}


def test_a_pattern_is_left_to_the_server(tmp_path: Path) -> None:
    server = Server(serving())
    server.run(export(["a.b", "ast*.mount.*", "a.b"], 0, 10, path=tmp_path / "x.csv"))
    server.run(export("*", 0, 10, path=tmp_path / "x.csv"))
    assert [(r.params.get("glob"), r.params.get("points")) for r in server.requests] == [("ast*.mount.*", "a.b"), ("*", None)]


def test_a_refused_or_broken_export_leaves_nothing_behind(tmp_path: Path) -> None:
    old = tmp_path / "x.parquet"
    old.write_bytes(b"earlier")
    refused = reply({"errors": [{"message": "no point", "extensions": {"code": "UNKNOWN_POINT"}}]}, 404)
    with pytest.raises(UnknownPoint):
        Server(lambda r: refused).run(export("a", 0, 10, path=old))

    def breaking(request: Request) -> Reply:
        assert request.sink is not None
        request.sink(b"half")
        raise ConnectionError

    step = export("a", 0, 10, path=old)
    with pytest.raises(ConnectionError):
        Server(breaking).run(step)
    assert (tmp_path / "x.parquet.part").exists()  # the step still waits for its answer
    step.close()
    assert [p.name for p in tmp_path.iterdir()] == ["x.parquet"]
    assert old.read_bytes() == b"earlier"


@pytest.mark.parametrize(("path", "form", "found"), [("x.csv", None, "csv"), ("x", "ARROW", "arrow"), ("x.gz", "jsonl", "jsonl")])
def test_the_format_is_what_the_path_ends_in(path: str, form: str | None, found: str) -> None:
    assert format_of(path, form) == found


@pytest.mark.parametrize("path", ["x", "x.xlsx"])
def test_other_formats_are_refused_with_the_known_ones(path: str) -> None:
    with pytest.raises(BadRequest, match="parquet"):
        format_of(path, None)


def test_too_many_names_for_one_address_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="give a pattern"):
        Server(serving()).run(export([f"some.long.name{i:06}" for i in range(5000)], 0, 10, path=tmp_path / "x.csv"))

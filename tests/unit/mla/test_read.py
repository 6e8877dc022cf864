"""Reading commands on a data folder where nothing runs: patterns without points, empty ranges, forms of files, closed pipes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from archive import open_archive
from kernel.clock import SECOND, SystemClock
from kernel.live_config import LiveConfig
from mla.api import ADDRESS_FILE, TOKEN_FILE
from mla.cli import main
from tests.support.archive_data import one
from tests.support.platform import ROOT, free_port

SITE = """
assets:
  tank:
    sources: {plc: {protocol: opcua, url: "opc.tcp://localhost:4840", nodes: "ns=2;s={name}"}}
    assemblies:
      water: {points: {level: , pressure: , temperature: }}
"""


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data folder with one revision and an empty archive."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "tank.yaml").write_text(SITE)
    main(["--data", str(tmp_path / "data"), "cdb", "import", str(tmp_path / "site"), "-m", "a tank"])
    capsys.readouterr()
    return tmp_path / "data"


@pytest.mark.parametrize("pattern", ["tank.water.lvel", "tank.water.levl*"])
def test_what_was_perhaps_meant_is_told(pattern: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--data", str(data), "points", pattern])
    assert f"no point matches {pattern!r} (did you mean tank.water.level" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["--data", str(data), "get", pattern])
    assert end.value.code == 2
    assert "tank.water.level" in capsys.readouterr().err


def test_nothing_is_guessed_of_stars(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", str(data), "get", "***x"])
    assert "no point matches '***x'; `mla points` lists them all" in capsys.readouterr().err


def test_a_range_that_ends_where_it_begins_is_empty(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = "2026-11-24T02:14:00Z"
    main(["--data", str(data), "query", "tank.water.level", "--from", at, "--to", at, "--json"])
    [block] = json.loads(capsys.readouterr().out)
    assert block["columns"] == {"t": [], "v": [], "q": []}
    main(["--data", str(data), "export", "points", "--from", at, "--to", at, "-o", str(tmp_path / "x.csv")])
    assert (tmp_path / "x.csv").read_text().splitlines() == ["point,time,value,quality,status,unit"]


def test_a_files_form_is_that_of_its_name(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "x.parquet"
    main(["--data", str(data), "export", "points", "--from", "now-1h", "-o", str(target), "--json"])
    assert target.read_bytes()[:4] == b"PAR1"
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": str(target), "format": "parquet", "bytes": target.stat().st_size, "points": 3}


def test_an_export_goes_to_standard_output(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mla", "--data", str(data), "export", "points", "--from", "now-1h", "-o", "-"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert done.stdout.splitlines() == ["point,time,value,quality,status,unit"]
    assert not (ROOT / "-").exists()


def test_watching_a_platform_that_is_down_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / TOKEN_FILE).write_text("x")
    (data / ADDRESS_FILE).write_text(f"127.0.0.1:{free_port()}")
    with pytest.raises(SystemExit) as end:
        main(["--data", str(data), "watch", "tank.water.level"])
    assert end.value.code == 1
    assert "nothing answers at 127.0.0.1" in capsys.readouterr().err


def test_a_point_that_is_no_longer_configured_is_read_from_its_history(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def keep() -> None:
        async with open_archive(f"sqlite://{data}/archive", clock=SystemClock(), config=LiveConfig()) as archive:
            await archive.append([one(0, "tank.air.level", [SystemClock().now() - SECOND], [2.5])])

    asyncio.run(keep())
    main(["--data", str(data), "query", "tank.air.level", "--from", "now-1h"])
    assert capsys.readouterr().out.endswith("tank.air.level  2.5\n")
    main(["--data", str(data), "query", "tank.air.level", "--from", "now-1h", "--json"])
    assert json.loads(capsys.readouterr().out)[0]["columns"]["v"] == [2.5]
    main(["--data", str(data), "export", "points", "tank.air.level", "--from", "now-1h", "-o", str(tmp_path / "x.csv")])
    assert (tmp_path / "x.csv").read_text().count("tank.air.level") == 1
    with pytest.raises(SystemExit):
        main(["--data", str(data), "query", "tank.air.levl"])

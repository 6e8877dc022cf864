"""`mla stop NAME`: what cannot be carried out is refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mla.cli import main


@pytest.mark.parametrize(
    ("name", "said"),
    [("platform", "the system platform has no manager; name one of its services: hmi"), ("colector", "known are: monitoring, platform")],
)
def test_names_nobody_answers_for(name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--data", str(tmp_path), "stop", name])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        *("status", "status --json", "stop collector", "points", "get x", "watch x", "query x", "dead", "cdb log", "cdb diff 1 2"),
        *("cdb export out", "cdb rollback 1 -m back", "export points -o out.csv --from now-1h"),
    ],
)
def test_a_mistyped_folder_is_told_and_not_made(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--data", str(tmp_path / "typo"), *command.split()])
    assert end.value.code == 1
    assert "mla up" in capsys.readouterr().err or command == "stop collector"
    assert not (tmp_path / "typo").exists()

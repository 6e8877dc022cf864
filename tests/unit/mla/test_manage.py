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

"""What `mla up` says of the first log-ins: its output is kept, in the journal or by a container's engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from kernel.live_config import LiveConfig
from mla.logins import FIRST_FILE
from mla.platform import Platform
from mla.settings import Settings
from mla.start import Start


async def test_the_first_passwords_stay_out_of_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    platform = cast(Platform, SimpleNamespace(config=LiveConfig()))
    await Start(Settings(data=tmp_path), demo=False, say=said.append).ready(platform)
    text = "\n".join(said)
    passwords = [line.split()[1] for line in (tmp_path / FIRST_FILE).read_text().splitlines()]
    assert len(passwords) == 3
    assert not [p for p in passwords if p in text]
    assert f"log in as operator, engineer, admin: the first passwords are in {tmp_path / FIRST_FILE}" in said

"""Processes beside this one: what cannot be started is said, and tried again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kernel.clock import SystemClock
from mla.children import Child, children
from tests.support.waiting import until


async def test_a_process_that_cannot_be_started_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(program))

    def said(text: str) -> bool:
        return any(text in r.message for r in caplog.records)

    async with children([Child("collector 1/1", ("run", "collector"))], SystemClock()):
        await until(lambda: said("process collector 1/1 cannot be started: [Errno 2] No such file"))
        program.write_text(f"#!{sys._base_executable}\nraise SystemExit(3)\n")  # type: ignore[attr-defined]
        program.chmod(0o755)
        await until(lambda: said("process collector 1/1 ended with code 3"))

"""The fault script: when lines hold, what they concern, and what the YAML reader says to mistakes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from kernel.errors import ConfigProblems
from simulator.faults import DEMO, Fault, FaultKind, FaultScript, load

BAD = FaultKind.BAD


def test_a_periodic_fault_holds_for_its_duration_from_each_beginning() -> None:
    fault = Fault(BAD, "x", duration=40, every=900, first=420)
    t = np.array([0.0, 419, 420, 459, 460, 1319, 1320, 1360])
    assert fault.active(t).tolist() == [False, False, True, True, False, False, True, False]


def test_a_fault_without_a_period_happens_once() -> None:
    fault = Fault(BAD, "x", duration=10, first=100)
    assert [bool(fault.active(float(t))) for t in (99, 100, 109, 110, 10_000)] == [False, True, True, False, False]


def test_a_fault_without_an_end_holds_for_ever() -> None:
    assert Fault(BAD, "x").active(1.8e9)


def test_the_next_change_is_the_next_beginning_or_end() -> None:
    fault = Fault(BAD, "x", duration=40, every=900, first=420)
    assert [fault.next_change(float(t)) for t in (0, 420, 430, 460, 1319)] == [420, 460, 460, 1320, 1320]
    once = Fault(BAD, "x", duration=10, first=100)
    assert [once.next_change(float(t)) for t in (0, 100, 110)] == [100, 110, math.inf]


def test_targets_are_globs() -> None:
    fault = Fault(BAD, "ast?.camera.pdm*.temperature")
    assert fault.matches("ast3.camera.pdm17.temperature")
    assert not fault.matches("ast3.camera.coolant_temperature")


def test_status_codes_have_a_usual_value_and_may_be_chosen() -> None:
    assert Fault(BAD, "x").code == 0x808C0000
    assert Fault(FaultKind.UNCERTAIN, "x", status=0x40900000).code == 0x40900000
    assert Fault(FaultKind.SPIKE, "x").code == 0


def test_outages_are_cut_to_the_span_and_merged() -> None:
    script = FaultScript(
        (
            Fault(FaultKind.DISCONNECT, "ast8.opcua", duration=40, every=100, first=0),
            Fault(FaultKind.RESTART, "ast*.opcua", duration=20, first=130),
            Fault(FaultKind.DISCONNECT, "ast9.opcua", duration=5, first=0),
        )
    )
    assert script.outages("ast8.opcua", 10, 230) == [(10, 40), (100, 150), (200, 230)]
    assert script.outages("site.opcua", 0, 1e6) == []


def test_the_demo_meets_every_kind_of_fault() -> None:
    assert {f.kind for f in DEMO.faults} == set(FaultKind)
    assert DEMO.maintained({f"ast{i}": i - 1 for i in range(1, 10)}) == (4,)


def test_a_script_is_read_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("faults:\n  - kind: drift\n    target: ast1.*\n    duration: 60\n    amount: 2.5\n  - {kind: silent, target: x}\n")
    assert load(path) == FaultScript((Fault(FaultKind.DRIFT, "ast1.*", duration=60, amount=2.5), Fault(FaultKind.SILENT, "x")))


def test_an_empty_file_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("")
    assert load(path) == FaultScript()


def test_every_mistake_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("faults:\n  - kind: drfit\n    target: x\n  - kind: bad\n    duration: long\n    colour: red\n  - 7\n")
    with pytest.raises(ConfigProblems) as caught:
        load(path)
    lines = [(p.line, p.text) for p in caught.value.problems]
    assert lines == [
        (2, "unknown kind 'drfit'"),
        (4, "unknown field 'colour'"),
        (4, "a fault needs a target"),
        (4, "duration is no number"),
        (7, "a fault is a mapping"),
    ]
    assert "drift" in caught.value.problems[0].remedy


@pytest.mark.parametrize("text", ["faults: [", "- kind: bad", "faults: 3"])
def test_what_is_no_script_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(ConfigProblems):
        load(path)

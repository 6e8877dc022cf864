"""Documents with mistakes: `#!` marks the line that must be named."""

from __future__ import annotations

import pytest

import cdb
from kernel.errors import ConfigProblems, Problem

GOOD = """
profiles: {quiet: {sampling: 2s}}
classes: {fast: {chunk: 10m}}
templates:
  astri:
    parameters: {port: }
    sources: {opcua: {protocol: opcua, url: "opc.tcp://h:{port}", nodes: "ns=2;s={point}"}}
    assemblies:
      mount: {points: {azimuth: {unit: °, range: [0, 360]}}}
assets:
  ast1: {template: astri, parameters: {port: 1}}
"""


def problems(**documents: str) -> list[Problem]:
    """What compile finds in documents named by keyword."""
    with pytest.raises(ConfigProblems) as caught:
        cdb.compile({f"{name}.yaml": text for name, text in documents.items()})
    return list(caught.value.problems)


def check(text: str, *expected: tuple[str, str]) -> None:
    """The marked lines, in order, carry the expected texts and remedies, and there is no other problem."""
    lines = [n for n, line in enumerate(text.splitlines(), 1) if "#!" in line]
    found = problems(a=GOOD, bad=text)
    assert [(p.path, p.line) for p in found] == [("bad.yaml", n) for n in lines], found
    for problem, (what, remedy) in zip(found, expected, strict=True):
        assert what in problem.text
        assert remedy in problem.remedy


def point(keys: str) -> str:
    """An asset with one point whose keys stand in line 5."""
    return f"""assets:
  ast2:
    sources: {{opcua: {{protocol: opcua, url: "opc.tcp://h:1", nodes: "ns=2;s={{point}}"}}}}
    assemblies: {{a: {{points: {{p:
      {{{keys}}} #!
    }}}}}}
"""

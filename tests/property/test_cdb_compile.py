"""The compiler meets documents that nobody checked: it answers with a configuration or with every mistake, never with anything else."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import cdb
from cdb.families import BadPattern, expand
from kernel.errors import ConfigProblems, Problem

EXAMPLE = cdb.example()
SMALL = """
site: {title: T, latitude: 28.3}
classes: {fast: {chunk: 10m, retention: 30d}}
profiles: {quiet: {sampling: 2s, processing: {max_silence: 1m}}}
templates:
  astri:
    parameters: {port: , host: h}
    sources: {opcua: {protocol: opcua, url: "opc.tcp://{host}:{port}", nodes: "ns=2;s={point}", browse: {path: a/*, point: "b.{1}"}}}
    assemblies:
      mount:
        defaults: {profile: quiet}
        points:
          azimuth: {unit: °, range: [0, 360], deadband: 1 %, limits: {lo: 1, hi: 2}}
          t{01..03}: {kind: enum, labels: {0: OFF, 1: ON}, node: "s={1}"}
          s: {processing: {statistics: {every: 1m, which: [mean, max]}, window: {inside: [0, 1]}}}
assets:
  ast1: {template: astri, parent: hut, position: [1, 2], parameters: {port: 1}, override: {mount.azimuth: {limits: {hi: none}}}}
  hut: {title: Hut}
"""
KEY = re.compile(r"(?<![\w.\"])(title|latitude|chunk|sampling|protocol|unit|range|kind|every|position|points|override):")
SYNTAX = ["{", "}", "[", "]", ":", ",", "-", "\n", "  ", "\t", "'", '"', "|", ">", "? ", "#", "%", "---\n", "...", "[[[[", "x: ", "\r"]
NODES = [
    "&a ",
    "*a",
    "!x ",
    "<<: ",
    "null",
    "~",
    "1e999",
    ".nan",
    "-1",
    "0",
    "99999999999999999999",
    "true",
    "none",
    "forever",
    "1s",
    "1 %",
]
NAMES = ["{0..9}", "{1..99999999}", "{a}", "{1}", "{point}", "\x00", "\ud800", "\ufeff", "\u2028"]
KEYS = ["kind: text", "kind: enum", "parent: ast1", "name: ast1", "template: astri", "profile: quiet", "source: opcua", "enabled: false"]
TOKENS = [*SYNTAX, *NODES, *NAMES, *KEYS]


def problems_of(documents: dict[str, str]) -> tuple[Problem, ...]:
    """What is wrong with some documents."""
    try:
        cdb.compile(documents)
    except ConfigProblems as caught:
        return caught.problems
    return ()


def compiles(documents: dict[str, str]) -> None:
    """Compiles, or explains why not: problems are distinct, stand in a line that exists, and say what is wrong and what to do."""
    problems = problems_of(documents)
    for p in problems:
        assert p.path in documents
        assert 0 <= p.line <= len(re.split(r"\r\n|[\r\n\x85\u2028\u2029]", documents[p.path]))
        assert p.text
        assert p.remedy
    assert len(set(problems)) == len(problems)


texts = st.sampled_from(TOKENS) | st.text(max_size=5)
edits = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(["insert", "replace", "delete"]), st.integers(0, 30), texts), min_size=1, max_size=4
)


def edited(text: str, changes: list[tuple[float, str, int, str]]) -> str:
    """A text after some changes at relative positions."""
    for where, how, length, token in changes:
        at = int(where * len(text))
        gone = 0 if how == "insert" else length
        text = text[:at] + ("" if how == "delete" else token) + text[at + gone :]
    return text


@settings(max_examples=400, deadline=None)
@given(edits)
def test_any_edit_of_a_document_is_compiled_or_explained(changes: list[tuple[float, str, int, str]]) -> None:
    compiles({"a.yaml": edited(SMALL, changes)})


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(EXAMPLE)), edits)
def test_any_edit_of_the_example_is_compiled_or_explained(path: str, changes: list[tuple[float, str, int, str]]) -> None:
    compiles(EXAMPLE | {path: edited(EXAMPLE[path], changes)})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(TOKENS) | st.text(max_size=8), max_size=20).map("".join))
@example("&a {site: *a}")
@example("site: &a {assemblies: *a}")
def test_any_text_is_compiled_or_explained(text: str) -> None:
    compiles({"a.yaml": text})


KEY_PLACES = [(n, m) for n, line in enumerate(SMALL.splitlines()) for m in KEY.finditer(line)]


@given(st.sampled_from(KEY_PLACES))
def test_a_misspelt_key_is_reported_in_its_line(where: tuple[int, re.Match[str]]) -> None:
    index, key = where
    lines = SMALL.splitlines()
    lines[index] = lines[index][: key.start()] + "zz" + lines[index][key.start() :]
    found = [p for p in problems_of({"a.yaml": "\n".join(lines)}) if f"unknown key zz{key[1]}" in p.text]
    assert [p.line for p in found] == [index + 1]
    assert f"did you mean {key[1]}?" in found[0].remedy


@settings(deadline=None)
@given(st.from_regex(r"[a-z]{1,3}(\{([0-9]{1,3}\.\.[0-9]{1,2}|[a-z]{1,2}(,[a-z]{1,2}){1,3})\}[a-z]{0,2}){0,2}", fullmatch=True))
def test_families(pattern: str) -> None:
    ranges = [(int(a), int(b)) for a, b in re.findall(r"(\d+)\.\.(\d+)", pattern)]
    lists = [inside.split(",") for inside in re.findall(r"\{([^}.]*)\}", pattern)]
    if any(a > b for a, b in ranges) or any(len(set(words)) < len(words) for words in lists):
        with pytest.raises(BadPattern, match=r"backwards|twice"):
            expand(pattern)
        return
    found = expand(pattern)
    outer = re.split(r"\{[^}]*\}", pattern)
    for name, captures in found:
        assert name == "".join(a + b for a, b in zip(outer, (*captures, ""), strict=True))
    assert len(found) == math.prod([b - a + 1 for a, b in ranges] + [len(words) for words in lists])

"""Files that are no good YAML, and paths that are none."""

from __future__ import annotations

import gc

import pytest

import cdb
from kernel.errors import ConfigProblems, Problem
from tests.support.mistakes import GOOD, check, point, problems


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("site:\n  title: 'x\n", 2, "not YAML: a quote is opened and not closed"),
        ('site:\n  title: "x\n  name: y\n', 2, "not YAML: a quote is opened and not closed"),
        ("site:\n\ttitle: x\n", 2, "not YAML: a tab is used for indentation"),
        ("assets:\n  hut:\n    title: x\n\t\tparent: site\n", 4, "not YAML: a tab is used for indentation"),
        ("site:\n  title: %x\n", 2, "not YAML: a value begins with %"),
        ("site:\n  title: La Palma: north\n", 2, "not YAML: a colon where no key can be"),
        ("site:\n  title: x\n   name: y\n", 3, "not YAML: a colon where no key can be"),
        ("site:\n  title: x\n  name\n  height: 3\n", 3, "not YAML: a key without a colon"),
        ("site:\n  title\n  name: y\n", 3, "not YAML: a colon where no key can be"),
        ("site:\n  title: 'x' y\n", 2, "not YAML: something follows the end of a value"),
        ('site:\n  title: "a\\q"\n', 2, "not YAML: a backslash within double quotes"),
        ("site: - a\n", 1, "not YAML: block sequence entries"),
        ("site:\n    title: x\n  name: y\n", 3, "not YAML: this line fits to no line above"),
        ("site: {title: x\nassets:\n", 2, "not YAML: the bracket opened in line 1 is not closed here"),
        ("site:\n  title: \x07\n", 2, "not YAML: control characters are not allowed"),
        ("site:\n  title: é\x07\n", 2, "not YAML: control characters are not allowed"),
        ("site:\n  title: \ud800\n", 2, "no Unicode"),
        ("site:\n  title: *name\n", 2, "unknown alias *name"),
        ("site:\n  title: !secret x\n", 2, "unknown YAML tag !secret"),
        ("site:\n  " + "[" * 100_000, 2, "nested more than"),
        ("- site\n", 1, "document is not a mapping"),
        ("just text", 1, "document is not a mapping"),
        ("site: {}\nsite: {}\n", 2, "site is given twice"),
        ("<<: {a: 1}\n", 1, "unknown key <<"),
    ],
)
def test_of_yaml(text: str, line: int, what: str) -> None:
    (found,) = problems(bad=text)
    assert found.line == line
    assert what in found.text
    assert found.remedy


def test_a_file_that_cannot_be_read_does_not_make_its_names_unknown() -> None:
    found = problems(a=GOOD.replace("assets:\n", "assets: [\n"), b="assets: {ast2: {template: astrii}}")
    assert [p.path for p in found] == ["a.yaml"]


@pytest.mark.parametrize("path", ["site.txt", "../site.yaml", "/site.yaml", "a//b.yaml", ".hidden.yaml", "a\\b.yaml", "x" * 300 + ".yaml"])
def test_of_paths(path: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        cdb.compile({path: ""})
    (found,) = caught.value.problems
    assert found.path == path
    assert "no path of a document" in found.text


def test_a_path_cannot_be_document_and_folder() -> None:
    with pytest.raises(ConfigProblems, match="a document and a folder at once"):
        cdb.compile({"a.yaml": "", "a.yaml/b.yaml": ""})


def test_all_files_are_reported_at_once_in_order() -> None:
    found = problems(a="sitee: {}\n", b="assets: {X: {}}\n", c="site:\n  latitude: x\n  longitude: y\n")
    assert [(p.path, p.line) for p in found] == [("a.yaml", 1), ("b.yaml", 1), ("c.yaml", 2), ("c.yaml", 3)]
    assert str(found[0]).startswith("a.yaml:1: document: unknown key sitee (")


def test_more_points_than_memory_holds() -> None:
    text = """assets:
  hut:
    sources: {plc: {protocol: opcua, url: "opc.tcp://h:1", nodes: "s={point}"}}
    assemblies:
      "box{1..1000}": {points: {"p{1..100000}": }} #!
"""
    check(text, ("more than 2000000 points", "ranges"))


def test_a_name_that_begins_with_a_brace_must_be_quoted() -> None:
    check(
        """
assets:
  hut:
    assemblies:
      {a,b}: #!
        points: {p: }
""",
        ("a key is not text", "quote names that begin with {"),
    )


def test_the_garbage_collector_works_again_afterwards() -> None:
    problems(a="site: []")
    assert gc.isenabled()
    gc.disable()
    try:
        cdb.compile({})
        assert not gc.isenabled()
    finally:
        gc.enable()

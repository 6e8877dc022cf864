"""What differs between documents, and between the points they compile to."""

from __future__ import annotations

import cdb
from kernel.array import EMPTY
from kernel.config_store import ConfigChange


def changed(path: str, before: str, after: str) -> dict[str, str]:
    """The example with one text replaced."""
    documents = cdb.example()
    assert before in documents[path]
    return documents | {path: documents[path].replace(before, after, 1)}


def test_documents() -> None:
    a, b = {"same.yaml": "x", "gone.yaml": "1", "other.yaml": "1"}, {"same.yaml": "x", "new.yaml": "", "other.yaml": "2"}
    expected = [ConfigChange("gone.yaml", "1", None), ConfigChange("new.yaml", None, ""), ConfigChange("other.yaml", "1", "2")]
    assert cdb.diff_documents(a, b) == expected


def test_a_unified_diff_is_what_patch_understands() -> None:
    changes = [ConfigChange("a.yaml", "1\n2\n3\n", "1\n3\n4"), ConfigChange("gone.yaml", "x\n", None), ConfigChange("new.yaml", None, "")]
    assert cdb.unified(changes) == (
        "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,3 +1,3 @@\n 1\n-2\n 3\n+4\n\\ No newline at end of file\n"
        "--- a/gone.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "--- /dev/null\n+++ b/new.yaml\n"
    )


def test_the_same_documents_touch_nothing() -> None:
    assert cdb.diff_points(cdb.compile(cdb.example(), 1), cdb.compile(cdb.example(), 2)).empty


def test_a_comment_touches_nothing() -> None:
    documents = {path: text + "# later\n" for path, text in cdb.example().items()}
    assert cdb.diff_points(cdb.compile(cdb.example()), cdb.compile(documents)).empty


def test_a_first_configuration_adds_everything() -> None:
    config = cdb.compile(cdb.example())
    diff = cdb.diff_points(EMPTY, config)
    assert cdb.diff_points(config, EMPTY).removed == tuple(config.points)
    assert diff == cdb.PointsDiff(tuple(config.points), (), (), tuple(config.sources), (), ())


def test_a_template_changes_its_points_on_every_telescope_and_nothing_else() -> None:
    before = cdb.compile(cdb.example())
    after = cdb.compile(changed("templates/astri.yaml", "hi: 18, hihi: 20", "hi: 17, hihi: 20"))
    diff = cdb.diff_points(before, after)
    assert set(diff.changed) == {f"ast{t}.camera.pdm{p:02}.temperature" for t in range(1, 10) for p in range(1, 38)}
    assert diff == cdb.PointsDiff((), (), diff.changed, (), (), ())


def test_another_port_changes_a_source_and_no_point() -> None:
    diff = cdb.diff_points(cdb.compile(cdb.example()), cdb.compile(changed("telescopes.yaml", "port: 4847", "port: 9999")))
    assert diff == cdb.PointsDiff((), (), (), (), (), ("ast7.opcua",))


def test_another_name_removes_and_adds() -> None:
    diff = cdb.diff_points(cdb.compile(cdb.example()), cdb.compile(changed("telescopes.yaml", "  ast9:", "  ast10:")))
    assert len(diff.removed) == len(diff.added) == 208
    assert (diff.sources_removed, diff.sources_added) == (("ast9.opcua",), ("ast10.opcua",))
    assert not diff.changed


def test_another_address_changes_its_points() -> None:
    diff = cdb.diff_points(cdb.compile(cdb.example()), cdb.compile(changed("site.yaml", "nodes: ns=2;", "nodes: ns=3;")))
    assert len(diff.changed) == 44
    assert not diff.sources_changed

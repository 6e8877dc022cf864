"""What retention removes."""

from __future__ import annotations

import pytest

from bus.retention import DEFAULTS, KEEP, OTHERWISE, Retention, Slice, evictable, retention_of
from kernel.clock import SECOND
from schemas.records import AUDIT_ACTIONS, CDB_REVISIONS, TOPICS

NOW = 1_800_000_000 * SECOND
ROWS = [(NOW - age * SECOND, 100) for age in (50, 40, 30, 20, 10)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (KEEP, (0, 0)),
        (Retention(60), (0, 0)),
        (Retention(30), (2, 200)),
        (Retention(0), (5, 500)),
        (Retention(None, 500), (0, 0)),
        (Retention(None, 499), (1, 100)),
        (Retention(None, 250), (3, 300)),
        (Retention(None, 0), (5, 500)),
        (Retention(35, 450), (2, 200)),
        (Retention(45, 150), (4, 400)),
    ],
)
def test_by_age_and_by_bytes(rule: Retention, expected: tuple[int, int]) -> None:
    assert evictable(rule, ROWS, held=500, now=NOW, limit=Slice()) == expected


@pytest.mark.parametrize(("limit", "expected"), [(Slice(2, 10_000), (2, 200)), (Slice(100, 250), (3, 300))])
def test_a_slice_is_bounded(limit: Slice, expected: tuple[int, int]) -> None:
    assert evictable(Retention(0), ROWS, held=500, now=NOW, limit=limit) == expected


def test_a_young_record_protects_what_follows_it() -> None:
    rows = [(NOW, 100), (NOW - 100 * SECOND, 100)]
    assert evictable(Retention(30), rows, held=200, now=NOW, limit=Slice()) == (0, 0)


def test_the_site_overrides_the_default_topic_by_topic() -> None:
    mine = Retention(1, 1)
    assert retention_of("heartbeats", {"heartbeats": mine}) is mine
    assert retention_of("heartbeats", {"audit.actions": mine}) == DEFAULTS["heartbeats"]
    assert retention_of("of.a.site", {}) is OTHERWISE
    assert retention_of("of.a.site", {"of.a.site": KEEP}) is KEEP


def test_every_topic_of_the_platform_has_a_rule_and_what_people_did_is_kept() -> None:
    assert {t.name for t in TOPICS} <= set(DEFAULTS)
    assert retention_of(AUDIT_ACTIONS.name, {}) == retention_of(CDB_REVISIONS.name, {}) == KEEP

"""Publishing, rolling back and comparing as a state machine, against a plain list of revisions as the model."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import cdb
from kernel.clock import ManualClock
from kernel.config_store import ConfigStore
from kernel.errors import BadUsage, ConfigProblems, Conflict

PATHS = st.sampled_from(["a.yaml", "b.yaml", "deep/c.yaml"])
GOOD = ["", "# only a comment\n", "classes: {fast: {}}", "classes: {fast: {chunk: 5m}}", "classes: {slow: {}}\r\n", "site: {}"]
TEXTS = st.sampled_from([*GOOD, "sitee: {}", "[", None])


class Revisions(RuleBasedStateMachine):
    """Two connections to one store take turns; what both say must be what the model says."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._folder = tempfile.mkdtemp()
        self._stack = AsyncExitStack()
        self._clock = ManualClock()
        self.model: list[dict[str, str]] = [{}]

    def run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    @initialize()
    def opens(self) -> None:
        url = f"sqlite://{self._folder}/cdb"
        self.stores: list[ConfigStore] = [
            self.run(self._stack.enter_async_context(cdb.open_config(url, clock=self._clock))) for _ in range(2)
        ]
        self.editors = [cdb.Editor(s, self._clock) for s in self.stores]

    def teardown(self) -> None:
        self.run(self._stack.aclose())
        self.run(self._loop.shutdown_default_executor())
        self._loop.close()
        shutil.rmtree(self._folder)

    @rule(who=st.integers(0, 1), changes=st.dictionaries(PATHS, TEXTS, max_size=3), late=st.integers(0, 2))
    def publish(self, who: int, changes: dict[str, str | None], late: int) -> None:
        base = max(0, len(self.model) - 1 - late)
        before = self.model[-1]
        after = {p: t for p, t in {**before, **changes}.items() if t is not None}
        work = self.editors[who].publish(changes, base=base, author="a", comment="c")
        if base != len(self.model) - 1:
            with pytest.raises(Conflict):
                self.run(work)
        elif any(t is None and p not in before for p, t in changes.items()) or after == before:
            with pytest.raises(BadUsage):
                self.run(work)
        else:
            self.apply(work, before, after)

    @rule(who=st.integers(0, 1), data=st.data())
    def rollback(self, who: int, data: st.DataObject) -> None:
        to = data.draw(st.integers(0, len(self.model)))
        work = self.editors[who].rollback(to, author="a", comment="c")
        if not 1 <= to < len(self.model) or self.model[to] == self.model[-1]:
            with pytest.raises(BadUsage):
                self.run(work)
        else:
            self.apply(work, self.model[-1], self.model[to])

    @rule(who=st.integers(0, 1), data=st.data())
    def diff(self, who: int, data: st.DataObject) -> None:
        a, b = (data.draw(st.integers(0, len(self.model) - 1)) for _ in range(2))
        patched = dict(self.model[a])
        for change in self.run(self.editors[who].diff(a, b)):
            assert patched.pop(change.path, None) == change.before != change.after
            if change.after is not None:
                patched[change.path] = change.after
        assert patched == self.model[b]

    def apply(self, work: Any, before: dict[str, str], after: dict[str, str]) -> None:
        try:
            cdb.compile(after)
        except ConfigProblems:
            with pytest.raises(ConfigProblems):
                self.run(work)
            return
        revision = self.run(work)
        assert (revision.number, revision.base) == (len(self.model), len(self.model) - 1)
        assert revision.paths == tuple(sorted(p for p in {*before, *after} if before.get(p) != after.get(p)))
        self.model.append(after)

    @invariant()
    def both_see_every_revision(self) -> None:
        for store in getattr(self, "stores", ()):
            assert [r.number for r in self.run(store.revisions())] == list(range(len(self.model) - 1, 0, -1))
            for number in range(1, len(self.model)):
                assert self.run(store.load(number)).documents == self.model[number]


TestRevisions = Revisions.TestCase
TestRevisions.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)

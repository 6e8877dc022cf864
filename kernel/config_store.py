"""The port of the configuration database: documents by path, in numbered revisions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.records import Revision


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All documents of one revision."""

    revision: Revision | None
    """None before the first publication."""
    documents: Mapping[str, str]
    """path such as `telescopes/astri.yaml` to YAML text, exactly as written"""


class ConfigStore(Protocol):
    """Revisions are immutable, numbered 1, 2, 3 ... without gaps."""

    async def load(self, revision: int | None = None) -> Snapshot:
        """A revision, by default the newest. Raises BadUsage naming the known range where there is none such."""
        ...

    async def publish(self, changes: Mapping[str, str | None], *, base: int, author: str, comment: str) -> Revision:
        """Stores a new revision: each path gets its text, None deletes it. Raises Conflict when base is not the newest revision:
        of two editors one wins. Validation is not the store's task: see cdb.publish."""
        ...

    async def revisions(self, *, limit: int = 100, before: int | None = None) -> Sequence[Revision]:
        """Newest first; `before` pages on."""
        ...

    def watch(self, after: int) -> AsyncIterator[int]:
        """Yields the newest revision number whenever it is greater than the one yielded before (or than `after`); within 1 s."""
        ...


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One document that differs between two revisions; None: it does not exist there."""

    path: str
    before: str | None
    after: str | None


class ConfigEditor(Protocol):
    """What people do to the configuration: every change is compiled first, so that nothing wrong is ever published."""

    async def publish(self, changes: Mapping[str, str | None], *, base: int, author: str, comment: str) -> Revision:
        """As ConfigStore.publish, after compiling the result. Raises ConfigProblems with every mistake, or Conflict."""
        ...

    async def rollback(self, to: int, *, author: str, comment: str) -> Revision:
        """Publishes the documents of an old revision as a new one."""
        ...

    async def diff(self, a: int, b: int) -> Sequence[ConfigChange]:
        """Documents that differ, by path."""
        ...

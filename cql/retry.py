"""Which requests are tried again at the node that was asked, after it has waited for other nodes in vain.

A node that is lost is missed by the others only after some ten seconds. Until then they may wait for its answer until their own time
limit, and say so; the client library's own policy hands that on as an error, although two of three nodes are well. Asked again, they
choose others, or know by then who is gone. The consistency stays what it was: an answer is as true as one that came at once.
"""

from __future__ import annotations

from typing import Any

from cassandra.policies import RetryPolicy

TRIES = 2
"""Further tries of one request. Where a second node was asked meanwhile (see SECOND_TRY in link.py) the two share them."""
Decision = tuple[int, int | None]


class Again(RetryPolicy):  # type: ignore[misc]
    """Repeats what may be repeated: reads, and writes that come to the same when done twice. Lightweight transactions may not: who asked
    for one finds out with a serial read whether it took place. All else is as the client library has it: a node that sees too few others
    is left for the next one."""

    def on_read_timeout(
        self, query: Any, consistency: int, required_responses: int, received_responses: int, data_retrieved: bool, retry_num: int
    ) -> Decision:
        """See RetryPolicy. Also after enough answers without the data itself."""
        return self._again(query, retry_num)

    def on_write_timeout(
        self, query: Any, consistency: int, write_type: str, required_responses: int, received_responses: int, retry_num: int
    ) -> Decision:
        """See RetryPolicy. The times of writing are given by us and are the same in each try."""
        return self._again(query, retry_num)

    def _again(self, query: Any, retry_num: int) -> Decision:
        """At the same node: the further ones of the plan may have been asked already, and a plan that is used up ends the request."""
        if query.is_idempotent and retry_num < TRIES:
            return self.RETRY, None
        return self.RETHROW, None

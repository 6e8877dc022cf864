"""A process that publishes revisions beside others, for the contract suite: `config_peer URL NAME COUNT`.

Writes the number of each revision to its standard output once the store has accepted it."""

from __future__ import annotations

import asyncio
import sys

from cdb import open_config
from kernel.clock import SystemClock
from kernel.errors import Conflict


async def main(url: str, name: str, count: int) -> None:
    """Publishes count revisions, each adding a line to the document NAME.yaml; begins again after a conflict."""
    async with open_config(url, clock=SystemClock()) as store:
        done = 0
        while done < count:
            newest = await store.load()
            base = newest.revision.number if newest.revision else 0
            text = newest.documents.get(f"{name}.yaml", "") + f"# {done}\n"
            try:
                revision = await store.publish({f"{name}.yaml": text}, base=base, author=name, comment=str(done))
            except Conflict:
                continue
            done += 1
            sys.stdout.write(f"{revision.number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

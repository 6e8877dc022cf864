from collections.abc import Sequence

from collector.table import Table
from kernel.batches import Column


class Processor:
    def __init__(self, table: Table) -> None:
        pass

    def process(self, column: Column) -> Sequence[Column]:
        return (column,)

    def tick(self, now: int) -> Sequence[Column]:
        return ()

    def counts(self) -> dict[str, int]:
        return {}

    def configure(self, points) -> None: ...

    def deadband_here(self, slot, point) -> None: ...

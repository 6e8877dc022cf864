"""What is wrong with a collector just now, told through its meter."""

from __future__ import annotations

from kernel.meter import Meter


class Health:
    """Problems by the thing that has them. The service is degraded while there is any, and names the newest."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._problems: dict[tuple[str, str], str] = {}

    def bad(self, what: str, text: str, aspect: str = "") -> None:
        """This thing is not well. aspect: which of its problems, where it may have several at once."""
        self._problems[what, aspect] = text
        self._meter.degraded(f"{what}: {text}")

    def good(self, what: str, aspect: str = "") -> None:
        """This thing is well again in this aspect, or gone."""
        if self._problems.pop((what, aspect), None) is None:
            return
        if not self.tell():
            self._meter.recovered()

    def tell(self) -> bool:
        """Says again what is wrong, if anything is: whoever says that a service is ready knows nothing of it."""
        if self._problems:
            newest = next(reversed(self._problems))
            self._meter.degraded(f"{newest[0]}: {self._problems[newest]}")
        return bool(self._problems)

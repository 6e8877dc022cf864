"""What is wrong with a collector just now, told through its meter."""

from __future__ import annotations

from kernel.meter import Meter


class Health:
    """Problems by the thing that has them. The service is degraded while there is any, and names the newest."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._problems: dict[str, str] = {}

    def bad(self, what: str, text: str) -> None:
        """This thing is not well."""
        self._problems[what] = text
        self._meter.degraded(f"{what}: {text}")

    def good(self, what: str) -> None:
        """This thing is well again, or gone."""
        if self._problems.pop(what, None) is None:
            return
        if self._problems:
            newest = next(reversed(self._problems))
            self._meter.degraded(f"{newest}: {self._problems[newest]}")
        else:
            self._meter.recovered()

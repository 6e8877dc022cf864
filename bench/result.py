"""What a benchmark says: one number with its unit, and what it cost."""

from __future__ import annotations

import os
import platform as machine
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark's answer; the names are those of `mla bench --json`."""

    name: str
    value: float
    unit: str
    lost: int
    setup: str
    cpu_s_per_million: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    rss_mb: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Without what does not apply; figures of `extra` beside the rest."""
        found = {k: v for k, v in asdict(self).items() if v is not None and k != "extra"}
        return {k: _rounded(v) for k, v in {**found, **self.extra}.items()}


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def percentiles(samples_ms: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Median and 99th percentile."""
    return float(np.percentile(samples_ms, 50)), float(np.percentile(samples_ms, 99))


def rss_mb(pids: Sequence[int] = ()) -> float:
    """Resident memory of this process, or of the ones named, megabytes."""
    return sum(psutil.Process(p).memory_info().rss for p in (pids or [os.getpid()])) / 1e6


def per_million(engines: Mapping[str, float], points: int) -> dict[str, float]:
    """CPU seconds per million points of each engine, and of all of them; nothing where engines are embedded."""
    if not engines:
        return {}
    each = {f"{name}_cpu_s_per_million": used / points * 1e6 for name, used in engines.items()}
    return {"engines_cpu_s_per_million": sum(each.values()), **each}


def cores() -> str:
    """The machine, for the setup line."""
    return f"{os.cpu_count()} shared cores, Python {machine.python_version()}"

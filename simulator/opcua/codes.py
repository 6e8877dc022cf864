"""OPC-UA status codes and the platform's quality."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernel.quality import Quality
from kernel.samples import Bytes


def quality_of(status: NDArray[np.uint32]) -> Bytes:
    """The severity in a code's two highest bits (OPC 10000-4, 7.39) as a quality."""
    severity = status >> np.uint32(30)
    return np.where(severity == 0, Quality.GOOD, np.where(severity == 1, Quality.UNCERTAIN, Quality.BAD)).astype(np.uint8)

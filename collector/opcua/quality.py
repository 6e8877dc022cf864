"""OPC-UA status codes to qualities (OPC 10000-4, 7.39: severity in the two highest bits, info bits in the lower half)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernel.quality import Quality
from kernel.samples import Bytes, Codes

OVERFLOW_BITS = 0x0480
"""InfoType DataValue (bits 10 and 11 = 01) with the Overflow bit (7): the server's queue lost older values."""
_INFO_MASK = 0x0C80


def quality_of(status: int) -> Quality:
    """The quality of one status code; the reserved severity 11 counts as bad."""
    return Quality(min((status & 0xFFFFFFFF) >> 30, 2))


def qualities(status: Codes) -> Bytes:
    """The qualities of a column of status codes."""
    found: Bytes = np.minimum(status >> np.uint32(30), np.uint32(2)).astype(np.uint8)
    return found


def overflowed(status: Codes) -> NDArray[np.bool_]:
    """Where the overflow bit is set."""
    found: NDArray[np.bool_] = (status & np.uint32(_INFO_MASK)) == np.uint32(OVERFLOW_BITS)
    return found

"""The quality of a sample. A small enumeration; the protocol's own status code travels beside it."""

from __future__ import annotations

from enum import IntEnum


class Quality(IntEnum):
    """Bad is never encoded as 0, and a bad sample keeps its value where the device gave one."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2

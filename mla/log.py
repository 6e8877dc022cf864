"""The platform's own log on standard error: time, level, where from, what."""

from __future__ import annotations

import logging
import sys


def set_up(level: str) -> None:
    """Configures logging for this process."""
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S", force=True
    )
    logging.Formatter.converter = __import__("time").gmtime
    for chatty in ("asyncua", "uvicorn", "websockets", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.getLogger().level, logging.WARNING))
    # What a server answers reaches the collector as an exception, which says it once, with the source's name and the remedy.
    for repeated in ("asyncua.uaprotocol", "asyncua.client.ua_client"):
        logging.getLogger(repeated).setLevel(logging.CRITICAL + 1)

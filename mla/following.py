"""The configuration in force in this process: the newest published revision, completed by what devices told of themselves."""

from __future__ import annotations

import asyncio

import cdb
from kernel.clock import sleep
from kernel.discovery import complete
from kernel.live_config import LiveConfig
from kernel.steady import steadily
from mla.platform import Platform
from schemas.records import MONITORING_DISCOVERED, Discovery

TOGETHER = 0.3
"""Seconds that discoveries are collected before they are put in force: sources come back together after a start."""


async def follow_config(platform: Platform, *, completed: bool) -> None:
    """Serves until cancelled. Collectors take the configuration as published (completed=False): what is discovered is their own work."""
    if not completed:
        await cdb.follow(platform.config_store, platform.config)
        return
    published, discoveries, told = LiveConfig(platform.config.current), dict[str, Discovery](), asyncio.Event()

    def put_in_force() -> None:
        config = complete(published.current, discoveries)
        if config is not platform.config.current:
            platform.config.replace(config)

    async def follow_published() -> None:
        async for _ in published.changes():
            put_in_force()

    async def listen() -> None:
        async for discovery in platform.bus.tail(MONITORING_DISCOVERED, since=0):
            discoveries[discovery.source] = discovery
            told.set()

    async def apply() -> None:
        while True:
            await told.wait()
            await sleep(platform.clock, TOGETHER)
            told.clear()
            put_in_force()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(cdb.follow(platform.config_store, published))
        tasks.create_task(follow_published())
        tasks.create_task(steadily(listen, platform.clock))
        tasks.create_task(apply())

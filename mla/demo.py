"""The simulated array beside `mla up --demo`: its processes, its scene, and the past of a fresh installation."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from urllib.parse import urlparse

import cdb
from kernel.array import ArrayConfig
from kernel.clock import DAY, SECOND, cpu_seconds, settle
from kernel.errors import BadUsage
from mla.children import Child
from mla.platform import Platform
from mla.settings import Settings
from simulator.faults import DEMO
from simulator.history import history, outages
from simulator.scene import Scene, night_scene

log = logging.getLogger(__name__)
PROCESSES = 1
FIRST_PORT = 4840
SCENE_FILE = "demo.scene"
HISTORY_FILE = "demo.history"
AT_ONCE = 16
"""Batches of history per append: bounds memory, and lets live samples in between."""


def example(port: int) -> dict[str, str]:
    """The example configuration, its servers listening from `port` on."""
    shifted = {str(FIRST_PORT + i): str(port + i) for i in range(1, 11)}
    return {path: re.sub(r"\b48[45]\d\b", lambda m: shifted.get(m[0], m[0]), text) for path, text in cdb.example().items()}


def ports_free(settings: Settings, config: ArrayConfig) -> None:
    """Raises BadUsage where somebody else listens where the simulated array is to: collectors would read that one."""
    for name, source in sorted(config.sources.items()):
        url = urlparse(source.url)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((url.hostname, url.port))
            except OSError as error:
                other = settings.demo_port + 100 if settings.demo_port < 65_000 else FIRST_PORT + 100
                raise BadUsage(
                    f"the simulated array cannot listen on port {url.port} for {name} ({error.strerror}): stop what uses it "
                    f"(another `mla up --demo`, an OPC-UA server?), or take other ports with MLA_DEMO_PORT={other}"
                ) from error


def scene_of(settings: Settings, config: ArrayConfig, now: int) -> Scene:
    """The demo's scene: chosen once, early in a fine night, and kept, so that the same world goes on after a restart."""
    file = settings.data / SCENE_FILE
    if not file.exists():
        scene = night_scene(config.site, now)
        file.write_text(json.dumps({"seed": scene.seed, "shift": scene.shift}))
        return scene
    return read_scene(file)


def under_its_sky(documents: Mapping[str, str], scene: Scene) -> dict[str, str]:
    """The documents with the scene's shift in the site's: the clocks on the screen then agree with the Sun that is simulated."""
    told = f"\\g<0>\\n  sky_shift: {scene.shift}         # seconds: the sky of this demo runs ahead of UTC, so that it is night there"
    return {path: re.sub(r"^  height:.*$", told, text, count=1, flags=re.MULTILINE) for path, text in documents.items()}


def read_scene(file: Path) -> Scene:
    """A scene written before."""
    return Scene(**json.loads(file.read_text()))


def simulators(settings: Settings, count: int = PROCESSES) -> list[Child]:
    """The processes of the simulated array; they serve the sources of the published configuration."""
    scene = str(settings.data / SCENE_FILE)
    shares = [("simulate", "--published", "--scene", scene, "--share", f"{i}/{count}") for i in range(count)]
    return [Child(f"simulator {i + 1}/{count}", share, settings.environment()) for i, share in enumerate(shares)]


async def write_past(platform: Platform) -> None:
    """A day of history, at the first start only; in the background, since the platform serves meanwhile."""
    mark = platform.settings.data / HISTORY_FILE
    if mark.exists():
        return
    archive, config, now, begun = platform.need_archive(), platform.config.current, platform.clock.now(), cpu_seconds()
    scene, start, samples = scene_of(platform.settings, config, now), now - DAY, 0
    batches = history(config, start, now - 5 * SECOND, scene=scene, faults=DEMO)
    while chunk := await asyncio.to_thread(lambda: list(islice(batches, AT_ONCE))):
        samples += (await archive.append(chunk)).stored
        await settle(1)
    await archive.append((), outages(config, start, now - 5 * SECOND, faults=DEMO))
    mark.touch()
    log.info("a day of history was written: %d samples, %.1f s of CPU", samples, cpu_seconds() - begun)

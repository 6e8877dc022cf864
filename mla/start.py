"""What `mla up` does besides running services: a first configuration, log-ins, the simulated array."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cdb
from hmi_backend.service import listen
from mla.children import Child
from mla.demo import example, ports_free, scene_of, simulators, under_its_sky, write_past
from mla.logins import FIRST_FILE, first_logins
from mla.platform import Platform
from mla.settings import Settings


class Start:
    """prepare() is run before the services start, ready() once they serve."""

    def __init__(self, settings: Settings, *, demo: bool, say: Callable[[str], None]) -> None:
        self._settings, self._demo, self._say = settings, demo, say

    async def prepare(self, platform: Platform) -> Sequence[Child]:
        """The first configuration, and the processes to run beside the services. Raises BadUsage first where the HMI
        cannot listen, or the servers of a fresh demo."""
        listen(self._settings.host, self._settings.port).close()
        if not self._demo:
            return []
        snapshot = await platform.config_store.load()
        if snapshot.revision is None:
            documents = example(self._settings.demo_port)
            config = cdb.compile(documents)
            ports_free(self._settings, config)
            scene = scene_of(self._settings, config, platform.clock.now())
            documents = under_its_sky(documents, scene)
            editor = cdb.Editor(platform.config_store, platform.clock)
            await editor.publish(documents, base=0, author="mla", comment="The example: a mini-array of nine telescopes")
            snapshot = await platform.config_store.load()
        scene_of(self._settings, cdb.compile(snapshot.documents), platform.clock.now())
        return simulators(self._settings)

    async def ready(self, platform: Platform) -> None:
        """Says where the HMI is and who may log in; gives a fresh demo a past."""
        config = platform.config.current
        self._say(f"MLA serves {len(config.points)} points of {len(config.sources)} sources (configuration revision {config.revision})")
        self._say_logins()
        if not config.points:
            self._say("no configuration yet: publish one with `mla cdb import FOLDER -m COMMENT`, or try `mla up --demo`")
        self._say(f"HMI: http://{self._settings.http}/")
        if self._demo:
            await write_past(platform)

    def _say_logins(self) -> None:
        """The first passwords: shown by a demo; else only where they are, since what a service says is kept in logs."""
        logins = first_logins(self._settings.data)
        if self._demo:
            for user, password in logins:
                self._say(f"log in as {user} with password {password}")
        elif logins:
            users = ", ".join(user for user, _ in logins)
            self._say(f"log in as {users}: the first passwords are in {self._settings.data / FIRST_FILE}")

"""Puts the built web HMI into the wheel, so that users of the package need no Node.

Building from a checkout builds the HMI when it is not built yet; an editable installation takes what is there (`make build`).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """hmi_web/dist goes to hmi_backend/static; it is built with npm when it is missing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises RuntimeError, naming the remedy, where the HMI is neither built nor can be."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        static, dist = root / "hmi_backend" / "static", root / "hmi_web" / "dist"
        if not (dist / "index.html").is_file():
            if (static / "index.html").is_file():
                return  # an unpacked source distribution brings the HMI along
            self._build(root / "hmi_web")
        shutil.rmtree(static, ignore_errors=True)
        shutil.copytree(dist, static)

    def _build(self, folder: Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "the web HMI is not built and npm is not installed: install Node 20.19 or later, or build from a source distribution"
                " or wheel, which bring the HMI along"
            )
        for command in ([npm, "ci"], [npm, "run", "build"]):
            self.app.display_info(f"hmi_web: {' '.join(command[1:])}")
            subprocess.run(command, cwd=folder, check=True)

"""Programs are obtained once: Java ones through Maven into a cache folder, others from the distribution's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from deploy.engines.engine import Say
from kernel.errors import NotAvailable

DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>mla</groupId><artifactId>engine</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def cache_folder() -> Path:
    """Where downloaded programs are kept: $XDG_CACHE_HOME/mla/engines (freedesktop.org base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mla" / "engines"


def jars(cache: Path, name: str, artefacts: Sequence[str], say: Say) -> Path:
    """The folder with the artefacts (`group:artefact:version`) and everything they depend on; complete or not there at all."""
    folder = cache / name
    if folder.is_dir():
        return folder
    need("java", "openjdk-17-jre-headless", say)
    need("mvn", "maven", say)
    say(f"{name}: fetching {', '.join(artefacts)} with Maven, once")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as work:
        pom = Path(work) / "pom.xml"
        pom.write_text(_POM.format(dependencies="".join(_DEPENDENCY.format(*map(escape, a.split(":"))) for a in artefacts)))
        command = ["mvn", "-q", "-B", "-f", str(pom), DEPENDENCY_PLUGIN, "-DincludeScope=runtime", f"-DoutputDirectory={work}/jars"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            reason = " ".join((done.stdout + done.stderr).split())[-600:]
            raise NotAvailable(
                f"{name}: Maven could not fetch {', '.join(artefacts)}: {reason}; check the network and Maven's settings.xml"
            )
        try:
            (Path(work) / "jars").rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster: its copy is as good
                raise
    return folder


def need(program: str, package: str, say: Say, service: str = "") -> str:
    """The path of a program, installed from its Debian package where we are root and it is missing. Raises NotAvailable with the remedy.

    `service` names what the package starts by itself; it is stopped again, since engines here are started on their own ports.
    """
    found = _which(program)
    if found:
        return found
    remedy = f"install it, for example with: apt-get install {package}"
    if os.geteuid() or not shutil.which("apt-get"):
        raise NotAvailable(f"{program} is not installed: {remedy}")
    say(f"{program}: installing Debian's {package}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL)
    if service and shutil.which("service"):
        subprocess.run(["service", service, "stop"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    found = _which(program)
    if done.returncode or not found:
        raise NotAvailable(f"{program} could not be installed: {' '.join(done.stderr.split())[-400:]}; {remedy}")
    return found


def _which(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")

"""Programs are obtained once: Java ones through Maven into a cache folder, others from the distribution's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from deploy.engines.engine import Say
from kernel.errors import NotAvailable

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
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

    def fetch(work: Path) -> None:
        pom = work / "pom.xml"
        pom.write_text(_POM.format(dependencies="".join(_DEPENDENCY.format(*map(escape, a.split(":"))) for a in artefacts)))
        _maven(
            name,
            ", ".join(artefacts),
            [f"{PLUGIN}:copy-dependencies", "-f", str(pom), "-DincludeScope=runtime", f"-DoutputDirectory={work}/made"],
        )

    return _once(cache, name, ", ".join(artefacts), fetch, say)


def unpacked(cache: Path, name: str, artefact: str, say: Say) -> Path:
    """The folder with the content of an artefact that is a tar archive (`group:artefact:version:type:classifier`); complete or not there
    at all."""

    def fetch(work: Path) -> None:
        _maven(name, artefact, [f"{PLUGIN}:copy", f"-Dartifact={artefact}", f"-DoutputDirectory={work}/packed"])
        [packed] = (work / "packed").iterdir()
        with tarfile.open(packed) as archive:
            archive.extractall(work / "made", filter="data")

    return _once(cache, name, artefact, fetch, say)


def _once(cache: Path, name: str, what: str, fetch: Callable[[Path], None], say: Say) -> Path:
    """The folder of that name in the cache; where it is missing, fetch(work) makes work/made, which becomes it."""
    folder = cache / name
    if folder.is_dir():
        return folder
    need("java", "openjdk-17-jre-headless", say)
    need("mvn", "maven", say)
    say(f"{name}: fetching {what} with Maven, once")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as work:
        fetch(Path(work))
        try:
            (Path(work) / "made").rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster: its copy is as good
                raise
    return folder


def _maven(name: str, what: str, words: Sequence[str]) -> None:
    done = subprocess.run(["mvn", "-q", "-B", *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        reason = " ".join((done.stdout + done.stderr).split())[-600:]
        raise NotAvailable(f"{name}: Maven could not fetch {what}: {reason}; check the network and Maven's settings.xml")


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

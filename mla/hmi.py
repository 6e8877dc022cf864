"""Builds the HMI service from the open ports."""

from __future__ import annotations

from pathlib import Path

import cdb
import hmi_backend
from archive.export import ArchiveExporter
from hmi_backend.service import HmiBackend, HmiPorts
from kernel.meter import Meter
from kernel.service import Service
from mla.api import ADDRESS_FILE
from mla.logins import first_logins, local_token, users_of, write_private
from mla.platform import Platform


def build_hmi(p: Platform, meter: Meter) -> Service:
    """The web HMI and API on the address of the settings; with first log-ins where there are none, and a token for this host's commands."""
    first_logins(p.settings.data)
    local_token(p.settings.data)
    write_private(p.settings.data / ADDRESS_FILE, p.settings.http)
    ports = HmiPorts(
        bus=p.bus,
        hot=p.need_hot(),
        archive=p.need_archive(),
        config_store=p.config_store,
        editor=cdb.Editor(p.config_store, p.clock),
        live=p.config,
        exporter=ArchiveExporter(p.need_archive(), p.config),
        clock=p.clock,
        meter=meter,
        compile_revision=cdb.compile,
    )
    static = Path(hmi_backend.__file__).parent / "static"
    return HmiBackend(
        ports,
        host=p.settings.host,
        port=p.settings.port,
        users=users_of(p.settings.data),
        views=p.settings.data / "views.sqlite",
        static=static if static.is_dir() else None,
        open_metrics=p.settings.metrics_open,
    )

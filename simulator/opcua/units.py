"""Units as OPC-UA clients know them: UN/CEFACT recommendation 20 common codes (OPC 10000-8, 5.6.4.3)."""

from __future__ import annotations

from asyncua import ua

from simulator.opcua.stack import text

NAMESPACE = "http://www.opcfoundation.org/UA/units/un/cefact"
CODES = {
    "°": "DD",
    "arcsec": "D62",
    "arcmin": "D61",
    "°/s": "E96",
    "rad": "C81",
    "A": "AMP",
    "V": "VLT",
    "W": "WTT",
    "kW": "KWT",
    "°C": "CEL",
    "K": "KEL",
    "Hz": "HTZ",
    "kHz": "KHZ",
    "MHz": "MHZ",
    "µm": "4H",
    "mm": "MMT",
    "m": "MTR",
    "%": "P1",
    "s": "SEC",
    "min": "MIN",
    "h": "HUR",
    "ms": "C26",
    "µs": "B98",
    "ns": "C45",
    "km/h": "KMH",
    "m/s": "MTS",
    "mm/h": "H67",
    "hPa": "A97",
    "Pa": "PAL",
    "bar": "BAR",
    "Mbit/s": "E20",
    "µg/m³": "GQ",
    "l/min": "L2",
}


def engineering_unit(unit: str) -> ua.EUInformation:
    """The unit as an EUInformation; UnitId -1 where no common code is known, so that the display name still tells it."""
    code = CODES.get(unit)
    info = ua.EUInformation()
    info.NamespaceUri = NAMESPACE
    info.UnitId = int.from_bytes(code.encode(), "big") if code else -1
    info.DisplayName = text(unit)
    info.Description = text(unit)
    return info

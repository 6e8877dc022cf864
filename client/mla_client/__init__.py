"""Points, series and live values of the MLA monitoring platform.

>>> from mla_client import connect
>>> with connect("http://host:8080", user="operator", password="…") as mla:
...     wind = mla.series("site.weather.wind_speed", "now-1h", buckets=1000)
"""

from mla_client.aclient import AsyncClient, aconnect
from mla_client.align import Frame
from mla_client.client import Client, connect
from mla_client.errors import (
    BadRequest,
    Conflict,
    ConnectionLost,
    Forbidden,
    MlaError,
    NotFound,
    NotLoggedIn,
    ServerFault,
    TooExpensive,
    TooManyRequests,
    Unavailable,
    UnknownPoint,
)
from mla_client.export import Exported
from mla_client.model import Pipeline, Point, Quality, Revision, ServiceStatus
from mla_client.readings import LiveBatch, Readings, Sample
from mla_client.series import Gap, Series
from mla_client.series_set import SeriesSet

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "BadRequest",
    "Client",
    "Conflict",
    "ConnectionLost",
    "Exported",
    "Forbidden",
    "Frame",
    "Gap",
    "LiveBatch",
    "MlaError",
    "NotFound",
    "NotLoggedIn",
    "Pipeline",
    "Point",
    "Quality",
    "Readings",
    "Revision",
    "Sample",
    "Series",
    "SeriesSet",
    "ServerFault",
    "ServiceStatus",
    "TooExpensive",
    "TooManyRequests",
    "Unavailable",
    "UnknownPoint",
    "aconnect",
    "connect",
]

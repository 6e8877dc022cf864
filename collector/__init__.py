"""The collector room: devices to the topic monitoring.points."""

from collector.service import Collector

__all__ = ["Collector"]

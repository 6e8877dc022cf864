"""OPC-UA: sessions, subscriptions, and a decoder that works on columns."""

from collector.opcua.driver import OpcUaDriver
from collector.opcua.security import Pki

__all__ = ["OpcUaDriver", "Pki"]

"""The client is a distribution of its own: it is found in client/, not beside the platform."""

from __future__ import annotations

from tests.support.client import CLIENT as CLIENT

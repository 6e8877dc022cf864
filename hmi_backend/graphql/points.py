"""What the configuration says of a point, as it is sent."""

from __future__ import annotations

from hmi_backend.graphql import types_points as t
from hmi_backend.graphql.scalars import Long
from kernel.array import Limits, PointType


def point_limits(limits: Limits) -> t.PointLimits:
    """Its limits."""
    return t.PointLimits(lolo=limits.lolo, lo=limits.lo, hi=limits.hi, hihi=limits.hihi)


def value_range(k: PointType) -> t.ValueRange | None:
    """The instrument's range."""
    return t.ValueRange(low=k.range[0], high=k.range[1]) if k.range else None


def enum_labels(k: PointType) -> list[t.EnumLabel]:
    """The names of its values."""
    return [t.EnumLabel(value=Long(v), label=label) for v, label in k.labels]

"""Noise that is a function of a key and a time: any process computes the same value of any point at any moment, in any order.

The hash is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Keys = NDArray[np.uint64]
_SHAPE = np.float64(1 / 2**53)


def key_of(text: str, seed: int) -> int:
    """A 64-bit key of a name; equal in every process."""
    raw = text.encode()
    return (zlib.crc32(raw) << 32 | zlib.adler32(raw[::-1], seed & 0xFFFF)) ^ (seed * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)


def keys_of(texts: Iterable[str], seed: int) -> Keys:
    """Keys of several names."""
    return np.array([key_of(t, seed) for t in texts], dtype=np.uint64)


def mix(x: Keys) -> Keys:
    """64 well-mixed bits."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform(key: Keys, step: NDArray[np.int64]) -> Doubles:
    """Uniform in [0, 1) for each key and step (they broadcast)."""
    with np.errstate(over="ignore"):
        bits = mix(key + step.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return (bits >> np.uint64(11)).astype(np.float64) * _SHAPE


def white(key: Keys, t: Doubles) -> Doubles:
    """Roughly normal, mean 0 and standard deviation 1, independent for each 10 ms of t (seconds); t broadcasts against key.

    The sum of the four 16-bit parts of one hash (Irwin-Hall), scaled.
    """
    with np.errstate(over="ignore"):
        bits = mix(key + np.floor(t * 100).astype(np.int64).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    low = np.uint64(0xFFFF)
    total = (bits & low) + (bits >> np.uint64(16) & low) + (bits >> np.uint64(32) & low) + (bits >> np.uint64(48))
    out: Doubles = (total.astype(np.float64) - 131070.0) * (1.0 / 37837.2)
    return out


def smooth(key: Keys, t: Doubles, tau: float) -> Doubles:
    """A wandering value in [-1, 1] that changes over `tau` seconds: cosine-free value noise with a smoothstep between hashes."""
    x = t / tau
    step = np.floor(x)
    f = x - step
    i = step.astype(np.int64)
    a, b = uniform(key, i), uniform(key, i + 1)
    return (a + (b - a) * (f * f * (3 - 2 * f))) * 2 - 1

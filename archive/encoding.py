"""Columns of numbers and texts to few bytes and back, lossless to the last bit.

The first byte of an encoded column names its codec, so that codecs can be added and old files stay readable:
constant (one value), pcodec (numerical compression with automatic modes, the default), zstd over byte planes of differences (works where
pcodec cannot be installed), and a dictionary of texts with a column of codes. A column of zeros takes no byte at all.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from kernel.samples import Objects

try:
    from pcodec import ChunkConfig
    from pcodec.standalone import simple_compress, simple_decompress

    # Level 4 costs half of the default level 8 and gives up one percent of size (measured on the mix of the bench).
    _CONFIG: Any = ChunkConfig(compression_level=4)
except ImportError:  # pragma: no cover - platforms without the native package read and write the zstd form
    _CONFIG = None

CONSTANT, PCODEC, ZSTD, TEXTS = 1, 2, 3, 4
DEFAULT = ZSTD if _CONFIG is None else PCODEC
_U32 = struct.Struct("<I")


def pack(column: NDArray[Any], codec: int = DEFAULT) -> bytes:
    """A column of int64, float64, uint32 or uint8."""
    if len(column) == 0:
        return b""
    bits = column.view(np.int64) if column.dtype.kind == "f" else column  # by bits: -0.0 and every NaN stay what they are
    first = bits[0]
    if bits[-1] == first and bool((bits == first).all()):
        return b"" if first == 0 else bytes((CONSTANT,)) + column[:1].tobytes()
    if codec == PCODEC:
        wide = column.astype(np.uint16) if column.dtype == np.uint8 else np.ascontiguousarray(column)
        return bytes((PCODEC,)) + bytes(simple_compress(wide, _CONFIG))
    return bytes((ZSTD,)) + _planes(bits)


def unpack(data: bytes, n: int, dtype: Any) -> NDArray[Any]:
    """The column of n values that pack wrote. Raises ValueError on bytes that are none."""
    if not data:
        return np.zeros(n, dtype)
    codec = data[0]
    if codec == CONSTANT:
        return np.full(n, np.frombuffer(data, dtype, 1, 1)[0])
    if codec == PCODEC:
        found: Any = simple_decompress(data[1:])
        column: NDArray[Any] = found.astype(dtype, copy=False)
    elif codec == ZSTD:
        column = _from_planes(data[1:], n, dtype)
    else:
        raise ValueError(f"codec {codec} is not known: written by a newer version?")
    if len(column) != n:
        raise ValueError(f"{n} values expected, {len(column)} found")
    return column


def _planes(bits: NDArray[Any]) -> bytes:
    """Differences, byte planes apart (all lowest bytes, then the next ...), zstd."""
    wide = bits.astype(np.int64)
    steps = np.diff(wide, prepend=wide.dtype.type(0))
    return zstandard.ZstdCompressor(level=3).compress(np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 8).T).tobytes())


def _from_planes(data: bytes, n: int, dtype: Any) -> NDArray[Any]:
    raw = zstandard.ZstdDecompressor().decompress(data, max_output_size=8 * n)
    planes = np.frombuffer(raw, np.uint8).reshape(8, -1)
    wide = np.cumsum(np.ascontiguousarray(planes.T).view(np.int64).ravel(), dtype=np.int64)
    return wide.view(np.float64) if np.dtype(dtype).kind == "f" else wide.astype(dtype)


def pack_texts(column: NDArray[Any]) -> bytes:
    """A column of texts: each different one once, and which one where."""
    known: dict[str, int] = {}
    codes = np.array([known.setdefault(text, len(known)) for text in column], dtype=np.uint32)
    raw = b"".join(_U32.pack(len(b)) + b for b in (text.encode("utf-8", "surrogatepass") for text in known))
    words = zstandard.ZstdCompressor(level=3).compress(raw)
    return bytes((TEXTS,)) + _U32.pack(len(known)) + _U32.pack(len(words)) + words + pack(codes)


def unpack_texts(data: bytes, n: int) -> Objects:
    """The column of n texts that pack_texts wrote."""
    if not data or data[0] != TEXTS:
        raise ValueError("not a column of texts")
    count, size = _U32.unpack_from(data, 1)[0], _U32.unpack_from(data, 5)[0]
    raw = zstandard.ZstdDecompressor().decompress(data[9 : 9 + size])
    words = np.empty(count, dtype=object)
    at = 0
    for i in range(count):
        length = _U32.unpack_from(raw, at)[0]
        words[i] = raw[at + 4 : at + 4 + length].decode("utf-8", "surrogatepass")
        at += 4 + length
    texts: Objects = words[unpack(data[9 + size :], n, np.uint32)]
    return texts

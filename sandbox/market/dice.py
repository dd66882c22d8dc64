"""Random numbers that depend on nothing but (seed, object, hour, stream): no generator carries state from draw to draw.

A key per object is hashed with the hour and the stream by splitmix64's finaliser, so that a figure never depends on
which other objects exist, nor on how far one call advances. Only integer arithmetic and exp are used.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_M1: Final = np.uint64(0xBF58476D1CE4E5B9)
_M2: Final = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_S16, _S32, _S48 = np.uint64(16), np.uint64(32), np.uint64(48)
_LOW16: Final = np.uint64(0xFFFF)
_UNIT: Final = 2.0**-53
_IRWIN_HALL_SCALE: Final = (12 / 8) ** 0.5 / 65_536
_IRWIN_HALL_MEAN: Final = 8 * 65_535 / 2
_SMALL_MEAN: Final = 14.0  # above it a rounded normal is within a percent of the Poisson


def _mix(values: Keys) -> Keys:
    values = (values ^ (values >> _S30)) * _M1
    values = (values ^ (values >> _S27)) * _M2
    return values ^ (values >> _S31)


def _mix_one(value: int) -> int:
    value &= _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def object_key(seed: int, *parts: int) -> int:
    """Return the stable 64-bit key of an object."""
    key = _mix_one(seed * _GOLDEN + 1)
    for part in parts:
        key = _mix_one(key + part * _GOLDEN + 0x51_7C_C1B7)
    return key


@lru_cache(maxsize=16_384)
def _salt(slot: int, stream: int) -> np.uint64:
    return np.uint64(_mix_one(slot * _GOLDEN + stream * 0xD1B54A32D192ED03 + 7))


def _bits(keys: Keys, slot: int, stream: int) -> Keys:
    return _mix(keys ^ _salt(slot, stream))


def uniforms(keys: Keys, slot: int, stream: int) -> Floats:
    """Return one uniform in (0, 1) per key; `slot` is an hour or a day index."""
    return ((_bits(keys, slot, stream) >> _S11).astype(np.float64) + 0.5) * _UNIT


def nth_keys(keys: Keys, ordinals: Ints) -> Keys:
    """Return keys for the n-th event of each object."""
    return _mix(keys ^ (ordinals.astype(np.uint64) * np.uint64(_GOLDEN)))


def normals(keys: Keys, slot: int, stream: int) -> Floats:
    """Return near-normal numbers (the sum of eight 16-bit uniforms: mean 0, deviation 1, never beyond 4.9)."""
    first, second = _bits(keys, slot, stream), _bits(keys, slot, stream + 1_000)
    total = np.zeros(len(keys))
    for word in (first, second):
        for part in (word, word >> _S16, word >> _S32, word >> _S48):
            total += (part & _LOW16).astype(np.float64)
    return (total - _IRWIN_HALL_MEAN) * _IRWIN_HALL_SCALE


def normals_each(keys: Keys, slot: int, streams: range) -> Floats:
    """Return (keys, streams) numbers, stream by stream the same as `normals` gives."""
    total = np.zeros((len(keys), len(streams)))
    for offset in (0, 1_000):
        salts = np.array([_salt(slot, stream + offset) for stream in streams], dtype=np.uint64)
        word = _mix(keys[:, None] ^ salts)
        for part in (word, word >> _S16, word >> _S32, word >> _S48):
            total += (part & _LOW16).astype(np.float64)
    return (total - _IRWIN_HALL_MEAN) * _IRWIN_HALL_SCALE


def poisson(means: Floats, keys: Keys, slot: int, stream: int) -> Ints:
    """Return Poisson counts by inversion for small means, by a rounded normal for large ones."""
    counts = np.zeros(len(means), dtype=np.int64)
    large = np.nonzero(means > _SMALL_MEAN)[0]
    if len(large):
        mean = means[large]
        drawn = np.floor(mean + np.sqrt(mean) * normals(keys[large], slot, stream) + 0.5)
        counts[large] = np.maximum(drawn, 0).astype(np.int64)
    small = np.nonzero((means > 0) & (means <= _SMALL_MEAN))[0]
    if len(small):
        counts[small] = _invert_poisson(means[small], uniforms(keys[small], slot, stream))
    return counts


def _invert_poisson(means: Floats, u: Floats) -> Ints:
    counts = np.zeros(len(means), dtype=np.int64)
    term = np.exp(-means)
    cumulative = term.copy()
    open_ = np.nonzero(u > cumulative)[0]
    for k in range(1, 80):
        if not len(open_):
            break
        counts[open_] = k
        term[open_] *= means[open_] / k
        cumulative[open_] += term[open_]
        open_ = open_[u[open_] > cumulative[open_]]
    return counts

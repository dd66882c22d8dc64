"""What people do beside clicking and buying: landing pages seen, reactions, videos watched. Keyed shares, all assumed.

Drawn per ad and local day from the day's own figures, so that days, objects and levels add up. Each figure is a part of
another (`under`) and never more than it, in a day and in every cell of a breakdown.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sandbox.market.dice import Floats, Ints, Keys, normals, uniforms
from sandbox.market.split import share_under

_I, _C, _L, _P, _V = 0, 1, 2, 4, 5
# name -> (what it is a part of, the mean share of that, whether only ads with a video have it).
ENGAGEMENT: Final[dict[str, tuple[str, float, bool]]] = {
    "landing": ("inline_link_clicks", 0.82, False),
    "reaction": ("clicks", 0.11, False),
    "play": ("impressions", 0.88, True),
    "sec2": ("play", 0.52, True),
    "video_view": ("sec2", 0.72, True),
    "sec15": ("video_view", 0.42, True),
    "thruplay": ("sec15", 0.90, True),
    "sec30": ("thruplay", 0.45, True),
    "p25": ("play", 0.46, True),
    "p50": ("p25", 0.55, True),
    "p75": ("p50", 0.62, True),
    "p95": ("p75", 0.66, True),
    "p100": ("p95", 0.85, True),
}
# Purchases by attribution window, as told by `Purchases.by_window`: counts, then their values.
WINDOWS: Final[dict[str, str]] = {
    "n:7d_click": "purchases", "n:1d_click": "n:7d_click", "n:28d_late": "purchases", "n:1d_ev": "purchases",
    "n:incrementality": "purchases",
    "v:7d_click": "value", "v:1d_click": "v:7d_click", "v:28d_late": "value", "v:1d_ev": "value",
    "v:incrementality": "value",
}  # fmt: skip
UNDER: Final[dict[str, str]] = {**{name: row[0] for name, row in ENGAGEMENT.items()}, **WINDOWS}
_BASE: Final = {"impressions": _I, "clicks": _C, "inline_link_clicks": _L, "purchases": _P, "value": _V}
_SPREAD: Final = 0.08
_S_SHARE, _S_PART, _S_CELLS = 81_000, 82_000, 83_000


def engagement_shares(keys: Keys, has_video: NDArray[np.bool_]) -> Floats:
    """Return (len(ENGAGEMENT), n) shares of some ads, the same on every day."""
    rows = []
    for stream, (_, mean, needs_video) in enumerate(ENGAGEMENT.values()):
        share = np.clip(mean * np.exp(_SPREAD * normals(keys, 0, _S_SHARE + stream)), 0.0, 0.98)
        rows.append(np.where(has_video, share, 0.0) if needs_video else share)
    return np.stack(rows)


def engagement_of_day(figures: Ints, keys: Keys, day: int, shares: Floats) -> Ints:
    """Return the (len(ENGAGEMENT), n) engagement of a day from its (6, n) figures."""
    found: dict[str, Ints] = {}
    for stream, (name, (under, _, _)) in enumerate(ENGAGEMENT.items()):
        whole, share = found[under] if under in found else figures[_BASE[under]], shares[stream]
        if not share.any():
            found[name] = np.zeros_like(whole)
            continue
        luck = np.where(share > 0, uniforms(keys, day, _S_PART + stream), 0.0)
        found[name] = np.minimum(np.floor(whole * share + luck).astype(np.int64), whole)
    return np.stack(list(found.values()))


def split_more(names: Sequence[str], more: Ints, parts: Ints, keys: Keys, day: int) -> Ints:
    """Split (k, n) named parts of a day over cells, shape (k, n, cells), each within what it is a part of.

    `parts` are the day's six figures over the same cells, shape (6, n, cells).
    """
    found: dict[str, Ints] = {}
    for stream, (name, total) in enumerate(zip(names, more, strict=True)):
        under = UNDER[name]
        cap = found[under] if under in found else parts[_BASE[under]]
        count = found.get(f"n:{name[2:]}") if name.startswith("v:") else None
        weight: Floats = (cap if count is None else cap * np.minimum(count, 1)).astype(np.float64)
        found[name] = share_under(total, weight, cap, uniforms(keys, day, _S_CELLS + stream))
    return np.stack(list(found.values()))

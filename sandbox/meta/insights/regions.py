"""The regions of countries, for the breakdown by region: a few of each with plausible shares. All assumed."""

from typing import Final

import numpy as np

from sandbox.market.dice import Ints, Keys, normals, nth_keys
from sandbox.market.split import Tilts, split_day

_REGIONS: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "ES": (
        ("Andalucía", 0.19), ("Cataluña", 0.17), ("Comunidad de Madrid", 0.16), ("Comunidad Valenciana", 0.12),
        ("Galicia", 0.07), ("País Vasco", 0.06), ("Castilla y León", 0.06), ("Unknown", 0.17),
    ),
    "PT": (("Lisbon", 0.34), ("Porto District", 0.22), ("Braga", 0.10), ("Unknown", 0.34)),
    "FR": (("Île-de-France", 0.24), ("Provence-Alpes-Côte d'Azur", 0.10), ("Occitanie", 0.09), ("Unknown", 0.57)),
    "IT": (("Lombardia", 0.20), ("Lazio", 0.12), ("Campania", 0.11), ("Sicilia", 0.09), ("Unknown", 0.48)),
    "DE": (("Nordrhein-Westfalen", 0.22), ("Bayern", 0.16), ("Baden-Württemberg", 0.13), ("Unknown", 0.49)),
    "GB": (("England", 0.84), ("Scotland", 0.09), ("Wales", 0.05), ("Northern Ireland", 0.02)),
    "MX": (("Estado de México", 0.14), ("Ciudad de México", 0.11), ("Jalisco", 0.08), ("Unknown", 0.67)),
    "US": (("California", 0.13), ("Texas", 0.10), ("Florida", 0.08), ("New York", 0.07), ("Unknown", 0.62)),
}  # fmt: skip
_ELSEWHERE: Final = (("Unknown", 1.0),)
_SPREAD: Final = 0.25
_S_REGION: Final = 66_000


def region_labels(countries: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the regions of some countries, in the countries' order; a name may come twice."""
    return tuple(name for country in countries for name, _ in _REGIONS.get(country, _ELSEWHERE))


def split_regions(parts: Ints, countries: tuple[str, ...], keys: Keys, day: int) -> Ints:
    """Split the (6, n, countries) parts of a day over each country's regions: its regions sum up to it."""
    found = []
    for n, country in enumerate(countries):
        own = nth_keys(keys, np.full(len(keys), n + 1))
        rows = _REGIONS.get(country, _ELSEWHERE)
        drawn = [s * np.exp(_SPREAD * normals(own, 0, _S_REGION + k)) for k, (_, s) in enumerate(rows)]
        share = np.stack(drawn, axis=1)
        even = np.ones_like(share)
        tilts = Tilts(share=share / share.sum(axis=1, keepdims=True), ctr=even, cvr=even, cpm=even)
        found.append(split_day(parts[:, :, n], own, day, tilts))
    return np.concatenate(found, axis=2)

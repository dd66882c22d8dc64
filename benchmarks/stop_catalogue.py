"""As if every planned pair were built: the catalogue of the stop's measurement. Import it before anything that derives.

Half a hundred queues exist once all modules do; what a stop costs then is to be known before.
"""

from domain import catalogue
from domain.catalogue import PAIRS, Rhythm

catalogue.RHYTHMS = tuple(
    Rhythm(pair=pair, cycle=cycle) for pair in PAIRS for cycle in pair.module.cycles if cycle.per_account
)

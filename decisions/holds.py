"""What rules leave alone, since people steer it by other means than a daily budget: counted, so that a run says so."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from domain.snapshot import Hold, Snapshot

WORDS: Mapping[Hold, str] = MappingProxyType(
    {
        Hold.LIFETIME_BUDGET: "lifetime budget",
        Hold.BID_LIMIT: "bid cap, cost cap or minimum ROAS",
        Hold.SPEND_CAP: "spend cap of the campaign",
        Hold.CAMPAIGN_BUDGET: "campaign budget: rules act on the campaign",
    }
)


def left_alone(snapshot: Snapshot) -> dict[str, int]:
    """How many active ad sets keep their budgets whatever the rules think, by reason; empty reasons are left out."""
    frame = snapshot.ad_sets
    counts = np.bincount(frame.hold[frame.is_active], minlength=len(Hold))
    return {words: count for hold, words in WORDS.items() if (count := int(counts[hold]))}


def examples(snapshot: Snapshot, most: int) -> dict[str, list[str]]:
    """Ids of such ad sets, at most so many of each reason."""
    frame = snapshot.ad_sets
    found = {words: frame.id[frame.is_active & (frame.hold == hold)][:most].tolist() for hold, words in WORDS.items()}
    return {words: ids for words, ids in found.items() if ids}

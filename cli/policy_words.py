"""What each threshold of a policy means, with its unit: the words beside the figures of `stakazo policy show`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MEANINGS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "matured": {
            "window_days": "days of the sums that are shown beside a decision",
            "spike_hours": "hours that count as just now",
            "roas_high": "read by no rule of this policy; under classic, budgets grow above it",
            "roas_low": "ROAS to reach where no margin or goal is set",
            "history_days": "days back that count at all",
            "half_life_days": "a day so many days old counts half",
            "step": "largest change of a daily budget in one edit, as a share of it",
            "min_change": "a smaller change of a budget is not made, as a share of it",
            "min_gain_noise": "an edit's expected gain is at least so many times its own standard deviation",
            "pause_certainty": "probability of a loss from which an object is paused",
            "pause_min_maturity": "share of an object's purchases that must have arrived before it is paused",
            "ab_alpha": "chance of a false claim in a test, however often one looks",
            "ab_loss": "a pick may lose so much of the rate, as expected",
            "ab_equal_within": "a lift smaller than this share is no difference worth having",
            "ab_max_days": "days after which a test ends undecided",
            "spike_fdr": "share of false ones borne among the anomalies told",
            "fatigue_ratio": "an ad is fatigued under this share of its own first week's click rate",
            "fatigue_false_alarms": "false alarms borne per ad and month",
        },
        "classic": {
            "window_days": "days of the ROAS",
            "roas_high": "ROAS above which a budget grows",
            "roas_low": "ROAS under which it shrinks; under half of it the ad set is paused",
            "goal_high_factor": "times the goal ROAS, in place of roas_high",
            "goal_low_factor": "times the goal ROAS, in place of roas_low",
            "step": "share of the daily budget by which it changes",
            "min_spend_floors": "spend from which a ROAS counts, in minimum daily budgets of the account",
            "ab_min_hours": "hours that every arm of a test is older than",
            "ab_min_impressions": "impressions that every arm has more of",
            "spike_hours": "hours that are compared with the usual ones",
            "spike_ratio": "times the usual from which it is a spike",
            "spike_step_up": "share of the budget added in a good spike",
            "spike_step_down": "share of the budget taken in a bad one",
            "spike_min_roas": "ROAS that a good spike needs",
            "spike_min_usual_clicks": "usual clicks under which nothing is a spike",
            "spike_usual_spend_share": "share of the usual spend from which we pay as usual",
            "spike_min_spend_floors": "least spend of a spike, in minimum daily budgets of the account",
            "fatigue_drop": "share that the click rate fell by, from which an ad is fatigued",
            "fatigue_min_impressions": "impressions in both windows under which nothing is said",
        },
    }
)

"""A scenario's laws and people: the market block, the season, who edits by hand, and accounts drawn from a seed."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sandbox.market.rules import Rules, Season
from sandbox.scenario_row import Row, number, told

Factor = Annotated[float, Field(gt=0, le=10)]
Year = tuple[Factor, Factor, Factor, Factor, Factor, Factor, Factor, Factor, Factor, Factor, Factor, Factor]
_EVEN = (1.0,) * 12


class SeasonSpec(Row):
    """Factors per calendar month, January first; without this block every month is the same."""

    cpm: Year = number(
        "On the price of a thousand impressions.", default=_EVEN,
        source="e-commerce Jan 18.04, Sep 17.10, Nov 26.3, Dec 29.79 over mean 20.26 $ (facts/domain.md §2b [B1])",
    )  # fmt: skip
    ctr: Year = number("On link clicks per impression.", default=_EVEN)
    cvr: Year = number("On purchases per link click.", default=_EVEN)


class MarketSpec(Row):
    """How the platform paces and learns, the same for all accounts of the world."""

    learning_events: int = number(
        "Optimisation events since the last significant edit that end learning.", default=50, gt=0,
        source="about 50 (facts/domain.md §2a [LP2][SM3], firm)",
    )  # fmt: skip
    learning_days: int = number(
        "Days within which they must come, else the ad set stays limited.", default=7, gt=0, le=60,
        source="7 days (facts/domain.md §2a [LP2], firm)",
    )  # fmt: skip
    learning_efficiency: float = number("On purchases per click while an ad set learns.", default=0.8, gt=0, le=1)
    significant_budget_change: float = number(
        "Relative budget change above which learning restarts.", default=0.2, ge=0,
        source="20 %, a convention (facts/domain.md §2a [LP1]); no document of the platform gives it",
    )  # fmt: skip
    significant_pause_days: float = number(
        "Days of rest after which learning restarts.", default=7, ge=0,
        source="pause >= 7 days (facts/domain.md §2a [LP2], firm)",
    )  # fmt: skip
    day_overspend: float = number(
        "Most that a day may spend, in daily budgets; a Sunday-Saturday week spends at most 7.", default=1.75, ge=1,
        source="1.75 a day, 7 a week (facts/domain.md §2a [BU1][BU2])",
    )  # fmt: skip
    demand_spread: float = number(
        "How much a day's demand differs from the next: deviation of its logarithm.", default=0.18, ge=0, le=2
    )
    order_value_spread: float = number(
        "How much orders differ: deviation of the logarithm of their value.", default=0.35, ge=0, le=2
    )

    review_minutes: float = number(
        "Minutes for which a new ad, or one whose creative or targeting changed, is in review; 0 = none.", default=0,
        ge=0, le=10_080, source="assumed; the platform says most reviews end within 24 hours",
    )  # fmt: skip
    disapproved_share: float = number(
        "Share of reviews that end in a disapproval, by the ad's id.", default=0.0, ge=0, le=1, source="assumed"
    )

    def rules(self, season: SeasonSpec | None) -> Rules:
        """Return the laws as the market takes them."""
        found = season or SeasonSpec()
        return Rules(
            events=self.learning_events,
            window_days=self.learning_days,
            efficiency=self.learning_efficiency,
            budget_step=self.significant_budget_change,
            pause_days=self.significant_pause_days,
            day_most=self.day_overspend,
            demand_spread=self.demand_spread,
            order_spread=self.order_value_spread,
            season=Season(cpm=found.cpm, ctr=found.ctr, cvr=found.cvr),
        )


class HandEditSpec(Row):
    """One edit that a person makes at a set time."""

    hours_after_start: float = number("When.", gt=0)
    object: str = told("Name or id of a campaign, ad set or ad.")
    status: Literal["ACTIVE", "PAUSED"] | None = told("The new status.", default=None)
    daily_budget_minor: int | None = number("The new daily budget.", default=None, gt=0)
    budget_factor: float | None = number("The new daily budget, as a factor on the one then.", default=None, gt=0)
    name: str | None = told("The new name.", default=None)
    targeting: dict[str, Any] | None = told("The new targeting, whole.", default=None)

    @model_validator(mode="after")
    def _says_what_changes(self) -> Self:
        fields = ("status", "daily_budget_minor", "budget_factor", "name", "targeting")
        if all(getattr(self, field) is None for field in fields):
            message = f"the edit of {self.object!r} changes nothing; give one of {', '.join(fields)}"
            raise ValueError(message)
        return self


class PersonSpec(Row):
    """Someone who edits the account by hand, by a script, by a rate, or both; seen in the activities."""

    name: str = told("Who, as the activities show it.", min_length=1)
    edits: tuple[HandEditSpec, ...] = told("The script.", default=())
    edits_per_day: float = number("Edits on a weekday beside the script, on average.", default=0.0, ge=0, le=50)
    kinds: tuple[Literal["budget", "pause", "resume"], ...] = told(
        "What such edits do: change an ad set's budget, pause or resume an ad.", default=("budget", "pause", "resume"),
        min_length=1,
    )  # fmt: skip
    budget_step: float = number(
        "How far such an edit moves a budget, relatively.", default=0.15, gt=0, lt=1,
        source="assumed; 20 % is the convention not to pass (facts/domain.md §2a [LP1])",
    )  # fmt: skip
    from_hour: int = number("Hour of the account's day from which this person works.", default=9, ge=0, le=23)
    to_hour: int = number("Hour up to which.", default=18, ge=1, le=24)

    @model_validator(mode="after")
    def _works_some_hours(self) -> Self:
        if self.to_hour <= self.from_hour:
            message = f"{self.name!r} works from {self.from_hour} h to {self.to_hour} h: that is no time"
            raise ValueError(message)
        return self


Range = tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]


class GenerateSpec(Row):
    """Objects drawn from the seed instead of being written down; they follow the account's own campaigns."""

    ads: int = number("How many ads.", gt=0, le=1_000_000)
    ads_per_ad_set: int = number("Ads in an ad set.", default=5, gt=0)
    ad_sets_per_campaign: int = number("Ad sets in a campaign.", default=4, gt=0)
    price_factor: float = number(
        "On every amount below: what a US cent is worth in the account's minor units.", default=1.0, gt=0
    )
    daily_budget_minor: Range = number("From and to, in steps of 100.", default=(2_000, 10_000))
    audience_size: Range = number("From and to.", default=(50_000, 950_000))
    cpm_minor: Range = number(
        "From and to.", default=(800, 2_000), source="7-22 $ by region (facts/domain.md §2b [B2], vendor ranges)"
    )
    order_value_minor: Range = number(
        "From and to.", default=(3_000, 9_000), source="assumed; 35-140 $ implied by CPA x ROAS (facts/domain.md §2b)"
    )
    ctr: float = number(
        "Typical link CTR.", default=0.012, gt=0, lt=0.1, source="1.1-1.5 % median (facts/domain.md §2b [B7][B3])"
    )
    cvr: float = number(
        "Typical CVR.", default=0.028, gt=0, lt=0.2, source="2.8-3.5 % healthy (facts/domain.md §2b [B7])"
    )

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name in ("daily_budget_minor", "audience_size", "cpm_minor", "order_value_minor"):
            low, high = getattr(self, name)
            if high <= low:
                message = f"{name}: {high} is not above {low}"
                raise ValueError(message)
        return self

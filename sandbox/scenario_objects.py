"""The objects of an account in a scenario: campaigns, ad sets, ads, incidents and reported days."""

from datetime import date
from typing import Any, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from sandbox.scenario_row import Row, number, told

Status = Literal["ACTIVE", "PAUSED"]
_ID = r"^[0-9]{1,20}$"
_AGE = "Days before the start at which it was made; absent: with the account."
_LABELS = "Labels, as the platform's adlabels."


class AdSpec(Row):
    """An ad with its own creative, and the truth about how people respond to it."""

    name: str = told("The name.")
    ctr: float = number(
        "Inline link clicks per impression, of a person who sees the ad for the first time.",
        source="1.1-1.5 % median, 0.9-2.4 % by trade (facts/domain.md §2b [B7][B3])", gt=0, lt=0.5,
    )  # fmt: skip
    cvr: float = number(
        "Purchases per link click, fresh.", source="2.8-3.5 % healthy, mean 1.5 % (facts/domain.md §2b [B7][B9])",
        ge=0, lt=0.9,
    )  # fmt: skip
    order_value_minor: int = number(
        "Mean value of an order, minor units.", source="assumed; 35-140 $ implied by CPA x ROAS (facts/domain.md §2b)",
        gt=0,
    )  # fmt: skip
    fatigue: float = number(
        "Scales the exponent of (N+1)^-0.43, N being exposures per person of the audience.",
        source="exponent from facts/domain.md §2b [F1], the scale is assumed", default=1.0, ge=0,
    )  # fmt: skip
    key: str | None = told("By which history rows name the ad.", default=None)
    id: str | None = told("The platform's id; absent: minted.", default=None, pattern=_ID)
    status: Status = told("ACTIVE or PAUSED.", default="ACTIVE")
    labels: tuple[str, ...] = told(_LABELS, default=())
    title: str = told("The creative's headline.", default="")
    body: str = told("The creative's text.", default="")
    link: str = told("Where a click leads.", default="https://shop.example/")
    created_days_ago: float | None = number(_AGE, default=None, ge=0)
    created_at: AwareDatetime | None = told("The instant at which it was made, instead of the above.", default=None)


class AdSetSpec(Row):
    """An audience and its price; `daily_budget_minor` is absent exactly under a campaign budget."""

    name: str = told("The name.")
    ads: tuple[AdSpec, ...] = told("Its ads.", default=())
    daily_budget_minor: int | None = number("Its budget for a day, minor units.", default=None, gt=0)
    audience_size: int = number("How many people it can reach.", default=400_000, gt=0)
    cpm_minor: int = number(
        "Price of a thousand impressions at small spend, minor units.",
        source="EU 12-18, US 14-22, LATAM 7-10 $ (facts/domain.md §2b [B2], vendor ranges)", default=1_200, gt=0,
    )  # fmt: skip
    saturation_daily_minor: int = number(
        "Daily spend at which that price has risen by 27 % (the concave response).", default=20_000, gt=0
    )
    audience: str | None = told(
        "Name of its people: ad sets of one name compete, each pays for the pace of all of them (assumed).",
        default=None,
    )  # fmt: skip
    ctr_factor: float = number("On the CTR of its ads.", default=1.0, gt=0)
    cvr_factor: float = number("On the CVR of its ads.", default=1.0, gt=0)
    delivery: Literal["appeal", "even"] = told("How its ads share the budget: by appeal, or evenly.", default="appeal")
    id: str | None = told("The platform's id; absent: minted.", default=None, pattern=_ID)
    status: Status = told("ACTIVE or PAUSED.", default="ACTIVE")
    labels: tuple[str, ...] = told(_LABELS, default=())
    targeting: dict[str, Any] = Field(
        default_factory=dict, description="As the platform writes it; breakdowns keep to it."
    )
    optimization_goal: str = told("As the platform names it.", default="OFFSITE_CONVERSIONS")
    created_days_ago: float | None = number(_AGE, default=None, ge=0)
    created_at: AwareDatetime | None = told("The instant at which it was made, instead of the above.", default=None)


class CampaignSpec(Row):
    """A campaign; with `daily_budget_minor` it carries the budget of its ad sets (CBO)."""

    name: str = told("The name.")
    ad_sets: tuple[AdSetSpec, ...] = told("Its ad sets.", default=())
    objective: str = told("As the platform names it.", default="OUTCOME_SALES")
    daily_budget_minor: int | None = number("Set: a campaign budget for a day, minor units.", default=None, gt=0)
    id: str | None = told("The platform's id; absent: minted.", default=None, pattern=_ID)
    status: Status = told("ACTIVE or PAUSED.", default="ACTIVE")
    labels: tuple[str, ...] = told(_LABELS, default=())
    created_days_ago: float | None = number(_AGE, default=None, ge=0)
    created_at: AwareDatetime | None = told("The instant at which it was made, instead of the above.", default=None)

    @model_validator(mode="after")
    def _one_level_carries_the_budget(self) -> Self:
        for ad_set in self.ad_sets:
            if (ad_set.daily_budget_minor is None) == (self.daily_budget_minor is None):
                message = (
                    f"campaign {self.name!r}, ad set {ad_set.name!r}: exactly one of the two carries a daily budget"
                )
                raise ValueError(message)
        return self


class IncidentSpec(Row):
    """Hours in which the market did something unusual to a part of the account."""

    scope: str | None = told("Name of a campaign, ad set or ad; absent: all.", default=None)
    starts_hours_ago: float = number("Hours before the start; negative: after it.")
    hours: float = number("How long.", gt=0)
    cpm_factor: float = number(
        "On the price.", source="holiday month +52 to +82 % (facts/domain.md §2b [B12])", default=1.0, gt=0
    )
    ctr_factor: float = number("On the CTR.", default=1.0, gt=0)
    cvr_factor: float = number("On the CVR.", default=1.0, gt=0)


class HistoryRow(Row):
    """One ad on one day (by the account's zone), as a report told it; served verbatim."""

    ad: str = told("The key of an ad.")
    day: date = told("The day.")
    impressions: int = number("As reported.", source="the report", ge=0)
    clicks: int = number("As reported, all clicks.", source="the report", ge=0)
    link_clicks: int = number("As reported.", source="the report", ge=0)
    spend_minor: int = number("As reported.", source="the report", ge=0)
    purchases: int = number("As reported.", source="the report", default=0, ge=0)
    value_minor: int = number("As reported.", source="the report", default=0, ge=0)

"""A scenario's faults: the very script that the admin address takes, in force from the start."""

import re
from collections.abc import Sequence
from typing import Literal, Self, get_args

import msgspec
from pydantic import field_validator, model_validator

from sandbox.faults import Fault, Kind
from sandbox.scenario_row import Row, number, told

_KINDS = get_args(Kind)


class MatchSpec(Row):
    """Which calls a fault is about: every given part must fit."""

    method: Literal["GET", "POST", "DELETE"] | None = told("The method.", default=None)
    path: str | None = told("A regular expression searched in the unversioned path.", default=None)
    kind: str | None = told("campaign, adset, ad, adcreative, account, insights, activities, batch, …", default=None)

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            message = f"{value!r} is no regular expression: {error}"
            raise ValueError(message) from error
        return value


class EditSpec(Row):
    """What the person of a `human_edit` changes; nothing given: the budget by a tenth, or the switch."""

    status: Literal["ACTIVE", "PAUSED", "ARCHIVED"] | None = told("The new status.", default=None)
    daily_budget_minor: int | None = number("The new daily budget.", default=None, gt=0)
    budget_factor: float | None = number("The new daily budget, as a factor on the one then.", default=None, gt=0)
    name: str | None = told("The new name.", default=None)
    actor: str = told("Who, as the activities show it.", default="A person", min_length=1)


class FaultSpec(Row):
    """A way in which calls go wrong; `stakazo sandbox faults` takes the same keys and puts another script in place."""

    do: Literal[_KINDS] = told(  # type: ignore[valid-type]  # the one list of kinds stands in sandbox/faults.py
        f"What goes wrong: {', '.join(_KINDS)}."
    )
    match: MatchSpec = told("Which calls; absent: all.", default=MatchSpec())
    seconds: float = number(
        "How slow, how late, for how long, in real seconds; what 0 means says the kind.", default=0.0, ge=0
    )
    share: float = number("Which share of those calls, drawn from the seed.", default=1.0, gt=0, le=1)
    hours_after_start: float = number("From when on, on the platform's clock.", default=0.0, ge=0)
    hours: float | None = number("For how long; absent: for good.", default=None, gt=0)
    times: int | None = number("How often at most; absent: without end.", default=None, ge=1)
    after: int = number("Of the calls that fit, so many go well first.", default=0, ge=0)
    code: int | None = told("Of refuse, throttle and the errors: the platform's code.", default=None)
    subcode: int | None = told("Its subcode.", default=None)
    status: int | None = told("Of error_5xx and html_502: the HTTP status.", default=None, ge=400, le=599)
    effect: bool = told("Of the garbled answers: whether the call has its effect.", default=False)
    edit: EditSpec = told("Of human_edit: what the person does.", default=EditSpec())

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.do in ("late_commit", "list_lag") and not self.seconds:
            message = f"{self.do} needs seconds: how late"
            raise ValueError(message)
        return self


def script_of(faults: Sequence[FaultSpec]) -> list[Fault]:
    """Return a scenario's faults as the script that the platform follows."""
    return [msgspec.convert(spec.model_dump(), Fault) for spec in faults]

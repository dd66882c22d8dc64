"""Meta's validations of single values: names, labels, and the parameters of edges that have no table of their own."""

from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.objects.drafts import Draft
from sandbox.meta.protocol.errors import GraphError, invalid, parameter
from sandbox.meta.protocol.params import unfit
from sandbox.meta.protocol.request import GraphCall

MAX_NAME: Final = 400
_MAX_LABELS: Final = 50  # of one object; our own bound, Meta's is not documented
MOST_MINOR: Final = 10**12  # of a budget; likewise


def check_name(draft: Draft) -> None:
    """Refuse an empty name and one that is too long; it is kept exactly as sent, newlines and escapes included."""
    name = draft.values.get("name")
    if name is None and not draft.is_new:
        return
    if not str(name or "").strip():
        raise GraphError(
            100, "(#100) Param name must be non-empty.", user="Give the object a name.", blame=[["name"]],
            title="Name is missing",
        )  # fmt: skip
    if len(name or "") > MAX_NAME:
        raise invalid(
            f"The name has {len(name or '')} characters; at most {MAX_NAME} are allowed.", field="name",
            title="Name is too long",
        )  # fmt: skip


def labels(call: GraphCall, name: str) -> list[dict[str, Any]]:
    """Read `adlabels`: rows with a name or an id."""
    rows = call.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {"name", "id"} & row.keys() for row in rows):
        raise unfit(name, "must be an array of objects with a name or an id")
    if len(rows) > _MAX_LABELS:
        raise unfit(name, f"may hold {_MAX_LABELS} labels")
    return rows


def budget_of(call: GraphCall, name: str, account: Account, *, days: int = 1) -> int | None:
    """Return a budget in minor units, None where absent."""
    text = call.params.get(name)
    if text is None or text == "":
        return None
    try:
        value = int(float(text.strip('"')))
    except (ValueError, OverflowError) as error:
        raise parameter(f"Param {name} must be an integer") from error
    least = account.spec.min_daily_budget_minor * days
    if value < least:
        shown, currency = f"{least / account.offset:.2f}", account.spec.currency
        raise invalid(
            f"Your budget is too low. It must be at least {shown} {currency} per day.", subcode=1_487_901, field=name,
            title="Budget is too low",
        )  # fmt: skip
    if value > MOST_MINOR:
        raise invalid(f"Your budget is too high: {value} is more than {MOST_MINOR}.", field=name)
    return value

"""`stakazo roas`: what is known of the ROAS of each object, now and once matured, and how often forecasts held."""

from enum import StrEnum
from typing import Annotated

import typer

from cli.console import AsJson
from cli.session import AccountChoice


class Shown(StrEnum):
    """The kinds of objects that have a ROAS."""

    ACCOUNT = "account"
    CAMPAIGN = "campaign"
    AD_SET = "ad_set"
    AD = "ad"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("roas")(roas)


def roas(
    object_id: Annotated[
        str | None, typer.Argument(metavar="OBJECT", help="One ad, ad set, campaign or account by its id.")
    ] = None,
    level: Annotated[Shown, typer.Option("--level", help="Which objects to list, without OBJECT.")] = Shown.AD_SET,
    account: AccountChoice = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Those with most spend, so many.")] = 20,
    calibration: Annotated[bool, typer.Option("--calibration", help="How often past forecasts held.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show ROAS now, once all purchases have arrived, and in the next 7 days, each with its 80 % interval.

    Example: stakazo roas --level campaign
    """
    from cli import roas_tables  # late: it loads the estimators, which other commands do without

    if calibration:
        roas_tables.show_calibration(account, as_json=as_json)
    elif object_id is not None:
        roas_tables.show_one(account, object_id, as_json=as_json)
    else:
        roas_tables.show_level(account, level.value, limit, as_json=as_json)

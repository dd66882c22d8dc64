"""I-17: money is whole minor units from end to end, whatever the currency's decimals."""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from urllib.parse import parse_qs, urlencode

from sqlalchemy import text

from domain.errors import RefusedError
from domain.money import Money, exponent
from domain.platforms import PLATFORMS, budget_step_minor
from meta_client.money import from_meta, minor_of, to_meta
from models.engine import make_engine
from tests.faults.guarantee import Guarantee, Outcome, Place

CURRENCIES = ("JPY", "KRW", "CLP", "VND", "USD", "EUR", "HUF", "TWD", "IDR", "COP", "KWD", "BHD", "JOD")
_MOST = 10**13
_AT_ONCE = 2_000
_META = next(row for row in PLATFORMS if row.slug == "meta")
Way = Callable[[Money], Money]


def by_major(money: Money) -> Money:
    """To the major units that people read, and back."""
    told = Decimal(money.minor).scaleb(-exponent(money.currency))
    return Money.parse(f"{told:f} {money.currency}")


def by_json(money: Money) -> Money:
    """As a proposal's target."""
    told = json.loads(json.dumps({"daily_budget_minor": money.minor, "currency": money.currency}))
    return Money(told["daily_budget_minor"], told["currency"])


def by_form(money: Money) -> Money:
    """As the client writes a budget: the platform's units in a form. What it cannot hold is refused, never rounded."""
    try:
        units = to_meta(money.minor, money.currency)
    except RefusedError:
        is_fine = money.minor % budget_step_minor(_META, money.currency) == 0
        return Money(money.minor + 1, money.currency) if is_fine else money
    (told,) = parse_qs(urlencode({"daily_budget": units}))["daily_budget"]
    return Money(from_meta(int(told), money.currency), money.currency)


def by_insights(money: Money) -> Money:
    """As the platform reports spend: a decimal of major units."""
    places = exponent(money.currency)
    return Money(minor_of(f"{Decimal(money.minor).scaleb(-places):.{places}f}", places), money.currency)


def by_floats(money: Money) -> Money:
    """Weaker: major units as a float."""
    places = exponent(money.currency)
    return Money(int(float(money.minor / 10**places) * 10**places), money.currency)


def by_cents(money: Money) -> Money:
    """Weaker: every currency has cents."""
    told = Decimal(money.minor).scaleb(-exponent(money.currency))
    return Money(int(told * 100), money.currency)


def _amounts(dice: random.Random, count: int) -> list[Money]:
    return [Money(int(10 ** dice.uniform(0, 13)) % _MOST, dice.choice(CURRENCIES)) for _ in range(count)]


def _by_database(place: Place, amounts: list[Money]) -> list[str]:
    """As a bigint column and inside a JSON document."""
    query = text(
        "SELECT minor, (target ->> 'daily_budget_minor')::bigint FROM json_to_recordset(CAST(:rows AS json))"
        " AS r (n int, minor bigint, target jsonb) ORDER BY n"
    )
    engine, found = make_engine(place.database_url(), pool_size=1), []
    for start in range(0, len(amounts), _AT_ONCE):
        part = amounts[start : start + _AT_ONCE]
        rows = [
            {"n": n, "minor": money.minor, "target": {"daily_budget_minor": money.minor}}
            for n, money in enumerate(part)
        ]
        with engine.begin() as conn:
            stored = conn.execute(query, {"rows": json.dumps(rows)}).all()
        found += [
            f"{money} came back from the database as {tuple(row)}"
            for money, row in zip(part, stored, strict=True)
            if (money.minor, money.minor) != tuple(row)
        ]
    engine.dispose()
    return found


def _run(ways: tuple[Way, ...], place: Place, trials: int) -> Outcome:
    dice = random.Random(place.seed)
    amounts = _amounts(dice, trials)
    found = [
        f"{money} ({money.minor} minor) came back {way.__name__.replace('_', ' ')} as {back.minor}"
        for money in amounts
        for way in ways
        if (back := way(money)) != money
    ]
    found += _by_database(place, amounts)
    return Outcome(
        trials=trials, violations=tuple(found), figures={"currencies": len(CURRENCIES), "ways": len(ways) + 2}
    )


GUARANTEE = Guarantee(
    id="I-17",
    statement="Money is whole minor units from end to end, and comes back as it went, in currencies of 0, 2 and 3"
    " decimals: through people's text, JSON, the database, the client's forms and the platform's reports.",
    enforced_at="domain/money.py: Money; meta_client/money.py: to_meta, from_meta, minor_of",
    refuted_by="Random amounts up to 10^13 minor units in 13 currencies, each there and back by every way; what the"
    " platform cannot hold must be refused, never rounded.",
    short=4_000,
    full=100_000,
    experiment=partial(_run, (by_major, by_json, by_form, by_insights)),
    weaker={"floats": partial(_run, (by_floats,)), "cents everywhere": partial(_run, (by_cents,))},
    judge="the amount that was sent on its way",
)

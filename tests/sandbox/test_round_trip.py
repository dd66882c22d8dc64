"""A known twin, exported as Ads Manager does in every variant and imported again, is the same to the unit."""

import itertools
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from sandbox.export import Breakdown, Days, Encoding, ExportForm, export_account
from sandbox.export_truth import deliver_and_watch
from sandbox.export_words import Language
from sandbox.nodes import Kind
from sandbox.report_form import Decimal
from sandbox.report_import import import_report
from sandbox.scenario import load_scenario
from sandbox.world import World

START = datetime(2026, 9, 1, 9, tzinfo=UTC)
FIRST = date(2026, 7, 20)
SETTLED_S = (START + timedelta(days=40)).timestamp()  # every purchase of the days below has arrived
FORMS = [
    ExportForm(language=language, days=days, breakdown=breakdown, encoding=encoding, decimal=decimal)
    for language, days, breakdown, encoding, decimal in itertools.product(Language, Days, Breakdown, Encoding, Decimal)
]


def known_account(ads, days, seed=5):
    world = World(load_scenario(f"generated:{ads}:{seed}"), start_us=int(START.timestamp() * 1_000_000))
    [account] = world.accounts.values()
    return account, deliver_and_watch(account, first=FIRST, last=FIRST + timedelta(days=days - 1))


@pytest.fixture(scope="module")
def shop():
    account, _ = known_account(ads=12, days=9)
    account.nodes[Kind.AD][0].name = '=SUM(A1;"Ñandú")\n2'  # what a name may be: verbatim there and back
    return account


def write(account, path, days, form):
    last = FIRST + timedelta(days=days - 1)
    return export_account(account, path, first=FIRST, last=last, cutoff_s=SETTLED_S, form=form)


def history(imported):
    return {
        (row.ad, row.day): (
            row.impressions, row.clicks, row.link_clicks, row.spend_minor, row.purchases, row.value_minor
        )
        for row in imported.scenario.accounts[0].history
    }  # fmt: skip


def told_by_the_market(account, days):
    """What each ad did on each day, straight from the market's own books."""
    market, told = account.market, {}
    for day in range(FIRST.toordinal(), FIRST.toordinal() + days):
        first, end = account.calendar.hours_of_day(day)
        seen = market.grid.sums(first, end, ads=market.ads)
        later = market.purchases.arrived(first, end, cutoff_s=SETTLED_S, ads=market.ads)
        for ad in account.nodes[Kind.AD]:
            figures = (*seen[:, ad.market_index].tolist(), *later[:, ad.market_index].tolist())
            if any(figures):
                told[ad.id, date.fromordinal(day)] = figures
    return told


def name_of(form):
    return f"{form.language}-{form.days}-{form.breakdown}-{form.encoding}-{form.decimal}"


@pytest.mark.parametrize("form", FORMS, ids=name_of)
def test_every_variant_comes_back_to_the_unit(shop, tmp_path, form):
    written = write(shop, tmp_path / "export.csv", 9, form)
    imported = import_report(tmp_path / "export.csv", zone="America/New_York")
    told, truth = history(imported), told_by_the_market(shop, 9)
    if form.days is Days.DAILY:
        assert told == truth
    by_ad = [
        {ad: np.sum([row for key, row in rows.items() if key[0] == ad], axis=0).tolist() for ad, _ in rows}
        for rows in (told, truth)
    ]
    assert by_ad[0] == by_ad[1]
    assert list(written.totals.values()) == np.sum(list(truth.values()), axis=0).tolist()
    assert "its spend is that of the rows" in imported.notes[-1]


def test_names_budgets_and_delivery_come_back_from_either_language(shop, tmp_path):
    twins = []
    for language in Language:
        write(shop, tmp_path / "export.csv", 9, ExportForm(language=language, decimal=Decimal.COMMA))
        twins.append(import_report(tmp_path / "export.csv", zone="America/New_York").scenario.accounts[0])
    assert twins[0].campaigns == twins[1].campaigns
    [campaign] = twins[0].campaigns
    own = shop.nodes[Kind.AD_SET]
    assert [one.daily_budget_minor for one in campaign.ad_sets] == [one.daily_budget for one in own]
    assert campaign.ad_sets[0].ads[0].name == '=SUM(A1;"Ñandú")\n2'
    assert {ad.status for one in campaign.ad_sets for ad in one.ads} == {"ACTIVE"}


def test_the_parts_of_a_breakdown_are_kept_as_read(shop, tmp_path):
    written = write(shop, tmp_path / "export.csv", 9, ExportForm(breakdown=Breakdown.AGE_GENDER, language=Language.ES))
    parts = import_report(tmp_path / "export.csv").fit_report.breakdowns
    assert {part.by for part in parts} == {("age", "gender")}
    assert ("25-34", "Mujer") in {part.values for part in parts}
    assert sum(part.spend_minor for part in parts) == written.totals["spend"]
    assert sum(part.purchases for part in parts) == written.totals["purchases"]
    young = sum(part.impressions for part in parts if part.values[0] == "18-24")
    assert young == pytest.approx(0.14 * written.totals["impressions"], rel=0.05)


def test_ninety_percent_intervals_cover_about_ninety_percent_of_the_true_rates(tmp_path):
    """400 ads over 31 settled days, the truth as sandbox/export_truth.py defines it; the seed is fixed."""
    account, truth = known_account(ads=400, days=31)
    write(account, tmp_path / "export.csv", 31, ExportForm())
    fits = import_report(tmp_path / "export.csv", zone="America/New_York").fit_report.ads
    place = {ad.id: ad.market_index for ad in account.nodes[Kind.AD]}
    assert len(fits) == 400
    for name in ("click_rate", "conversion_rate"):
        rates = getattr(truth, name)
        inside = [getattr(fit, name).low <= rates[place[fit.ad_id]] <= getattr(fit, name).high for fit in fits]
        assert 0.85 <= np.mean(inside) <= 0.95


def test_the_truth_is_not_told_of_days_that_are_past():
    account, _ = known_account(ads=1, days=2)
    with pytest.raises(ValueError, match="already past"):
        deliver_and_watch(account, first=FIRST, last=FIRST)


def test_days_in_which_nothing_was_delivered_are_refused(shop, tmp_path):
    with pytest.raises(ValueError, match="nothing was delivered"):
        export_account(
            shop, tmp_path / "x.csv", first=date(2020, 1, 1), last=date(2020, 1, 2), cutoff_s=0, form=ExportForm()
        )

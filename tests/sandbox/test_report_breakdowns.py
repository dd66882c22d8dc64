"""Rows of a breakdown are added up once; totals beside them must agree, and are never counted as well."""

import pytest

from sandbox.report import parse_report
from sandbox.report_headers import BREAKDOWNS
from sandbox.report_problems import ReportError

HEADER = (
    "Day,Ad name,Impressions,Reach,Link clicks,Clicks (all),Amount spent (EUR),Purchases,Purchases conversion value"
)
WHOLE = "2026-10-01,A,1000,900,10,14,5.00,1,20.00"
WOMEN = "2026-10-01,A,600,560,7,9,3.00,1,20.00"
MEN = "2026-10-01,A,400,390,3,5,2.00,0,"


def parse(tmp_path, *rows, header=f"{HEADER},Gender"):
    path = tmp_path / "report.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return parse_report(path, mapping={})


def figures(report):
    rows = report.rows
    names = ("impressions", "reach", "link_clicks", "clicks", "spend", "purchases", "value")
    return [[int(getattr(rows, name)[n]) for name in names] for n in range(len(rows.ad))]


def reasons(tmp_path, *rows, **options):
    with pytest.raises(ReportError) as caught:
        parse(tmp_path, *rows, **options)
    return [(problem.line, problem.column, problem.reason) for problem in caught.value.problems]


def test_parts_are_added_up_but_people_are_not(tmp_path):
    report = parse(tmp_path, f"{WOMEN},female", f"{MEN},male")
    assert figures(report) == [[1000, 560, 10, 14, 500, 1, 2000]]
    assert report.notes == ("broken down by gender: 2 parts were added up to 1 rows",)


@pytest.mark.parametrize("whole", ["", "All", "Todos"])
def test_a_whole_beside_its_parts_is_counted_alone(tmp_path, whole):
    report = parse(tmp_path, f"{WOMEN},female", f"{WHOLE},{whole}", f"{MEN},male")
    assert figures(report) == [[1000, 900, 10, 14, 500, 1, 2000]]
    assert [(part.values, part.impressions) for part in report.breakdowns] == [(("female",), 600), (("male",), 400)]


def test_a_whole_that_is_not_its_parts_is_refused_with_both_figures(tmp_path):
    [(line, column, reason)] = reasons(tmp_path, f"{WHOLE},".replace("1000", "1100"), f"{WOMEN},female", f"{MEN},male")
    assert (line, column) == (2, "impressions")
    assert "1,100 against 1,000" in reason


def test_a_cent_of_rounding_in_each_part_is_agreement(tmp_path):
    report = parse(tmp_path, f"{WHOLE},".replace("5.00", "5.02"), f"{WOMEN},female", f"{MEN},male")
    assert report.rows.spend.tolist() == [502]
    assert reasons(tmp_path, f"{WHOLE},".replace("5.00", "5.03"), f"{WOMEN},female", f"{MEN},male")


def test_subtotals_of_two_breakdowns_are_not_counted_beside_the_parts(tmp_path):
    header = f"{HEADER},Edad,Sexo"
    rows = (f"{WOMEN},18-24,Mujer", f"{MEN},25-34,Mujer", f"{WHOLE},Todos,Mujer")
    assert figures(parse(tmp_path, *rows, header=header)) == [[1000, 560, 10, 14, 500, 1, 2000]]
    assert reasons(tmp_path, *rows[:2], rows[2].replace(",10,14", ",11,14"), header=header)


def test_the_same_part_told_twice_is_refused_with_both_lines(tmp_path):
    [(line, _, reason)] = reasons(tmp_path, f"{WOMEN},female", f"{MEN},male", f"{WOMEN},female")
    assert line == 4
    assert "on line 2" in reason


def test_purchases_that_a_region_does_not_tell_are_taken_from_the_whole(tmp_path):
    parts = (f"{WOMEN},Madrid".replace("3.00,1,20.00", "3.00,0,"), f"{MEN},Murcia")
    report = parse(tmp_path, f"{WHOLE},", *parts, header=f"{HEADER},Region")
    assert report.rows.purchases.tolist() == [1]
    assert "may be missing" in report.notes[1]


@pytest.mark.parametrize("header", [name for heading in BREAKDOWNS.values() for name in heading.names])
def test_every_breakdown_is_known_in_either_language(tmp_path, header):
    report = parse(tmp_path, f"{WOMEN},one", f"{MEN},other", header=f'{HEADER},"{header}"')
    assert report.rows.impressions.tolist() == [1000]


def test_days_and_ads_are_kept_apart(tmp_path):
    rows = [f"{WOMEN},female", f"{MEN},male", f"{MEN},female".replace("-01,", "-02,"), f"{WOMEN},x".replace("A", "B")]
    assert [row[0] for row in figures(parse(tmp_path, *rows))] == [1000, 400, 600]


def test_a_subtotal_of_all_ads_is_no_ad(tmp_path):
    report = parse(tmp_path, WHOLE, WHOLE.replace(",A,", ",All,"), header=HEADER)
    assert [ad.name for ad in report.ads] == ["A"]
    assert "left out as totals" in report.notes[0]

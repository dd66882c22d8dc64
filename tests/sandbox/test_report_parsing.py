"""An export is read whole, or refused with every fault by line and column."""

from pathlib import Path

import pytest

from sandbox.report import parse_report
from sandbox.report_headers import OVERLAPPING
from sandbox.report_problems import SHOWN, ReportError
from sandbox.report_tree import Level

DAILY = Path(__file__).parent / "reports" / "daily.csv"
HEADER = (
    "Day,Campaign name,Ad set name,Ad name,Impressions,Link clicks,Amount spent (EUR),Purchases,"
    "Purchases conversion value"
)
ROW = "2026-10-01,C,S,A,1000,10,5.00,1,20.00"


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "report.csv"
    path.write_bytes(text.encode(encoding))
    return path


def parse(tmp_path, *rows, header=HEADER, mapping=None, currency=None):
    return parse_report(write(tmp_path, "\n".join((header, *rows)) + "\n"), mapping=mapping or {}, currency=currency)


def faults(tmp_path, *rows, **options):
    with pytest.raises(ReportError) as caught:
        parse(tmp_path, *rows, **options)
    return [(problem.line, problem.column, problem.reason) for problem in caught.value.problems]


def test_figures_objects_and_currency_are_read_as_they_stand():
    report = parse_report(DAILY, mapping={})
    assert report.currency == "USD"
    assert [ad.name for ad in report.ads] == ["Video A", "=cmd|'/C calc'!A0", "Video A"]
    assert [one.name for one in report.ad_sets] == ["Lookalike 1 %", "Broad\nES"]
    assert report.ads[0].id == "120210000000000301"
    rows = report.rows
    # Ad 301's three days, then 302's, then 303's; the totals row on line 2 is not among them.
    assert rows.impressions.tolist() == [1000, 1500, 1500, 2000, 3000]
    assert rows.spend.tolist() == [1001, 1502, 1503, 2006, 3050]
    assert rows.value.tolist() == [6000, 7550, 0, 14000, 14500]
    assert rows.purchases.sum() == 6
    assert report.ad_sets[0].budget_minor == 2000
    assert report.notes == ("left out as totals, not an ad: line 2 (its spend is that of the rows)",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encoding_and_delimiter_are_found_out(tmp_path, encoding, delimiter):
    text = f"{HEADER}\n{ROW}\n".replace(",", delimiter).replace("C;", "Ñandú;").replace("\tC\t", "\tÑandú\t")
    report = parse_report(write(tmp_path, text, encoding), mapping={})
    assert report.rows.spend.tolist() == [500]


def test_headers_are_found_whatever_their_case_and_spaces(tmp_path):
    header = HEADER.upper().replace("LINK CLICKS", " link  CLICKS ").replace("CAMPAIGN NAME", "Campaign_Name")
    assert parse(tmp_path, ROW, header=header.replace("(EUR)", " (EUR)")).currency == "EUR"


def test_other_headers_are_named_by_hand(tmp_path):
    header = HEADER.replace("Link clicks", "Clics en el enlace")
    report = parse(tmp_path, ROW, header=header, mapping={"link_clicks": "clics en el  enlace"})
    assert report.rows.link_clicks.tolist() == [10]


def test_a_wrong_map_names_the_fields_or_the_missing_header(tmp_path):
    found = faults(tmp_path, ROW, mapping={"klicks": "Day", "ad": "Anuncio"})
    assert "the fields are day," in found[0][2]
    assert found[1] == (1, "ad", "--map ad='Anuncio': the report has no such column")


@pytest.mark.parametrize(
    ("removed", "option"),
    [("Impressions", "impressions"), ("Link clicks", "link_clicks"), ("Amount spent (EUR)", "spend"),
     ("Purchases", "purchases"), ("Purchases conversion value", "value"), ("Day", "day")],
)  # fmt: skip
def test_a_missing_column_is_named_with_the_option_that_helps(tmp_path, removed, option):
    headers = HEADER.split(",")
    headers[headers.index(removed)] = "Something else (EUR)"
    found = faults(tmp_path, ROW, header=",".join(headers))
    assert any(f"--map {option}=HEADER" in reason for _, _, reason in found)


@pytest.mark.parametrize("breakdown", OVERLAPPING)
def test_a_breakdown_whose_rows_overlap_is_refused(tmp_path, breakdown):
    [(line, column, reason)] = faults(tmp_path, ROW + ",x", header=f'{HEADER},"{breakdown}"')
    assert (line, column) == (1, breakdown)
    assert "more than once" in reason


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("2026-10-01,C,S,A,1000,10,-5.00,1,20.00", "Amount spent (EUR)", "negative"),
        ("2026-10-01,C,S,A,-1,0,5.00,1,20.00", "Impressions", "negative"),
        ("2026-10-01,C,S,A,1000,10,5.00,0,20.00", "Purchases conversion value", "without purchases"),
        ("2026-10-01,C,S,A,many,10,5.00,1,20.00", "Impressions", "'many' is not a number"),
        ("2026-10-01,C,S,A,1000,10,5.00,1.5,20.00", "Purchases", "not a whole number"),
        ("02.12.2026,C,S,A,1000,10,5.00,1,20.00", "Day", "--dates dmy or mdy"),
        ("2026-02-30,C,S,A,1000,10,5.00,1,20.00", "Day", "not a date"),
        ("2026-10-01,C,S,,1000,10,5.00,1,20.00", "Ad name", "the ad has no name"),
        ("2026-10-01,C,S,A,1000,10", "", "6 cells, the header 9"),
        ("2026-10-01,C,S,A,1000,10,5.00,1,20.00,more", "", "10 cells, the header 9"),
    ],
)
def test_a_malformed_row_is_refused_with_line_column_and_reason(tmp_path, row, column, reason):
    [(line, where, why)] = faults(tmp_path, ROW, row.replace(",A,", ",B,"))
    assert (line, where) == (3, column)
    assert reason in why


def test_every_fault_is_counted_and_the_first_ones_shown(tmp_path):
    rows = [f"2026-10-01,C,S,A{n},x,y,5.00,1,20.00" for n in range(40)]
    with pytest.raises(ReportError) as caught:
        parse(tmp_path, *rows)
    assert caught.value.total == 80
    assert len(caught.value.problems) == SHOWN
    assert caught.value.problems[-1].line == 26  # two faults a row, from line 2 on


def test_the_line_is_that_of_the_file_even_after_names_with_newlines(tmp_path):
    [(line, _, _)] = faults(tmp_path, ROW.replace(",A,", ',"two\nlines",'), "", ROW.replace("1000", "x"))
    assert line == 5


def test_an_ad_told_twice_about_a_day_is_refused_with_both_lines(tmp_path):
    [(line, column, reason)] = faults(tmp_path, ROW, ROW.replace(",A,", ",B,"), ROW)
    assert (line, column) == (4, "Day")
    assert "on line 2" in reason


def test_periods_that_overlap_are_refused(tmp_path):
    header = HEADER.replace("Day", "Reporting starts,Reporting ends")
    rest = ROW.partition(",")[2]
    [(line, _, _)] = faults(tmp_path, f"2026-10-01,2026-10-07,{rest}", f"2026-10-07,2026-10-14,{rest}", header=header)
    assert line == 3


def test_a_period_that_ends_before_it_starts_is_refused(tmp_path):
    header = HEADER.replace("Day", "Reporting starts,Reporting ends")
    [(_, column, _)] = faults(tmp_path, f"2026-10-07,2026-10-01,{ROW.partition(',')[2]}", header=header)
    assert column == "Reporting ends"


@pytest.mark.parametrize("totals", [",,,,2000,20,10.00,2,40.00", ",Results from 2 ads,,,2000,20,10.00,2,40.00"])
def test_a_totals_row_is_left_out_and_said(tmp_path, totals):
    report = parse(tmp_path, ROW, ROW.replace(",A,", ",B,"), totals)
    assert report.rows.impressions.sum() == 2000
    assert report.notes == ("left out as totals, not an ad: line 4 (its spend is that of the rows)",)


def test_a_totals_row_that_does_not_add_up_is_said(tmp_path):
    report = parse(tmp_path, ROW, ",,,,2000,20,10.00,2,40.00")
    assert "differs from the sum of the rows: 10.00 against 5.00 EUR" in report.notes[0]


def test_blank_metrics_are_zero(tmp_path):
    report = parse(tmp_path, "2026-10-01,C,S,A,1000,,5.00,,")
    assert (report.rows.link_clicks.sum(), report.rows.purchases.sum(), report.rows.value.sum()) == (0, 0, 0)


def test_ids_derived_from_names_are_stable_and_differ(tmp_path):
    rows = (ROW, ROW.replace(",A,", ",B,"), ROW.replace(",S,", ",T,"))
    first, second = parse(tmp_path, *rows), parse(tmp_path, *reversed(rows))
    ids = {(first.ad_sets[ad.parent].name, ad.name): ad.id for ad in first.ads}
    assert ids == {(second.ad_sets[ad.parent].name, ad.name): ad.id for ad in second.ads}
    assert len(set(ids.values())) == 3
    assert all(one.isdigit() and len(one) == 18 for one in ids.values())


def test_an_id_that_stands_for_two_objects_is_refused(tmp_path):
    header = HEADER.replace("Ad name", "Ad name,Ad ID,Ad set ID")
    row = ROW.replace(",A,", ",A,77,77,")
    [(line, column, reason)] = faults(tmp_path, row, header=header)
    assert (line, column) == (2, "Ad ID")
    assert "already stands for another ad set" in reason


def test_an_ad_in_two_ad_sets_is_refused(tmp_path):
    header = HEADER.replace("Ad name", "Ad name,Ad ID")
    row = ROW.replace(",A,", ",A,77,")
    [(line, _, reason)] = faults(tmp_path, row, row.replace(",S,", ",T,").replace("-01,", "-02,"), header=header)
    assert line == 3
    assert "another parent on line 2" in reason


def test_missing_levels_are_made(tmp_path):
    report = parse(tmp_path, "2026-10-01,C,1000,10,5.00,1,20.00", header=HEADER.replace("Ad set name,Ad name,", ""))
    assert report.present == {Level.CAMPAIGN}
    assert [(one.name, one.parent) for one in (*report.ad_sets, *report.ads)] == [("C", 0), ("C", 0)]


def test_purchases_are_taken_from_results_that_are_purchases(tmp_path):
    header = HEADER.replace("Purchases,", "Results,Result indicator,")
    one = ROW.replace(",1,20.00", ",1,actions:offsite_conversion.fb_pixel_purchase,20.00")
    other = ROW.replace(",A,", ",B,").replace(",1,20.00", ",7,actions:link_click,0")
    report = parse(tmp_path, one, other, header=header)
    assert report.rows.purchases.tolist() == [1, 0]
    assert report.notes == ("results of 1 rows are 'actions:link_click', not purchases, and were left out",)


def test_results_of_nobody_knows_what_are_not_taken_for_purchases(tmp_path):
    [(_, column, reason)] = faults(tmp_path, ROW, header=HEADER.replace("Purchases,", "Results,"))
    assert column == "Results"
    assert "--map purchases='Results'" in reason


def test_value_and_clicks_follow_from_their_ratios(tmp_path):
    header = HEADER.replace("Purchases conversion value", "Purchase ROAS (return on ad spend)")
    header = header.replace("Link clicks", "CTR (link click-through rate)")
    report = parse(tmp_path, "2026-10-01,C,S,A,1000,1.2,5.00,1,4.00", header=header)
    assert report.rows.link_clicks.tolist() == [12]  # 1.2 % of 1,000
    assert report.rows.clicks.tolist() == [16]  # 1.3 x 12 = 15.6
    assert report.rows.value.tolist() == [2000]  # 4 x 5.00


def test_the_currency_is_asked_for_where_nothing_tells_it(tmp_path):
    header = HEADER.replace(" (EUR)", "")
    [(_, _, reason)] = faults(tmp_path, ROW, header=header)
    assert "--currency" in reason
    assert parse(tmp_path, ROW, header=header, currency="jpy").rows.spend.tolist() == [5]
    assert parse(tmp_path, ROW + ",GBP", header=header + ",Currency").currency == "GBP"


def test_two_currencies_are_refused(tmp_path):
    assert "not in USD" in faults(tmp_path, ROW, currency="USD")[0][2]
    header = HEADER.replace("conversion value", "conversion value (USD)")
    assert "different currencies" in faults(tmp_path, ROW, header=header)[0][2]


def test_two_accounts_in_one_report_are_refused(tmp_path):
    found = faults(tmp_path, ROW + ",Shop", ROW.replace(",A,", ",B,") + ",Other", header=HEADER + ",Account name")
    assert found == [(3, "Account name", "another account than the rows above")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"\xef\xbb\xbf\n\n", "empty"), (b"PK\x03\x04rest", "Excel"),
     (f"{HEADER}\n".encode(), "no rows"), (f"{HEADER}\n2026-10-01,\xe9\n".encode("latin-1"), "UTF-8"),
     (f'{HEADER}\n2026-10-01,"C"x,S\n'.encode(), "not CSV")],
)  # fmt: skip
def test_a_file_that_is_no_report_is_refused(tmp_path, content, reason):
    path = tmp_path / "report.csv"
    path.write_bytes(content)
    with pytest.raises(ReportError) as caught:
        parse_report(path, mapping={})
    assert reason in caught.value.problems[0].reason


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ReportError) as caught:
        parse_report(tmp_path / "none.csv", mapping={})
    assert "cannot be read" in caught.value.problems[0].reason


def test_escape_codes_in_a_reason_are_made_visible(tmp_path):
    [(_, _, reason)] = faults(tmp_path, ROW.replace("1000", "\x1b[31m"))
    assert "\x1b" not in reason
    assert "\\x1b[31m" in reason


def test_more_ad_days_than_the_sandbox_holds_are_refused(tmp_path):
    rows = [f"{day},C,S,A{n},1,0,1.00,0,0" for n, day in enumerate(["1990-01-01"] + ["2026-10-01"] * 300)]
    assert "export fewer days" in faults(tmp_path, *rows)[0][2]

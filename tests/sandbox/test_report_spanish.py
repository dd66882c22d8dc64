"""Exports in Spanish: headers, values, decimal comma, dates; one way of writing for a whole file, or a question."""

from datetime import date

import pytest

from sandbox.report import parse_report
from sandbox.report_columns import FIELDS, resolve
from sandbox.report_form import DayOrder, Decimal
from sandbox.report_headers import HEADINGS
from sandbox.report_import import import_report
from sandbox.report_problems import Collector, ReportError
from sandbox.report_tree import Level

HEADER = (
    "Día;Nombre de la campaña;Nombre del conjunto de anuncios;Nombre del anuncio;Entrega del anuncio;"
    "Presupuesto del conjunto de anuncios;Tipo de presupuesto del conjunto de anuncios;Impresiones;Alcance;"
    "Clics en el enlace;Clics (todos);Importe gastado (EUR);Compras;Valor de conversión de compras;Finalización"
)
ROW = "2026-10-01;C;S;A;Activo;20,00;Diario;12.345;9.800;150;180;1.234,56;3;1.240,00;Continuo"


def write(tmp_path, *rows, header=HEADER, encoding="utf-8"):
    path = tmp_path / "informe.csv"
    path.write_bytes("\n".join((header, *rows, "")).encode(encoding))
    return path


def parse(tmp_path, *rows, **options):
    encoding = options.pop("encoding", "utf-8")
    header = options.pop("header", HEADER)
    return parse_report(write(tmp_path, *rows, header=header, encoding=encoding), mapping={}, **options)


def refusal(tmp_path, *rows, **options):
    with pytest.raises(ReportError) as caught:
        parse(tmp_path, *rows, **options)
    return caught.value.problems[0].reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_spanish_export_is_read_as_it_stands(tmp_path, encoding):
    report = parse(tmp_path, ROW, encoding=encoding)
    assert (report.currency, report.ads[0].name) == ("EUR", "A")
    rows = report.rows
    told = (rows.impressions, rows.reach, rows.link_clicks, rows.clicks, rows.spend, rows.purchases, rows.value)
    assert [one.tolist() for one in told] == [[12_345], [9_800], [150], [180], [123_456], [3], [124_000]]
    assert report.ad_sets[0].budget_minor == 2_000
    assert report.present == set(Level)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_spanish_headers_that_are_found_whatever_their_case_and_accents(field):
    spanish = (*HEADINGS[field].spanish, *HEADINGS[field].assumed)
    assert spanish
    for name in spanish:
        for written in (name, name.translate(str.maketrans("áéíóúñ", "aeioun")).upper(), f"{name} (EUR)"):
            assert resolve([written], {}, line=1, problems=Collector()).at == {field: 0}


@pytest.mark.parametrize(
    ("cell", "status"),
    [("Activo", "ACTIVE"), ("En circulación", "ACTIVE"), ("Desactivado", "PAUSED"), ("Pausado", "PAUSED"),
     ("No se entrega", "PAUSED"), ("Archivado", "PAUSED"), ("active", "ACTIVE"), ("not_delivering", "PAUSED")],
)  # fmt: skip
def test_delivery_is_read_in_spanish(tmp_path, cell, status):
    imported = import_report(write(tmp_path, ROW.replace("Activo", cell)))
    assert imported.scenario.accounts[0].campaigns[0].ad_sets[0].ads[0].status == status


def test_a_campaign_budget_is_read_in_spanish(tmp_path):
    row = ROW.replace("20,00;Diario", "Usando el presupuesto de la campaña;")
    [campaign] = import_report(write(tmp_path, row)).scenario.accounts[0].campaigns
    assert campaign.daily_budget_minor == round(123_456 * 1.1)


@pytest.mark.parametrize("name", ["", "Resultados de 2 anuncios", "Totales"])
def test_a_totals_row_is_known_in_spanish(tmp_path, name):
    total = f";{name};;;;;;12.345;;150;180;1.234,56;3;1.240,00;"
    assert parse(tmp_path, total, ROW).notes == (
        "left out as totals, not an ad: line 2 (its spend is that of the rows)",
    )


@pytest.mark.parametrize(
    ("spend", "impressions", "minor"),
    [("1.234", "12.345", 123_400), ("1.234", "1,234.5", 123), ("0,5", "100", 50), ("1.234,5", "100", 123_450),
     ("1.234.567", "100", 123_456_700), ("12", "1,234", 1_200)],
)  # fmt: skip
def test_one_cell_that_can_only_be_read_one_way_settles_the_file(tmp_path, spend, impressions, minor):
    row = f"2026-10-01;C;S;A;;;;{impressions.replace('1,234.5', '1,234')};;1;1;{spend};0;;"
    assert parse(tmp_path, row).rows.spend.tolist() == [minor]


def test_an_amount_that_can_be_read_in_two_ways_is_asked_for(tmp_path):
    row = "2026-10-01;C;S;A;;;;100;;1;1;1.234;0;;"
    assert "--decimal dot or comma" in refusal(tmp_path, row)
    assert parse(tmp_path, row, decimal=Decimal.COMMA).rows.spend.tolist() == [123_400]
    assert parse(tmp_path, row, decimal=Decimal.DOT).rows.spend.tolist() == [123]


def test_two_ways_of_writing_numbers_are_refused_with_both_cells(tmp_path):
    row = ROW.replace("2026-10-01", "2026-10-02").replace("1.234,56", "1,234.56")
    reason = refusal(tmp_path, ROW, row)
    assert "line 2" in reason
    assert "line 3" in reason
    assert "--decimal" in reason


@pytest.mark.parametrize("text", ["1 oct 2026", "1 de octubre de 2026", "01 oct. 2026", "2026-10-01", "Oct 1, 2026"])
def test_months_are_read_in_either_language(tmp_path, text):
    assert parse(tmp_path, ROW.replace("2026-10-01", text)).span[0] == date(2026, 10, 1).toordinal()


def test_one_date_that_can_only_be_read_one_way_settles_the_others(tmp_path):
    report = parse(tmp_path, ROW.replace("2026-10-01", "02/10/2026"), ROW.replace("2026-10-01", "13/10/2026"))
    assert report.span == (date(2026, 10, 2).toordinal(), date(2026, 10, 13).toordinal())


def test_dates_that_can_be_read_in_two_ways_are_asked_for(tmp_path):
    row = ROW.replace("2026-10-01", "02/10/2026")
    assert "--dates dmy or mdy" in refusal(tmp_path, row)
    assert parse(tmp_path, row, days=DayOrder.DMY).span[0] == date(2026, 10, 2).toordinal()
    assert parse(tmp_path, row, days=DayOrder.MDY).span[0] == date(2026, 2, 10).toordinal()


def test_clicks_that_came_late_are_kept_and_said(tmp_path):
    report = parse(tmp_path, ROW, "2026-10-02;C;S;A;;;;0;;2;3;0,00;0;;")
    assert report.rows.link_clicks.tolist() == [150, 2]
    assert report.notes == ("1 rows have more clicks than impressions (clicks that came late); kept as told",)


def test_late_clicks_of_a_period_are_kept_when_it_is_spread(tmp_path):
    header = HEADER.replace("Día", "Inicio del informe;Fin del informe")
    row = "2026-10-01;2026-10-07;C;S;A;;;;5;;8;9;0,50;0;;"
    history = import_report(write(tmp_path, row, header=header)).scenario.accounts[0].history
    assert sum(one.link_clicks for one in history) == 8
    assert sum(one.clicks for one in history) == 9

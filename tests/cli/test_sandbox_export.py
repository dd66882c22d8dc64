"""The sandbox's account is exported in Ads Manager's form, beside a running sandbox and without one."""

import csv
import json
from pathlib import Path

import pytest

from sandbox import process

REPORT = """\
Day,Campaign name,Ad set name,Ad name,Impressions,Link clicks,Clicks (all),Amount spent (EUR),Purchases,\
Purchases conversion value
2026-11-01,Summer,Women,Video A,12000,150,180,60.50,6,240.00
2026-11-02,Summer,Women,=SUM(A1),9500,70,90,46.00,2,80.00
"""


@pytest.fixture
def twin(stakazo, tmp_path) -> dict:
    (tmp_path / "report.csv").write_text(REPORT, encoding="utf-8")
    done = stakazo("sandbox", "import", str(tmp_path / "report.csv"), "--zone", "Europe/Madrid", "--json")
    assert done.code == 0, done.err
    return done.document


def cells(path, delimiter=",", encoding="utf-8"):
    with Path(path).open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def test_imported_days_are_exported_to_the_cent_without_a_running_sandbox(stakazo, twin, tmp_path):
    done = stakazo("sandbox", "export", str(tmp_path / "out.csv"), "--json")
    assert done.code == 0, done.err
    assert done.document["totals"] == {
        "impressions": 21_500, "clicks": 270, "link_clicks": 220, "spend": 10_650, "purchases": 8, "value": 32_000
    }  # fmt: skip
    total, first, second = cells(tmp_path / "out.csv")
    assert (total["Ad name"], total["Amount spent (EUR)"]) == ("", "106.50")
    assert (first["Day"], first["Ad name"], first["Purchases conversion value"]) == ("2026-11-01", "Video A", "240.00")
    assert second["Ad name"] == "=SUM(A1)"


def test_a_spanish_export_of_parts_is_read_back_by_the_import(stakazo, twin, tmp_path):
    out = tmp_path / "out.csv"
    words = ("--lang", "es", "--breakdown", "age_gender", "--decimal", "comma", "--encoding", "utf-16")
    assert stakazo("sandbox", "export", str(out), *words, "--days", "period").code == 0
    assert "," in cells(out, delimiter=";", encoding="utf-16")[0]["Importe gastado (EUR)"]
    done = stakazo("sandbox", "import", str(out), "--out", str(tmp_path / "twin.json"), "--json")
    assert done.code == 0, done.err
    history = json.loads((tmp_path / "twin.json").read_text())["accounts"][0]["history"]
    assert sum(row["spend_minor"] for row in history) == 10_650
    assert sum(part["impressions"] for part in done.document["fit_report"]["breakdowns"]) == 21_500


def test_days_that_a_running_sandbox_has_lived_through_are_exported(stakazo, twin, tmp_path):
    with process.start(Path(twin["data"]), speed=0):
        assert stakazo("sandbox", "advance", "--days", "3").code == 0
        done = stakazo("sandbox", "export", str(tmp_path / "out.csv"), "--since", "2026-11-03", "--json")
    assert done.code == 0, done.err
    assert done.document["until"] == "2026-11-05"
    assert done.document["totals"]["impressions"] > 0


@pytest.mark.parametrize(
    "words",
    [("--lang", "fr"), ("--decimal", "point"), ("--since", "soon"), ("--since", "2026-11-02", "--until", "2026-11-01"),
     ("--account", "act_7"), ("--delimiter", "x"), ("--encoding", "latin-1")],
)  # fmt: skip
def test_what_cannot_be_exported_is_a_usage_error(stakazo, twin, tmp_path, words):
    assert stakazo("sandbox", "export", str(tmp_path / "out.csv"), *words).code == 2
    assert not (tmp_path / "out.csv").exists()


def test_a_folder_without_a_sandbox_says_what_founds_one(stakazo, tmp_path):
    done = stakazo("sandbox", "export", str(tmp_path / "out.csv"))
    assert done.code == 1
    assert "stakazo up" in done.err


def test_a_decimal_mark_that_is_open_is_asked_for_and_told(stakazo, tmp_path):
    report = tmp_path / "report.csv"
    report.write_text(REPORT.replace("60.50", "60.500").replace("46.00", "46").replace(".00", ""), encoding="utf-8")
    refused = stakazo("sandbox", "import", str(report), "--out", str(tmp_path / "twin.json"))
    assert refused.code == 2
    assert "--decimal dot or comma" in refused.err
    assert stakazo("sandbox", "import", str(report), "--out", str(tmp_path / "t.json"), "--decimal", "dot").code == 0

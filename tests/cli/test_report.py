"""`stakazo report`: on the screen, as JSON, and as a file that stands alone and that no name can break."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text

from models.tables import incidents, recoveries, status_spans
from tests.cli.conftest import NASTY, Run

SPAN = "clock_timestamp() - interval"


@pytest.fixture
def lived(engine: Engine, filled: None) -> None:
    """A day of a house: two spans of status, an alert, a recovery whose outcome nobody should print raw."""
    with engine.begin() as conn:
        for status, since, until in (("healthy", "5 hours", "2 hours"), ("critical", "2 hours", "1 hour")):
            times = {"since": text(f"{SPAN} '{since}'"), "seen_until": text(f"{SPAN} '{until}'")}
            row = {"scope": "system", "status": status, **times, "ended_at": text(f"{SPAN} '{until}'")}
            conn.execute(insert(status_spans).values(**row))
        conn.execute(insert(incidents).values(kind="slot_missed", scope="x", severity=2, title=NASTY))
        conn.execute(
            insert(recoveries).values(
                trigger="module_offline", action="restart_scheduler", target="meta.full_cycle", confidence=0.9,
                state="failed", reason="it is offline", outcome=f"<script>alert(1)</script>{NASTY}",
            )
        )  # fmt: skip


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.fetched += [
            value for name, value in attrs if name in {"src", "href"} and value and not value.startswith("#")
        ]


@pytest.mark.usefixtures("lived")
def test_the_screen_says_how_it_is_how_it_did_and_what_each_figure_means(on_database: Run) -> None:
    done = on_database("report")
    assert done.code == 0
    assert "it was healthy for 75.0% of the time in which somebody looked" in done.out
    for title in ("Success", "Modules", "In all", "Alerts", "Recommendations by state", "Recovery", "Emergencies",
                  "Commands", "Runs"):  # fmt: skip
        assert title in done.out
    assert "\x1b[2J" not in done.out


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("words", ["report", "status"])
def test_no_line_is_wider_than_the_terminal(
    on_database: Run, monkeypatch: pytest.MonkeyPatch, words: str, width: int
) -> None:
    from cli.console import out  # its width was taken when it was made

    monkeypatch.setattr(out, "_width", width)
    lines = on_database(words).out.splitlines()
    assert lines
    assert max(map(len, lines)) <= width


@pytest.mark.usefixtures("lived")
def test_the_document_has_every_success_metric_and_unknown_ones_are_null(on_database: Run) -> None:
    document = on_database("report", "--since", "24h", "--json").document["report"]
    assert document["success"]["uptime"] == pytest.approx(0.75, abs=0.001)
    assert document["success"]["recovery_rate"] == 0
    assert document["success"]["mean_time_to_recover_s"] is None
    assert document["total_calls"] == 0
    assert {"meta.full_cycle", "meta.autonomy"} <= {row["module"] for row in document["modules"]}


@pytest.mark.usefixtures("lived")
def test_the_page_stands_alone_shows_its_plots_and_runs_nobody_s_script(on_database: Run, tmp_path: Path) -> None:
    path = tmp_path / "week.html"
    assert on_database("report", "--out", str(path)).code == 0
    page = path.read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(page)
    assert tags.seen.count("svg") >= 2
    assert "script" not in tags.seen
    assert tags.fetched == []
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.usefixtures("lived")
def test_a_file_of_a_kind_that_nobody_writes_is_refused(on_database: Run, tmp_path: Path) -> None:
    done = on_database("report", "--out", str(tmp_path / "week.pdf"))
    assert done.code == 2
    assert ".html" in done.err
    assert not (tmp_path / "week.pdf").exists()


@pytest.mark.usefixtures("lived")
def test_a_file_of_another_kind_is_markdown_in_which_text_has_no_force(on_database: Run, tmp_path: Path) -> None:
    path = tmp_path / "week.md"
    assert on_database("report", "-o", str(path)).code == 0
    told = path.read_text(encoding="utf-8")
    assert told.startswith("# Stakazo: ")
    assert "| uptime | 75.0% |" in told
    assert "<script>" not in told


@pytest.mark.parametrize("words", ["7", "d", "0d", "91d", "-3d", "a week"])
def test_a_span_that_cannot_be_is_refused_with_one_that_can(on_database: Run, words: str) -> None:
    done = on_database("report", f"--since={words}")
    assert done.code == 2
    assert "90d" in done.err or "7d" in done.err


@pytest.mark.usefixtures("filled")
def test_a_folder_that_is_not_there_is_said_so(on_database: Run, tmp_path: Path) -> None:
    done = on_database("report", "--out", str(tmp_path / "nowhere" / "week.html"))
    assert done.code == 2
    assert "cannot be written" in done.err

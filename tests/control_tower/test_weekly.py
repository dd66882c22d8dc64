"""The week's report goes out once, to whoever is named, and again only where it was not taken."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, insert

from control_tower import report as reports
from control_tower import weekly
from control_tower.health import Sources, judged
from control_tower.report import Report
from control_tower.standins import ListedProcesses, ObedientSwitchboard, SetClock
from domain.errors import NotReadyError
from models.engine import make_engine
from models.tables import status_spans

ANY_DAY = timedelta(days=8)  # whatever day the test runs on, the slot before it is not too old
MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def _report(engine: Engine) -> Report:
    sources = Sources(
        engine=engine,
        switchboard=ObedientSwitchboard(),
        processes=ListedProcesses(),
        clock_of=lambda _: SetClock(MONDAY),
    )
    return reports.make(engine, judged(sources, in_full=True))


def test_it_goes_out_once_a_week_whoever_asks_again(engine: Engine) -> None:
    sent: list[str] = []
    made = [
        weekly.send_if_due(engine, lambda: _report(engine), lambda title, _: sent.append(title), late=ANY_DAY)
        for _ in range(3)
    ]
    assert made == [True, False, False]
    assert len(sent) == 1


def test_a_mail_that_is_not_taken_is_tried_again(engine: Engine) -> None:
    sent: list[str] = []

    def refuse(_title: str, _body: str) -> None:
        raise NotReadyError("email did not take it: status 450")

    assert not weekly.send_if_due(engine, lambda: _report(engine), refuse, late=ANY_DAY)
    assert weekly.send_if_due(engine, lambda: _report(engine), lambda title, _: sent.append(title), late=ANY_DAY)
    assert len(sent) == 1


def test_who_has_it_is_not_sent_it_again_because_another_s_was_not_taken(engine: Engine) -> None:
    sent: list[str] = []

    def send(name: str) -> bool:
        def mail(_title: str, _body: str) -> None:
            if name == "bea":
                raise NotReadyError("email did not take it: status 550")
            sent.append(name)

        return weekly.send_if_due(engine, lambda: _report(engine), mail, to=name, late=ANY_DAY)

    assert [send(name) for name in ("ana", "bea", "ana", "bea")] == [True, False, False, False]
    assert sent == ["ana"]


def test_who_starts_a_house_days_after_monday_is_not_sent_an_empty_week(engine: Engine) -> None:
    sent: list[str] = []
    long_ago = timedelta(seconds=-1)
    assert not weekly.send_if_due(engine, lambda: _report(engine), lambda title, _: sent.append(title), late=long_ago)
    assert sent == []


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        (MONDAY, MONDAY),
        (MONDAY - timedelta(seconds=1), MONDAY - timedelta(days=7)),
        (MONDAY + timedelta(days=6, hours=23), MONDAY),
        (MONDAY + timedelta(days=7), MONDAY + timedelta(days=7)),
    ],
)
def test_a_week_ends_on_monday_at_six(now: datetime, slot: datetime) -> None:
    assert weekly.slot_before(now) == slot


def test_the_mail_says_how_it_is_and_how_it_did_and_fits_any_channel(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(
            insert(status_spans).values(scope="system", status="healthy", since=func.now() - timedelta(hours=5))
        )
    found = _report(engine)
    assert "healthy 100.0% of the time" in weekly.title_of(found)
    body = weekly.body_of(found)
    assert body.startswith("Now: ")
    assert "Emergency stops: 0" in body
    assert len(body) < 3_500

"""Wires the weekly report: who gets it by the settings, how it is mailed, and the tower's duty."""

import threading

import structlog
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from control_tower import report, weekly
from control_tower.health import judged
from domain.alerts import Severity
from workers.bootstrap import House
from workers.channels import Channel, mail_address
from workers.health import sources_of
from workers.messenger import AppriseMessenger
from workers.settings import Settings

_LOCAL_MAIL = "smtp://localhost:25"

log = structlog.get_logger(__name__)


class Weekly:
    """The duty: looks whether the report is due on a thread of its own, since a mail server may take its time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look, unless the last look is still at it."""
        if self._house.settings.common.alert_weekly_report_to and not (self._thread and self._thread.is_alive()):
            self._thread = threading.Thread(target=self._look, name="weekly report", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        try:
            send_weekly(self._house)
        except SQLAlchemyError as error:
            log.warning("weekly report not made", cause=type(error).__name__)


def send_weekly(house: House) -> bool:
    """Send the week's report to each who is named for it and has not had it, if it is due; says whether one went."""
    messenger = mailer_of(house.settings)
    sources = sources_of(house)

    def send_to(name: str) -> bool:
        return weekly.send_if_due(
            house.engine,
            lambda: report.make(house.engine, judged(sources, in_full=True)),
            lambda title, body: messenger.send(name, title=title, body=body, severity=Severity.INFO),
            to=name,
        )

    gone = tuple(send_to(name) for name in messenger.channels())  # each is tried, whatever came of one
    return any(gone)


def mailer_of(settings: Settings) -> AppriseMessenger:
    """Build a messenger with one channel for each address of ALERT_WEEKLY_REPORT_TO."""
    common = settings.common
    smtp = common.alert_smtp_url.get_secret_value() if common.alert_smtp_url else _LOCAL_MAIL
    people = (common.alert_weekly_report_to or "").replace(",", " ").split()
    return AppriseMessenger(
        [
            Channel(name=f"weekly-report-{place}", address=SecretStr(mail_address(smtp, address)))
            for place, address in enumerate(people, start=1)
        ]
    )

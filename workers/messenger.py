"""Sends alerts through apprise. An address with a token stays in here: no log, no error and no row shows it.

apprise itself writes hosts, paths and answers into its log lines, so that none of them gets out; what is told of a
failure is the status number or the kind of error, in our words.
"""

import logging
import re
import threading
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

from domain.alerts import Severity
from domain.errors import NotReadyError
from workers.channels import Channel, channels_of
from workers.settings import Settings

if TYPE_CHECKING:
    from apprise import NotifyBase

_TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SHOUTS: Final = re.compile(r"@(?=everyone\b|here\b|channel\b|all\b)", re.IGNORECASE)
_STATUS: Final = re.compile(r"error=(\d{3})\b")
_LONGEST_TITLE, _LONGEST_BODY = 200, 3_500  # Telegram takes 4,096 in all
_LOGGER: Final = "apprise"
_loading = threading.Lock()


class AppriseMessenger:
    """Sends through apprise, one channel at a time; several threads may send at once."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels: Mapping[str, Channel] = {row.name: row for row in channels}

    def channels(self) -> Sequence[str]:
        """Return the names, in the order of the settings."""
        return tuple(self._channels)

    def send(self, channel: str, *, title: str, body: str, severity: Severity) -> None:
        """Tell it; waits at most for the channel's own time-outs, 4 s for web hooks and 15 s for mail.

        Raises:
            NotReadyError: it did not take it.
        """
        known = self._channels.get(channel)
        if known is None:
            raise NotReadyError(f"no channel {channel} is set up; there are {', '.join(self._channels) or 'none'}")
        plugin = _plugin(known.address.get_secret_value())
        if plugin is None:
            raise NotReadyError(f"the address of {channel} cannot be read; write it as apprise's documentation says")
        why = _send(plugin, safe_title(title), safe_text(body)[:_LONGEST_BODY], severity)
        if why is not None:  # raised out here: an error of below could carry the address along
            raise NotReadyError(f"{channel} did not take it: {why}")


def messenger_of(settings: Settings) -> AppriseMessenger:
    """Build the messenger of these settings; without any channel it tells nobody."""
    return AppriseMessenger(tuple(channels_of(settings)))


def safe_title(text: str) -> str:
    """One line that cannot add a header to a mail or call a whole channel."""
    return safe_text(text).replace("\n", " ")[:_LONGEST_TITLE]


def safe_text(text: str) -> str:
    """Text of others (names of campaigns, errors) as text: no control signs, no mark-up, nobody called by it."""
    plain = _CONTROL.sub(" ", text).replace("<", "\u2039").replace(">", "\u203a")
    return _SHOUTS.sub("@\u200b", plain)


def _plugin(address: str) -> "NotifyBase | None":
    apprise = _apprise()
    try:
        asset = apprise.AppriseAsset(app_id="Stakazo", app_desc="Stakazo", app_url="", plugin_paths=[])
        return cast("NotifyBase | None", apprise.Apprise.instantiate(address, asset=asset))
    except Exception:  # noqa: BLE001 - whatever it trips over, its words may quote the address
        return None


def _apprise() -> ModuleType:
    """Load apprise with its services, once, and keep its words to ourselves."""
    with _loading:
        logger = logging.getLogger(_LOGGER)
        logger.propagate = False
        logger.setLevel(logging.WARNING)
        logging.getLogger("urllib3").setLevel(logging.WARNING)  # its lines of debugging show whole paths
        if not any(isinstance(row, logging.NullHandler) for row in logger.handlers):
            logger.addHandler(logging.NullHandler())  # else Python prints warnings that find no handler
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of modules that its services import
            import apprise  # late: it costs a third of a second that most commands can do without

            apprise.Apprise.instantiate("json://localhost")  # makes it load them all, here and now
        return apprise


def _send(plugin: "NotifyBase", title: str, body: str, severity: Severity) -> str | None:
    """Say why it was not taken, None if it was."""
    ear = _Ear()
    logger = logging.getLogger(_LOGGER)
    logger.addHandler(ear)
    try:
        is_taken = plugin.notify(body=body, title=title, notify_type=_TYPES[severity], body_format="text")
    except Exception as error:  # noqa: BLE001 - as above: only its kind is told
        return f"it failed with {type(error).__name__}"
    finally:
        logger.removeHandler(ear)
    return None if is_taken else ear.why


class _Ear(logging.Handler):
    """Hears apprise's warnings of this thread and keeps of them only what holds no secret."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.why = "it could not be reached, or refused; see `stakazo alerts channels`"

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the status number."""
        if record.thread == self._thread:
            found = _STATUS.search(record.getMessage())
            if found:
                self.why = f"it answered {found[1]}"

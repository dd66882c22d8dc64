"""The dead-man's signal: an outside watcher is called each minute while all is well; once it is not, it tells people.

Nothing in this house can tell that the whole house is gone. The address holds a key: it is never shown.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import requests
import structlog
from pydantic import SecretStr

EVERY_S: Final = 60.0
_TIMEOUT_S: Final = 5.0
_REFUSED_FROM: Final = 400

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadman:
    """Gives the signal; `is_well` says whether it may."""

    address: SecretStr = field(repr=False)
    is_well: Callable[[], bool]

    def signal(self) -> bool:
        """Call the watcher if all is well; says whether it took the call. A watcher that is away is only logged."""
        if not self.is_well():
            log.warning("no sign to the outside watcher: a duty of the tower fails")
            return False
        why = self._call()
        if why:
            log.warning("the outside watcher was not reached", why=why)
        return not why

    def _call(self) -> str:
        try:
            with requests.get(
                self.address.get_secret_value(), timeout=_TIMEOUT_S, allow_redirects=False, stream=True
            ) as answer:
                return f"it answered {answer.status_code}" if answer.status_code >= _REFUSED_FROM else ""
        except requests.RequestException as error:  # its text quotes the address
            return type(error).__name__

"""The sandbox's admin address: its clock and its faults script. STUB only; no real platform has such a door."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import requests

from domain.clock import require_aware
from domain.errors import BadInputError, NotReadyError

_TIMEOUT_S = (2.0, 30.0)
_ADVANCE_TIMEOUT_S = (2.0, 600.0)  # a month of a large account is computed, not waited for


def read_clock(admin_url: str) -> tuple[datetime, float]:
    """Return the sandbox's present and how many of its seconds pass in a real one."""
    return _clock(_ask(admin_url, "GET", "/clock"))


def advance(admin_url: str, *, seconds: float | None = None, to: datetime | None = None) -> datetime:
    """Move the sandbox's clock on, by seconds or to an instant; return its present after that.

    Raises:
        BadInputError: the instant lies in its past.
        NotReadyError: the sandbox does not answer.
    """
    wanted = {"seconds": seconds} if to is None else {"to": require_aware("to", to).isoformat()}
    return _clock(_ask(admin_url, "POST", "/advance", wanted, timeout_s=_ADVANCE_TIMEOUT_S))[0]


def usage_peak(admin_url: str) -> float:
    """Return the largest share of its calls that any account has used since the sandbox was started."""
    return float(_ask(admin_url, "GET", "/health")["usage_peak"])


def faults(admin_url: str) -> Sequence[Mapping[str, Any]]:
    """Return the faults script in force, each line with how often it was seen and has fired."""
    return list(_ask(admin_url, "GET", "/faults")["script"])


def set_faults(admin_url: str, script: Sequence[object]) -> Sequence[Mapping[str, Any]]:
    """Put a script in force instead of the one that is; an empty one ends all faults.

    Raises:
        BadInputError: the sandbox refuses the script; the message says why.
    """
    return list(_ask(admin_url, "POST", "/faults", {"script": list(script)})["script"])


def _clock(body: Mapping[str, Any]) -> tuple[datetime, float]:
    return require_aware("platform_at", datetime.fromisoformat(str(body["platform_at"]))), float(body["speed"])


def _ask(
    admin_url: str,
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    *,
    timeout_s: tuple[float, float] = _TIMEOUT_S,
) -> Mapping[str, Any]:
    try:
        response = requests.request(method, f"{admin_url.rstrip('/')}{path}", json=body, timeout=timeout_s)
        content = response.json()
    except (requests.RequestException, ValueError) as error:
        raise NotReadyError(
            f"the sandbox at {admin_url} does not answer ({type(error).__name__}); start it with `stakazo up`"
        ) from None
    if response.status_code == requests.codes.bad_request:
        raise BadInputError(f"the sandbox refuses: {content.get('error', content)}")
    if not response.ok or not isinstance(content, dict):
        raise NotReadyError(f"the sandbox at {admin_url} answers {response.status_code} to {path}")
    return content

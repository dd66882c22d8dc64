"""What may not be shown: secrets by their form, and control characters in text that a platform sent."""

import logging
import re

# facts/reliability.md S2; HMACs are hex, tokens of Meta begin with EAA.
_SECRET = re.compile(
    r"\bEAA[A-Za-z0-9_-]{4,}|\b(access_token|appsecret_proof|input_token)(=|%3D|\"\s*:\s*\")[^\s&\"']+"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LONGEST = 300


def redact(text: str) -> str:
    """Replace whatever has the form of a token or a proof."""
    return _SECRET.sub("[redacted]", text)


def plain(text: str) -> str:
    """One line of platform text that is safe in a log, a terminal and a row: no control characters, no secrets, cut."""
    clean = redact(_CONTROL.sub(" ", text)).strip()
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"


class _NoSecrets(logging.Filter):
    """urllib3 logs each request line at DEBUG, with the query, where Meta wants the proof of a GET."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


_FILTER = _NoSecrets()


def guard_logs() -> None:
    """Put the filter on the only foreign logger that sees our requests; doing it twice changes nothing."""
    logging.getLogger("urllib3.connectionpool").addFilter(_FILTER)

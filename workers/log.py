"""Logs: structlog, JSON lines for files and machines, readable on a terminal; secrets are cut out of every line."""

import logging
import re
import sys
from collections.abc import Collection, MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

_HIDDEN = "[hidden]"
_SECRET_KEYS = re.compile(r"token|secret|password|authorization|api_key", re.IGNORECASE)
_SECRET_TEXTS = (
    re.compile(r"\bEAA[0-9A-Za-z]{16,}"),  # Meta's access tokens
    re.compile(r"(?i)(access_token|client_secret|appsecret_proof|authorization)([\"']?\s*[=:]\s*[\"']?)(bearer\s+)?[^\s&\"',}]+"),
    re.compile(r"(://[^/\s:@]*:)[^@\s]+@"),  # the password of an address
)  # fmt: skip
_OURS = frozenset({"op_token"})  # the operation's token in a name is no secret: it joins logs on both sides


_known: set[str] = set()  # secrets that this process has opened, whatever their form
_SHORTEST = 8  # a shorter one would blot out ordinary words


def hide(secret: str) -> None:
    """Cut this very text out of every line from now on."""
    if len(secret) >= _SHORTEST:
        _known.add(secret)


def redact_text(text: str) -> str:
    """Cut tokens and passwords out of a text."""
    for secret in _known:
        text = text.replace(secret, _HIDDEN)
    text = _SECRET_TEXTS[0].sub(_HIDDEN, text)
    text = _SECRET_TEXTS[1].sub(rf"\1\2{_HIDDEN}", text)
    return _SECRET_TEXTS[2].sub(rf"\1{_HIDDEN}@", text)


class Redaction:
    """Cuts known secrets, and what looks like one, out of a log line."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the line without secrets."""
        for key, value in event.items():
            is_secret = _SECRET_KEYS.search(key) and key not in _OURS
            event[key] = _HIDDEN if is_secret and isinstance(value, str) else self._clean(value)
        return event

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, _HIDDEN)
            return redact_text(value)
        if isinstance(value, dict):
            return {key: self._clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(item) for item in value]
        return value


def set_up(*, level: str = "info", secrets: Collection[str] = (), readable: bool | None = None) -> None:
    """Send every log line of this process, Celery's too, to standard error. Safe to call again.

    `readable` defaults to whether standard error is a terminal.
    """
    is_readable = sys.stderr.isatty() if readable is None else readable
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        Redaction(secrets),
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if is_readable else structlog.processors.JSONRenderer(ensure_ascii=True)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("urllib3", "kombu", "amqp", "celery.app.trace"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))

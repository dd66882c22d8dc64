"""The small files of a data folder: written whole or not at all, readable by their owner only."""

import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner may read it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; a missing or damaged file reads as an empty one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def kept_secret(path: Path) -> str:
    """Return the secret kept in this file, made on first use."""
    if path.exists() and (secret := path.read_text(encoding="utf-8").strip()):
        return secret
    secret = secrets.token_urlsafe(24)
    write_private(path, secret + "\n")
    return secret

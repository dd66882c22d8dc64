"""Flower's login: made once, kept in the data folder for its owner's eyes, never on a command line or in a log."""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from embedded.files import read_json, write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowerLogin:
    """Who may look. `is_new` says that it was made just now and should be shown once."""

    user: str
    password: str = field(repr=False)
    is_new: bool = False


def flower_login(home: Path) -> FlowerLogin:
    """Return the login kept in `flower.json` of the data folder, made on first use."""
    path = home / "flower.json"
    kept = read_json(path)
    if kept.get("user") and kept.get("password"):
        return FlowerLogin(user=str(kept["user"]), password=str(kept["password"]))
    home.mkdir(parents=True, exist_ok=True)
    login = FlowerLogin(user="stakazo", password=secrets.token_urlsafe(18), is_new=True)
    write_private(path, json.dumps({"user": login.user, "password": login.password}))
    return login

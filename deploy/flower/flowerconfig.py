"""Flower's configuration in docker-compose.yml: who may look comes as a file, not on a command line."""

# ruff: noqa: INP001 - Flower reads this file, nobody imports it
import os
from pathlib import Path

basic_auth = [Path(os.environ["FLOWER_LOGIN_FILE"]).read_text(encoding="utf-8").strip()]

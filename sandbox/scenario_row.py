"""What every part of a scenario is made of: immutable rows that refuse unknown keys, numbers that name their source."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

ASSUMED = "assumed"


class Row(BaseModel):
    """A part of the scenario: immutable, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def number(text: str, *, source: str = ASSUMED, default: Any = ..., **bounds: Any) -> Any:
    """Return a field that says what it means and where its default or its usual values come from.

    `source` cites facts/domain.md, or says that the figure is assumed; `docs/reference/scenario.md` shows it.
    """
    return Field(default=default, description=text, json_schema_extra={"source": source}, **bounds)


def told(text: str, *, default: Any = ..., **bounds: Any) -> Any:
    """Return a field that is no number: a name, a place, a list."""
    return Field(default=default, description=text, **bounds)

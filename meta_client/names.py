"""The operation's token in an object's name: how a create is found again when its answer was lost."""

import re

LONGEST_NAME = 400  # facts/meta_graph_api.md §2.3
_TOKEN = re.compile(r"\|op:([0-9A-Za-z_-]{4,64})")
_SUFFIX = re.compile(r" \|op:[0-9A-Za-z_-]{4,64}\Z")


def with_token(name: str, op_token: str, *, longest: int = LONGEST_NAME) -> str:
    """Append the token; a name too long for Meta loses its end, never the token."""
    suffix = f" |op:{op_token}"
    return name[: longest - len(suffix)] + suffix


def without_token(name: str) -> str:
    """The name as people know it; everything else in it is kept as it is, newlines included."""
    return _SUFFIX.sub("", name)


def token_of(name: str) -> str | None:
    """The token that the name carries, also where a person has written around it; of several the last."""
    found = _TOKEN.findall(name)
    return found[-1] if found else None


def has_token(name: str, op_token: str) -> bool:
    """Whether the name carries this very token, also when a person has renamed or copied the object around it."""
    return re.search(rf"\|op:{re.escape(op_token)}(?![0-9A-Za-z_-])", name) is not None

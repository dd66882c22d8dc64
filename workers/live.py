"""What a live platform's token must allow before anything is spoken through it."""

from domain.errors import NeedsPersonError
from domain.platforms import Platform
from domain.ports import PlatformReader, TokenInfo


def token_problems(platform: Platform, token: TokenInfo) -> tuple[str, ...]:
    """Say what is wrong with a token; empty = it will do."""
    if not token.is_valid:
        return (f"the access token of {platform.title} is not valid; make a new one",)
    missing = [scope for scope in platform.live_scopes if scope not in token.scopes]
    return tuple(f"the access token of {platform.title} lacks the permission {scope}" for scope in missing)


def require_permissions(platform: Platform, reader: PlatformReader) -> None:
    """Ask the platform what our token may do.

    Raises:
        NeedsPersonError: it is not valid or lacks a permission that LIVE cannot do without; all are named.
        PlatformError: the platform did not say; then nothing is spoken through it either.
    """
    problems = token_problems(platform, reader.token())
    if problems:
        raise NeedsPersonError("; ".join(problems))

"""Settings that lie in files, as container platforms hand out secrets: NAME_FILE holds the path, the file the value.

The password of an address may lie apart from it, so that the address itself can stand in a compose file.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

_SUFFIX: Final = "_FILE"
_PASSWORDS: Final = {  # the address that each completes
    "DATABASE_PASSWORD": "DATABASE_URL",
    "DATABASE_OWNER_PASSWORD": "DATABASE_OWNER_URL",
    "REDIS_PASSWORD": "REDIS_URL",
}
_LARGEST = 65_536


def read_files(environ: Mapping[str, str], settings: Iterable[str]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return what files add to the environment, by the name of the setting, and the problems met, without a value.

    `settings` are the names that the environment may hold. An empty file is a setting that is not set.
    """
    given: dict[str, str] = {}
    problems: list[str] = []
    for name in (*settings, *_PASSWORDS):
        path = environ.get(name + _SUFFIX)
        if not path:
            continue
        if environ.get(name):
            problems.append(f"{name} and {name}{_SUFFIX} are both set; keep one")
            continue
        value = _content(name, Path(path), problems)
        if value:
            given[name] = value
    addresses = dict(_with_passwords(given, {**environ, **given}, problems))
    kept = {name: value for name, value in given.items() if name not in _PASSWORDS}
    return {**kept, **addresses}, tuple(problems)


def _content(name: str, path: Path, problems: list[str]) -> str:
    """Return the file's text without the line's end that editors leave behind."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise ValueError("it is larger than 64 kB")  # noqa: TRY301 - told as the other problems are
        return raw.decode("utf-8").strip("\r\n")
    except (OSError, ValueError) as error:  # the text of a decoding error quotes what it read
        why = error.strerror if isinstance(error, OSError) else "it is not a short text"
        problems.append(f"{name}{_SUFFIX} names {path}, which cannot be read ({why}); let this user read it")
        return ""


def _with_passwords(
    given: Mapping[str, str], known: Mapping[str, str], problems: list[str]
) -> Iterator[tuple[str, str]]:
    for name, address in _PASSWORDS.items():
        password = given.get(name)
        if not password:
            continue
        url = known.get(address)
        if not url:
            problems.append(f"{name}{_SUFFIX} is set, but {address} is not; write the address without a password there")
            continue
        try:
            yield address, _filled(url, password)
        except ValueError as error:
            problems.append(f"{name}{_SUFFIX} cannot complete {address} ({error}); leave one password out")


def _filled(url: str, password: str) -> str:
    """Put the password into the address; it may hold any sign.

    Raises:
        ValueError: the address has a password already, or cannot be read; never quotes either.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("the address cannot be read") from None
    if parts.password:
        raise ValueError("the address has a password of its own")
    user, at, place = parts.netloc.rpartition("@")
    if not place:
        raise ValueError("the address names no server")
    name = user.removesuffix(":") if at else ""
    return parts._replace(netloc=f"{name}:{quote(password, safe='')}@{place}").geturl()

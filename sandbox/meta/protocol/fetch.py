"""Fetches what a `file_url` names: from this machine only, without redirects, up to a size. The sandbox is offline."""

import http.client
import ipaddress
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import urlsplit

from sandbox import media
from sandbox.meta.context import Context
from sandbox.meta.media.served import PREFIX
from sandbox.meta.protocol.errors import GraphError

_MAX_BYTES: Final = 64 << 20
_TIMEOUT_S: Final = 5.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a redirect could lead off this machine."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def fetched(context: Context, url: str) -> tuple[str, bytes]:
    """Return a name and the bytes behind an address.

    Raises:
        GraphError: 389, it is not of this machine, or nothing readable is there.
    """
    url = url.strip().strip('"')
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _unreachable("it is no address") from None
    name = parts.path.rpartition("/")[2]
    if parts.scheme == "http" and _is_own(context, host, port):
        path = media.file_of(context.platform, name)
        if path is None or not path.is_file() or not parts.path.startswith(PREFIX):
            raise _unreachable("nothing is there")
        return name, path.read_bytes()
    if parts.scheme not in ("http", "https") or not _is_here(host):
        raise _unreachable("this sandbox fetches from loopback addresses only")
    return name, _read(url)


def _is_own(context: Context, host: str, port: int | None) -> bool:
    """Say whether an address is the sandbox's own, by whatever name: its one thread cannot ask itself."""
    name, _, own_port = context.call.host.rpartition(":")
    return str(port) == own_port and (host == name or _is_here(host))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(url: str) -> bytes:
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_S) as answer:
            content = bytes(answer.read(_MAX_BYTES + 1))
    except (OSError, ValueError, http.client.HTTPException) as error:  # urllib's own errors are OSErrors
        raise _unreachable(type(error).__name__) from None
    if len(content) > _MAX_BYTES:
        raise _unreachable(f"it is longer than {_MAX_BYTES} bytes: upload it in chunks")
    return content


def _unreachable(why: str) -> GraphError:
    return GraphError(389, "(#389) Unable to fetch video file from URL.", title="Video not fetched", user=f"{why}.")

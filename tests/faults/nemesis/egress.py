"""Runs our own code while it is noted where it connects; whatever is not this machine is refused and reported.

A process of its own, `python -m tests.faults.nemesis.egress FLIPS`, with the house's variables; prints one document.
"""

import ipaddress
import json
import sys
from typing import Any

_connects: list[str] = []
_outside: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: nobody can take it off again."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _note(str(arguments[1][0]))
    elif event == "socket.getaddrinfo" and arguments[0] is not None:
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else str(arguments[0])
        _note(host)


def _note(host: str) -> None:
    _connects.append(host)
    if not _is_here(host):
        _outside.append(host)
        raise ConnectionRefusedError(f"the experiment lets nothing out to {host}")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main() -> None:
    flips, trusts_environment = int(sys.argv[1]), "--careless" in sys.argv
    sys.addaudithook(watch)
    from tests.faults.nemesis.flipping import flip  # late: the hook sees what imports do, too

    told = flip(flips, careless=trusts_environment)
    json.dump({"connects": len(_connects), "outside": _outside, **told}, sys.stdout)


if __name__ == "__main__":
    main()

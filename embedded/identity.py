"""Who a child runs as. Postgres refuses to run as root, so root needs another face for it; nobody else does.

Root's first choice is a user namespace of its own: inside it the same files belong to an ordinary user, so nothing is
created, chowned or made readable to others, even under /root. Where a container forbids that, an account is used.
"""

import ctypes
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_SPARE_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A face for a child: the caller's own, an account, or an ordinary user inside a private user namespace."""

    label: str
    uid: int | None = None
    gid: int | None = None
    namespaced: bool = False

    @property
    def is_account(self) -> bool:
        """Say whether the child gives up the caller's uid altogether."""
        return self.uid is not None and not self.namespaced

    def own(self, path: Path) -> None:
        """Hand a file or folder to the account; the other faces own what the caller owns."""
        if self.is_account:
            os.chown(path, self.uid or 0, self.gid or 0)

    def entry(self) -> Callable[[], None]:
        """Return what the child must do between fork and exec to put the face on."""
        if not self.namespaced:
            return lambda: None
        maps = ((f"{self.uid} {os.geteuid()} 1", "uid_map"), (f"{self.gid} {os.getegid()} 1", "gid_map"))
        return lambda: _enter_namespace(maps)


CALLER = Identity(label="the calling user")


def account(name_or_uid: str | int) -> Identity | None:
    """Return an account of this machine as an identity, or None if there is none."""
    try:
        entry = pwd.getpwnam(name_or_uid) if isinstance(name_or_uid, str) else pwd.getpwuid(name_or_uid)
    except KeyError:
        return None
    return Identity(label=f"the account {entry.pw_name}", uid=entry.pw_uid, gid=entry.pw_gid)


def namespace() -> Identity:
    """Return the caller as an ordinary user of a private user namespace."""
    # initdb looks its user up by name, so the inner uid must be one that the machine's user table knows.
    inner = next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)
    uid, gid = (inner.pw_uid, inner.pw_gid) if inner else (1, 1)
    return Identity(label="a private user namespace", uid=uid, gid=gid, namespaced=True)


def faces_for_new(folder: Path) -> tuple[Identity, ...]:
    """Return the identities to try, best first, for a server whose files do not exist yet."""
    if os.geteuid() != 0:
        return (CALLER, namespace())
    owner_uid = folder.stat().st_uid
    owner = account(owner_uid) if owner_uid != 0 else None
    spare = (account(name) for name in _SPARE_ACCOUNTS)
    return tuple(face for face in (owner, namespace(), *spare) if face is not None)


def face_for_existing(data: Path) -> Identity:
    """Return the identity that owns the files of an existing server."""
    owner_uid = data.stat().st_uid
    if os.geteuid() != 0:
        return CALLER
    if owner_uid == 0:
        return namespace()
    known = account(owner_uid)
    return known or Identity(label=f"uid {owner_uid}", uid=owner_uid, gid=data.stat().st_gid)


def _enter_namespace(maps: tuple[tuple[str, str], ...]) -> None:
    if _LIBC.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not available here")
    Path("/proc/self/setgroups").write_text("deny")
    for mapping, file in maps:
        Path(f"/proc/self/{file}").write_text(mapping)

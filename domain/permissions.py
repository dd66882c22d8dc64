"""Who may do what: roles, permissions, and the one table between them. What is not listed is not allowed.

Code asks for a permission, never for a role. Stopping is easy, resuming is hard (ARCHITECTURE §5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from domain.errors import NotAllowedError
from domain.ids import PrincipalId


class Role(StrEnum):
    """What a principal is; each may all that the one before it may."""

    VIEWER = "viewer"
    MANAGER = "manager"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that somebody may be allowed to do."""

    READ = "read"  # look at anything but secrets
    RUN_CYCLE = "cycle.run"
    PROPOSE = "action.propose"  # ask the door for a change
    APPROVE = "action.approve"
    STOP = "fence.close"
    RESUME = "fence.open"
    COMMAND = "tower.command"
    SET_LIMITS = "limits.set"  # caps, levels, goals, policies
    MARK = "object.mark"  # never touch
    REQUEUE = "dead.requeue"
    MANAGE_USERS = "users.manage"
    MANAGE_SECRETS = "secrets.manage"
    AUDIT_EXPORT = "audit.export"


_VIEWER = frozenset({Permission.READ})
_MANAGER = _VIEWER | {
    Permission.RUN_CYCLE,
    Permission.PROPOSE,
    Permission.APPROVE,
    Permission.STOP,
    Permission.MARK,
    Permission.AUDIT_EXPORT,
}

GRANTS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {Role.VIEWER: _VIEWER, Role.MANAGER: _MANAGER, Role.ADMIN: frozenset(Permission)}
)


def may(role: Role | None, permission: Permission) -> bool:
    """Whether the role is granted the permission; nobody (None) is granted nothing."""
    return role is not None and permission in GRANTS[role]


def granted_to(permission: Permission) -> tuple[Role, ...]:
    """The roles that hold a permission, the least first."""
    return tuple(role for role in Role if permission in GRANTS[role])


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, as read in this transaction: a person or a machine that is entered and not disabled."""

    id: PrincipalId
    name: str
    role: Role


def require(principal: Principal, permission: Permission) -> None:
    """Let through whom the table lets through.

    Raises:
        NotAllowedError: the principal's role does not hold the permission; says who can grant it.
    """
    if may(principal.role, permission):
        return
    role = granted_to(permission)[0]
    raise NotAllowedError(
        f"{principal.name} is a {principal.role} and lacks {permission}, which {role}s have;"
        f" an admin grants it with `stakazo user role {principal.name} {role}`"
    )

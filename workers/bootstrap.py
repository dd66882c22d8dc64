"""The composition root: builds the engine, clients, clocks, doorbell and executor from settings and hands them down.

Nothing is opened before it is asked for, and everything opened belongs to the process that asked: after a fork the
child builds its own.
"""

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from actions.executor import Executor
from actions.guardrails import Limits
from actions.timing import Timing
from domain import catalogue
from domain.actions import Mode
from domain.broker_ports import Switchboard
from domain.clock import PlatformClock
from domain.contract import Clause, OpenContract, PlatformContract
from domain.errors import NotReadyError
from domain.platforms import Platform
from domain.ports import CallGate, Client, ClientOptions, Doorbell, OpenClient, PlatformReader, Processes
from models.accounts import Account
from models.engine import make_engine
from models.secrets import Place
from workers import addresses
from workers.clock import RealClock, sandbox_clock
from workers.gate import QuotaGate, gate_engine
from workers.live import require_permissions
from workers.processes import MachineProcesses
from workers.settings import STORABLE, PlatformSettings, Settings, read_settings
from workers.vault import StoredSecret

if TYPE_CHECKING:
    from celery import Celery

    from workers.switchboard import CelerySwitchboard


_MaybeEngine = Callable[[], Engine | None]
_NOBODY = ClientOptions(base_url=None, token=str, app_secret=lambda: None)
_POOLS = frozenset({"engine", "_gate_engine"})


class House:
    """Everything a process needs, opened at first use. Close it, or hold it with `with`."""

    def __init__(self, settings: Settings, *, name: str = "stakazo", pool_size: int = 2) -> None:
        self.settings = settings
        self._name = name
        self._pool_size = pool_size
        self._open = _Opened(settings, name, pool_size)

    @classmethod
    def open(cls, settings: Settings | None = None, *, name: str = "stakazo", pool_size: int = 2) -> Self:
        """Build a house on these settings, or on the environment; connects to nothing yet.

        Raises:
            SettingsError: the environment has problems; all are listed.
        """
        return cls(settings or read_settings(), name=name, pool_size=pool_size)

    @property
    def engine(self) -> Engine:
        """The pool of Postgres connections of this process.

        Raises:
            NotReadyError: there is no database to speak to.
        """
        return self._mine().engine

    @property
    def doorbell(self) -> Doorbell:
        """The bell that tells workers of rows; ringing raises nothing."""
        return self._mine().doorbell

    @property
    def switchboard(self) -> Switchboard:
        """Celery's remote control."""
        return self._mine().switchboard

    @property
    def processes(self) -> Processes:
        """This machine's processes, as its supervisor wrote them down."""
        return MachineProcesses(self.settings.home)

    def reconnect(self) -> None:
        """Open every connection to Postgres anew at its next use."""
        self._mine().reconnect()

    def forget_derived(self) -> None:
        """Drop clients and clocks: what they read once and kept (addresses, tokens, permissions) is read anew."""
        self._mine().forget_derived()

    def client_of(self, account: Account) -> Client:
        """Return the account's platform client: the sandbox in STUB, the platform itself in LIVE; one code path.

        Raises:
            NotReadyError: the platform has no client, the sandbox is not there, or LIVE's credentials are missing.
            PlatformError: LIVE's token lacks a permission, or the platform does not say what it may do.
        """
        return self.client(account.platform, account.mode)

    def client(self, platform: str, mode: Mode) -> Client:
        """Return a platform's client without an account, to see which accounts there are; raises as `client_of`."""
        return self._mine().client(platform, mode)

    def reader_to_examine(self, platform: str) -> PlatformReader:
        """Return LIVE's reading half without asking first what our token may do: to find out why it may not.

        Raises:
            NotReadyError: the platform has no client, or LIVE's credentials are missing.
        """
        return _open_live(self.settings, catalogue.platform(platform), self._mine().engine_or_none).reader

    def contract(self, platform: str, mode: Mode) -> tuple[PlatformContract, PlatformClock]:
        """Return the suite of a platform's client, which only reads and keeps no budget of calls, and the clock there.

        Raises:
            NotReadyError: the platform has none, the sandbox is not there, or LIVE's credentials are missing.
        """
        row, mine = catalogue.platform(platform), self._mine()
        if mode is Mode.LIVE:
            options = _live_options(self.settings, row, mine.engine_or_none)
        else:
            options = _stub_options(self.settings, addresses.sandbox_url(self.settings))
        return _suite(row)(options), mine.clock(mode)

    def contract_clauses(self, platform: str) -> Sequence[Clause]:
        """Return what that suite asks; needs no credentials and speaks to nobody.

        Raises:
            NotReadyError: the platform has none.
        """
        return _suite(catalogue.platform(platform))(_NOBODY).clauses()

    def clock_of(self, account: Account) -> PlatformClock:
        """Return the clock that rules the account's business.

        Raises:
            NotReadyError: the sandbox has not said where it is.
        """
        return self._mine().clock(account.mode)

    def executor(self, owner: str, *, timing: Timing | None = None) -> Executor:
        """Return an executor of actions that claims rows as `owner`."""
        if timing is None:
            timing = Timing(quarantine_stub_s=self.settings.common.stub_quarantine_s)
        return Executor(self.engine, self.client_of, self.clock_of, owner, timing, limits=limits_of(self.settings))

    def close(self) -> None:
        """Let every connection go."""
        self._mine().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mine(self) -> "_Opened":
        if self._open.pid != os.getpid():
            self._open.forget()
            self._open = _Opened(self.settings, self._name, self._pool_size)
        return self._open


def limits_of(settings: Settings) -> Limits:
    """Return the house's change limits, with the caps of the settings for accounts that have none of their own."""
    return Limits(
        ad_set_cap=settings.max_daily_budget_per_adset,
        account_cap=settings.max_total_daily_spend,
        max_change=settings.max_change_without_approval,
    )


class _Opened:
    """What one process has opened."""

    def __init__(self, settings: Settings, name: str, pool_size: int) -> None:
        self.pid = os.getpid()
        self._settings = settings
        self._name = name
        self._pool_size = pool_size
        self._clients: dict[tuple[str, str | None], Client] = {}
        self._clocks: dict[str | None, PlatformClock] = {}

    @cached_property
    def engine(self) -> Engine:
        url = addresses.database_url(self._settings)
        return make_engine(url, pool_size=self._pool_size, application_name=self._name)

    def engine_or_none(self) -> Engine | None:
        """The pool, None where there is no database to speak to."""
        try:
            return self.engine
        except NotReadyError:
            return None

    @cached_property
    def _gate_engine(self) -> Engine:
        return gate_engine(addresses.database_url(self._settings), self._name)

    @cached_property
    def _sender(self) -> "Celery":
        from workers.doorbell import (
            sender_app,
        )  # late, as below: Celery costs half a second that reading can do without

        return sender_app(addresses.redis_url(self._settings))

    @cached_property
    def doorbell(self) -> Doorbell:
        from workers.doorbell import CeleryDoorbell  # late: it loads Celery

        return CeleryDoorbell(self._sender)

    @cached_property
    def switchboard(self) -> "CelerySwitchboard":
        from workers.switchboard import CelerySwitchboard  # late: it loads Celery

        return CelerySwitchboard(self._sender)

    def client(self, slug: str, mode: Mode) -> Client:
        base_url = None if mode is Mode.LIVE else addresses.sandbox_url(self._settings)
        key = (slug, base_url)  # a sandbox that came back elsewhere gets a client of its own
        if key not in self._clients:
            gate = QuotaGate(lambda: self._gate_engine, slug, mode)
            row = catalogue.platform(slug)
            self._clients[key] = _open_client(self._settings, row, base_url, self.engine_or_none, gate)
        return self._clients[key]

    def clock(self, mode: Mode) -> PlatformClock:
        admin_url = None if mode is Mode.LIVE else addresses.sandbox_admin_url(self._settings)
        if admin_url not in self._clocks:
            self._clocks[admin_url] = RealClock() if admin_url is None else sandbox_clock(admin_url)
        return self._clocks[admin_url]

    def forget(self) -> None:
        """Drop what a parent process opened without closing its sockets, which are still the parent's."""
        for name in _POOLS & self.__dict__.keys():
            getattr(self, name).dispose(close=False)

    def reconnect(self) -> None:
        """Close what lies in the pools; SQLAlchemy opens new ones in their place."""
        for name in _POOLS & self.__dict__.keys():
            getattr(self, name).dispose()

    def forget_derived(self) -> None:
        """Drop what was opened from settings, secrets and files of others."""
        self._clients.clear()
        self._clocks.clear()

    def close(self) -> None:
        if "switchboard" in self.__dict__:
            self.switchboard.close()
        if "_sender" in self.__dict__:
            self._sender.close()
        for name in _POOLS & self.__dict__.keys():
            getattr(self, name).dispose()


def _open_client(
    settings: Settings, platform: Platform, base_url: str | None, engine: _MaybeEngine, gate: CallGate
) -> Client:
    """Load the client that the platform's row names; `base_url` is the sandbox's, None for the platform itself."""
    if base_url is not None:
        return _opener(platform)(replace(_stub_options(settings, base_url), gate=gate))
    client = _open_live(settings, platform, engine, gate)
    require_permissions(platform, client.reader)
    return client


def _open_live(settings: Settings, platform: Platform, engine: _MaybeEngine, gate: CallGate | None = None) -> Client:
    return _opener(platform)(replace(_live_options(settings, platform, engine), gate=gate))


def _opener(platform: Platform) -> OpenClient:
    if platform.client is None:
        raise NotReadyError(f"{platform.title} is planned: it has no client yet")
    return cast("OpenClient", _named(platform.client))


def _suite(platform: Platform) -> OpenContract:
    if platform.contract is None:
        raise NotReadyError(f"{platform.title} is planned: it has no client yet")
    return cast("OpenContract", _named(platform.contract))


def _named(place: str) -> object:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


def _stub_options(settings: Settings, base_url: str) -> ClientOptions:
    addresses.sandbox_token(settings)  # fail now, with words, rather than at the first call
    return ClientOptions(
        base_url=base_url,
        token=lambda: addresses.sandbox_token(settings),
        app_secret=lambda: addresses.sandbox_app_secret(settings),
    )


def _live_options(settings: Settings, platform: Platform, engine: _MaybeEngine) -> ClientOptions:
    """Credentials of the environment; what it lacks of secrets, from the vault."""
    own = settings.of(platform.slug)
    stored = {name: StoredSecret(settings, engine, Place(platform=platform.slug, name=name)) for name in STORABLE}

    def secret(name: str) -> str | None:
        return own.secret(name) or stored[name]()

    prefix = f"{platform.slug.upper()}_"
    fields = {name: name.removeprefix(prefix).lower() for name in platform.live_settings}
    missing = [name for name, field in fields.items() if not (_read(secret, field, own))]
    if missing:
        raise NotReadyError(
            f"a live account of {platform.title} needs {', '.join(missing)}; set them and start again, or store the "
            f"secrets among them: `stakazo secret set {platform.slug}.access_token`"
        )
    return ClientOptions(
        base_url=own.api_base_url, token=lambda: secret("access_token") or "", app_secret=lambda: secret("app_secret")
    )


def _read(secret: Callable[[str], str | None], field: str, own: PlatformSettings) -> object:
    if field not in STORABLE:
        return getattr(own, field, None)
    try:
        return secret(field)
    except SQLAlchemyError:  # the tables are not there yet, or Postgres is away: then nothing is stored
        return None

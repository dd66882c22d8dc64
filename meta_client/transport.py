"""One HTTP call to the Graph API: pooled, bounded by a hard deadline, the token in a header only. No Meta objects here.

What a failure means is decided by one fact, kept by `sockets.py`: whether a byte of the request was handed over.
"""

import http.client
import os
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.cookiejar import DefaultCookiePolicy
from math import inf
from urllib.parse import quote, urlencode

import requests
import urllib3.exceptions

from domain.errors import NeedsPersonError, NotSentError, PlatformError, TransientError, UnknownOutcomeError
from domain.ids import PlatformAccountId
from domain.ports import CallPass, ClientOptions, Usage
from meta_client import cut, told
from meta_client.credentials import Credentials
from meta_client.errors import to_error
from meta_client.multipart import FilePart, encode
from meta_client.redact import guard_logs
from meta_client.sockets import CONNECT_TIMEOUT_S, BoundedAdapter, Call, deadline
from meta_client.usage import NOTHING_KNOWN, merge
from meta_client.versions import API_VERSION

BASE_URL = "https://graph.facebook.com"
_VIDEO_URL = "https://graph-video.facebook.com"  # where Meta takes videos; any other platform's host takes them itself
_OK = 200
# What `requests` and the layers under it raise for a broken exchange. Anything else is a bug and passes through.
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer; with status 200 its body may still hold an error (`refuse` turns it into one)."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)  # may quote a secret, and error trackers show the locals of frames


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    is_write: bool
    path: str
    params: Mapping[str, str] = field(repr=False)  # may hold digests of people
    about: str
    deadline_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    is_batch: bool = False  # of reads, or a report that is asked for: a POST that changes nothing
    not_after_s: float = inf
    account: PlatformAccountId | None = None
    calls: int = 1  # that it counts for: the items of a batch
    file: FilePart | None = None  # a write that carries one goes as multipart
    is_video: bool = False

    @property
    def is_post(self) -> bool:
        return self.is_write or self.is_batch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The quota as answers told it, and when by our monotonic clock."""

    usage: Usage = NOTHING_KNOWN
    at_s: float = 0.0


_NOTHING = _Known()


class _Local(threading.local):
    session: requests.Session | None = None
    pid: int = 0


class Transport:
    """Sends single calls. Safe for threads and forks: each thread of each process has a session of its own."""

    def __init__(self, options: ClientOptions, *, ca_file: str | None = None) -> None:
        guard_logs()
        base = (options.base_url or BASE_URL).rstrip("/")
        self._root = f"{base}/{API_VERSION}"
        self._video_root = f"{_VIDEO_URL if base == BASE_URL else base}/{API_VERSION}"
        self._credentials = Credentials(options.token, options.app_secret)
        self._timeout_s = options.read_timeout_s
        self._ca_file = ca_file
        self._local = _Local()
        self._gate = options.gate
        self._known: dict[PlatformAccountId | None, _Known] = {}
        self.version_warning = ""  # of the newest answer that had one: our version has ended, or was not what answered

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        about: str,
        deadline_s: float | None = None,
        account: PlatformAccountId | None = None,
    ) -> Answer:
        """Read once, within a total of `deadline_s` (None = the client's read timeout).

        `account` is whose calls it counts among, where the path does not say it.

        Raises:
            TransientError: no complete answer, or one that is not Meta's.
            PlatformError: Meta refused; by `errors.to_error`.
        """
        seconds = self._timeout_s if deadline_s is None else deadline_s
        request = _Request(
            is_write=False,
            path=path,
            params=params,
            about=about,
            deadline_s=seconds,
            account=told.account_of(path, account),
        )
        return self._call(request)

    def get_many(
        self, form: Mapping[str, str], *, about: str, calls: int = 1, account: PlatformAccountId | None = None
    ) -> Answer:
        """Send a batch of so many reads, which Meta takes by POST; raises as `get`. What it changes is nothing."""
        request = _Request(
            is_write=False,
            is_batch=True,
            path="",
            params=form,
            about=about,
            deadline_s=self._timeout_s,
            account=told.account_of("", account),
            calls=calls,
        )
        return self._call(request)

    def ask(self, path: str, form: Mapping[str, str], *, about: str) -> Answer:
        """Have Meta work something out, which it takes by POST; raises as `get`. What it changes is nothing."""
        request = _Request(
            is_write=False,
            is_batch=True,
            path=path,
            params=form,
            about=about,
            deadline_s=self._timeout_s,
            account=told.account_of(path, None),
        )
        return self._call(request)

    def post(
        self,
        path: str,
        form: Mapping[str, str],
        *,
        about: str,
        deadline_s: float,
        request_id: str | None,
        not_after_s: float = inf,
        account: PlatformAccountId | None = None,
        calls: int = 1,
        file: FilePart | None = None,
        is_video: bool = False,
    ) -> Answer:
        """Write once, over a connection of its own; nothing is ever sent again, and nothing past `not_after_s`.

        `is_video` sends it to where videos are taken, which on Meta is a host of its own.

        Raises:
            NotSentError: no byte of the request was handed to the kernel.
            UnknownOutcomeError: a byte was, and no answer came that could be trusted.
            PlatformError: Meta refused; by `errors.to_error`.
        """
        headers = {"X-Request-Id": request_id} if request_id else {}
        return self._call(
            _Request(
                is_write=True,
                path=path,
                params=form,
                about=about,
                deadline_s=deadline_s,
                headers=headers,
                not_after_s=not_after_s,
                account=told.account_of(path, account),
                calls=calls,
                file=file,
                is_video=is_video,
            )
        )

    def may_repeat(self, path: str, account: PlatformAccountId | None = None) -> bool:
        """Whether the account's budget of repeats has one left; takes it."""
        return self._gate is None or self._gate.may_repeat(told.account_of(path, account))

    def usage(self, account: PlatformAccountId | None = None) -> Usage:
        """What the newest answer about the account said of the quota, or about anything; the wait shrinks with time."""
        if account is None:
            row = max(tuple(self._known.values()), key=lambda known: known.at_s, default=_NOTHING)
        else:
            row = self._known.get(told.account_of("", account), _NOTHING)
        passed_s, known = time.monotonic() - row.at_s, row.usage
        return Usage(
            account=known.account,
            business=known.business,
            insights=known.insights,
            regain_at_s=max(0.0, known.regain_at_s - passed_s),
            score_limit=known.score_limit,
        )

    def refuse(self, answer: Answer, *, is_write: bool, about: str) -> PlatformError:
        """The error that an answer holds, or the doubt that its odd body leaves."""
        body = self._credentials.scrub(answer.body)
        return to_error(answer.status, answer.headers, body, is_write=is_write, about=about)

    def _call(self, request: _Request) -> Answer:
        if not self._credentials.can_sign():
            raise NeedsPersonError(
                f"{request.about}: the access token is empty or has characters that no token has; set META_ACCESS_TOKEN"
            )
        ender = None if request.is_write else cut.current()
        if ender is not None:
            ender.check()
        request, held = self._enter(request)
        answer = self._exchange(request)
        if isinstance(answer, PlatformError):
            if ender is not None and ender.is_done:
                # That we hung up says nothing of the platform: no breaker may close by it.
                self._leave(None if held is None else replace(held, probes=()), None, None)
                raise cut.CutError
            self._leave(held, None, answer)
            # Raised here, outside any `except`: the library's exception holds the request with its headers, and
            # would hang on ours as its context.
            raise answer
        self._note(request, held, answer)
        if answer.status != _OK:
            raise self.refuse(answer, is_write=request.is_write, about=request.about)
        return answer

    def _enter(self, request: _Request) -> tuple[_Request, CallPass | None]:
        """Ask the gate; the time that it takes is none that the call has."""
        if self._gate is None:
            return request, None
        begun_s = time.monotonic()
        held = self._gate.enter(
            request.account, told.kind_of(request.path, is_write=request.is_write), calls=request.calls
        )
        return replace(request, deadline_s=request.deadline_s - (time.monotonic() - begun_s)), held

    def _note(self, request: _Request, held: CallPass | None, answer: Answer) -> None:
        """Remember what the answer says of the quota, here and at the gate, and of our version."""
        self.version_warning = told.version_warning(answer.headers) or self.version_warning
        read = told.read_batch if request.path == "" else told.read_single
        reading, error = read(
            answer.status,
            answer.headers,
            answer.body,
            lambda status, headers, body: self.refuse(
                Answer(status=status, headers=headers, body=body), is_write=request.is_write, about=request.about
            ),
        )
        known = self._known.get(request.account, _NOTHING).usage
        self._known[request.account] = _Known(usage=merge(known, reading), at_s=time.monotonic())
        self._leave(held, merge(NOTHING_KNOWN, reading), error)

    def _leave(self, held: CallPass | None, usage: Usage | None, error: PlatformError | None) -> None:
        if self._gate is not None and held is not None:
            self._gate.leave(held, usage, error)

    def _exchange(self, request: _Request) -> Answer | PlatformError:
        if request.deadline_s <= 0:
            return _broken(request, "no time was left to send it", byte_sent=False)
        root = self._video_root if request.is_video else self._root
        kind, body = encode(request.params, request.file) if request.file else ({}, request.params)
        with deadline(request.deadline_s, fresh=request.is_write, not_after_s=request.not_after_s) as call:
            try:
                session = self._session()
                response = session.send(
                    _prepared(session, request, f"{root}/{quote(request.path, safe='/')}", body, kind),
                    timeout=(min(CONNECT_TIMEOUT_S, request.deadline_s), request.deadline_s),
                    allow_redirects=False,
                    stream=True,
                    proxies={},
                )
                # In one piece: `response.content` would join some forty pieces of a page, each at its own cost.
                content = response.raw.read(decode_content=True)
                return Answer(status=response.status_code, headers=response.headers, body=content)
            except _BROKEN as error:
                return _broken(request, _cause(error, call, request.deadline_s), byte_sent=call.byte_sent)

    def _session(self) -> requests.Session:
        """This thread's session, never one made before a fork: two processes on one socket mix up their answers."""
        if self._local.session is None or self._local.pid != os.getpid():
            session = requests.Session()
            session.trust_env = False  # no proxy, no .netrc password instead of our token
            session.auth = self._credentials
            session.headers["User-Agent"] = "stakazo"
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            if self._ca_file is not None:
                session.verify = self._ca_file
            session.mount("https://", BoundedAdapter())
            session.mount("http://", BoundedAdapter())
            self._local.session, self._local.pid = session, os.getpid()
        return self._local.session


def _prepared(
    session: requests.Session, request: _Request, url: str, body: Mapping[str, str] | bytes, kind: Mapping[str, str]
) -> requests.PreparedRequest:
    """The signed request. A read's query is put on as it is: the library would parse and quote its kilobytes anew."""
    headers = {**request.headers, **kind}
    if request.is_post:
        return session.prepare_request(requests.Request("POST", url, data=body, headers=headers))
    prepared = session.prepare_request(requests.Request("GET", url, headers=headers))
    if request.params:
        prepared.url = f"{prepared.url}{'&' if '?' in (prepared.url or '') else '?'}{urlencode(request.params)}"
    return prepared


def _broken(request: _Request, cause: str, *, byte_sent: bool) -> PlatformError:
    """What a broken exchange means."""
    if not request.is_write:
        return TransientError(f"{request.about}: {cause}")
    if byte_sent:
        return UnknownOutcomeError(f"{request.about}: {cause}; it may have happened: read it back before anything else")
    return NotSentError(f"{request.about}: {cause}; nothing was sent")


def _cause(error: BaseException, call: Call, deadline_s: float) -> str:
    """Say why in words of ours: texts of the libraries hold addresses and headers."""
    if call.came_late:
        return "the last instant for sending it had passed"
    if time.monotonic() >= call.ends_at:
        return f"no complete answer within {round(deadline_s, 2):g} s"
    root: BaseException = error
    for _ in range(10):
        inner = root.__cause__ or root.__context__
        if inner is None:
            break
        root = inner
    errno = root.errno if isinstance(root, OSError) and not isinstance(root, ssl.SSLError) else None
    detail = f", {os.strerror(errno)}" if errno is not None and errno > 0 else ""
    return f"the connection broke ({type(root).__name__}{detail})"

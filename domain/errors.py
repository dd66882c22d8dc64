"""The whole error tree; each branch tells the caller its next move.

StakazoError
├── BadInputError            a person corrects what they typed (exit 2)
│   └── SettingsError        all problems of the environment at once
├── NotAllowedError          somebody else must do it, or an admin grant it (exit 1)
├── NotReadyError            something that must run or exist does not; the message says how to get it (exit 1)
├── PlatformError            an ad platform said no, or nothing
│   ├── ThrottledError       nothing happened; try again at `retry_after_s`
│   ├── TransientError       a read failed in passing; a read may be repeated
│   ├── NeedsPersonError     token, permission or account: a person is needed
│   ├── RefusedError         understood and refused; nothing happened, repeating is useless
│   │   └── GoneError        the object does not exist for us
│   ├── NotSentError         no byte of the write left this machine; free to queue again
│   └── UnknownOutcomeError  the write may or may not have happened: read back, never repeat
├── FencedError              the fence is closed: nothing may be sent
├── LostClaimError           another process holds the row now: stop at once, write nothing
└── InvariantError           a bug of ours
"""

from collections.abc import Sequence


class StakazoError(Exception):
    """Root of everything the house raises on purpose."""


class BadInputError(StakazoError):
    """What a person typed cannot be used; the message says what to write instead."""


class SettingsError(BadInputError):
    """One or more settings are wrong or missing; `problems` lists them all."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class NotReadyError(StakazoError):
    """A server, a migration or an object is missing; the message says how to get it."""


class NotAllowedError(StakazoError):
    """Whoever asks may not; the message says which permission is missing and who grants it."""


class PlatformError(StakazoError):
    """Base of what a platform answers; carries its codes for support, never a token or a URL."""

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        subcode: int | None = None,
        trace_id: str | None = None,
        http_status: int | None = None,
    ) -> None:
        self.code = code
        self.subcode = subcode
        self.trace_id = trace_id
        self.http_status = http_status
        super().__init__(message)


class ThrottledError(PlatformError):
    """The platform asks for patience; `retry_after_s` is seconds from now, at least.

    Without a code it was our own gate that held the call back. Where `is_of_account` is False the limit is that of
    one object, and the account's other calls need not wait.
    """

    def __init__(self, message: str, *, retry_after_s: float, code: int | None = None, subcode: int | None = None,
                 trace_id: str | None = None, http_status: int | None = None,
                 is_of_account: bool = True) -> None:  # fmt: skip
        self.retry_after_s = retry_after_s
        self.is_of_account = is_of_account
        super().__init__(message, code=code, subcode=subcode, trace_id=trace_id, http_status=http_status)


class TransientError(PlatformError):
    """A read failed in passing."""


class NeedsPersonError(PlatformError):
    """Only a person can mend this: a token, a permission, a blocked account."""


class RefusedError(PlatformError):
    """The request was understood and refused; it had no effect."""


class GoneError(RefusedError):
    """The object does not exist, or not for this token."""


class NotSentError(PlatformError):
    """The write never left this machine."""


class UnknownOutcomeError(PlatformError):
    """The write may have happened; only reading back can tell."""


class FencedError(StakazoError):
    """The fence is closed for this account, or for all."""


class LostClaimError(StakazoError):
    """The row was claimed by another process meanwhile, or its state is no longer what we left."""


class InvariantError(StakazoError):
    """Something that cannot be, is: a bug."""

"""In whose name a call to a platform is made: a class and a pair that travel with the caller, from `actions`, `tasks`
and runs down to the gate, without a parameter on every read. Who says nothing is the door.
"""  # noqa: D205 - the sentence needs the room

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from domain.ports import CallClass

_CLASS: ContextVar[CallClass] = ContextVar("call_class", default=CallClass.DOOR)
_PAIR: ContextVar[str] = ContextVar("call_pair", default="")


def current_class() -> CallClass:
    """The class of calls that are made here and now."""
    return _CLASS.get()


@contextmanager
def calling(call_class: CallClass) -> Iterator[None]:
    """Make every call within the block in this class; also a decorator. A thread begun inside does not inherit it."""
    token = _CLASS.set(call_class)
    try:
        yield
    finally:
        _CLASS.reset(token)


def current_pair() -> str:
    """The slug of the pair in whose run calls are made here and now; "" for the door, a person, the tower."""
    return _PAIR.get()


@contextmanager
def calling_for(pair: str) -> Iterator[None]:
    """Make every call within the block in the name of a pair; as for `calling`, no thread inherits it."""
    token = _PAIR.set(pair)
    try:
        yield
    finally:
        _PAIR.reset(token)

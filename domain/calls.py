"""In whose name a call to a platform is made: a class that travels with the caller, from `actions` and `tasks`
down to the gate, without a parameter on every read. Who says nothing is the door.
"""  # noqa: D205 - the sentence needs the room

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from domain.ports import CallClass

_CLASS: ContextVar[CallClass] = ContextVar("call_class", default=CallClass.DOOR)


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

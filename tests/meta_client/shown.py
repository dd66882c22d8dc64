"""What an error shows to whoever logs or tracks it: its chain, and the locals of every frame of ours."""

import traceback
from collections.abc import Iterator


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        yield from _chain(error.__cause__)
        error = error.__context__


def everything_shown(error: BaseException) -> str:
    links = [f"{link!s} {link!r} {vars(link)!r}" for link in _chain(error)]
    traced = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in traced.stack if "/tests/" not in frame.filename]
    return "\n".join([*links, *traceback.StackSummary.from_list(ours).format(), *traced.format_exception_only()])

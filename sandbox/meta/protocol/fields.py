"""What a kind of thing beside the tree tells: a table of fields, and edges of such things, newest first.

A field that the platform knows but this sandbox does not model is named in `silent`: it is accepted and left out of
the answer, as a value that is absent is. Any other name is refused as Meta refuses it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from sandbox.meta.accounts.activities import listed
from sandbox.meta.context import Context, Json
from sandbox.meta.protocol.errors import parameter
from sandbox.meta.protocol.fieldspec import Wanted, spell, wanted_fields
from sandbox.meta.protocol.filters import OPERATORS, filter_rows
from sandbox.records import Record

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields(Generic[Thing]):
    """The fields of a kind of thing; `always` are those that are there without being asked for."""

    type_name: str
    getters: Mapping[str, Callable[[Context, Thing], Any]]
    silent: frozenset[str] = field(default_factory=frozenset)
    always: tuple[str, ...] = ("id",)
    edges: Mapping[str, Callable[[Context, Thing], Json]] = field(default_factory=dict)  # expanded inside `fields`

    def shown(self, context: Context, thing: Thing, wanted: Sequence[Wanted] | None = None) -> Json:
        """Return a thing with the fields asked for (the call's, unless given); absent values are left out.

        Raises:
            GraphError: 100, a field that there is none of.
        """
        asked = wanted_fields(context.call) if wanted is None else wanted
        found = {one.name: self._value(context, thing, one) for one in asked}
        for name in ("id",) if asked else self.always:
            if name in self.getters and name not in found:
                found[name] = self.getters[name](context, thing)
        return {name: value for name, value in found.items() if value is not None}

    def row(self, context: Context, thing: Thing) -> Json:
        """Return a thing as its own node: `GET /{id}`."""
        return self.shown(context, thing)

    def edge(self, context: Context, things: Sequence[Thing]) -> Json:
        """Return things as an edge, in the order given."""
        wanted = wanted_fields(context.call)
        page = listed(context, [{"at": at, "id": getattr(thing, "id", "")} for at, thing in enumerate(things)])
        page["data"] = [self.shown(context, things[stub["at"]], wanted) for stub in page["data"]]
        return page

    def _value(self, context: Context, thing: Thing, wanted: Wanted) -> Any:
        name = wanted.name
        getter = self.getters.get(name)
        if getter is not None:
            return narrowed(getter(context, thing), wanted.inner)
        if name in self.edges:
            params = wanted.modifiers | ({"fields": spell(wanted.inner)} if wanted.inner else {})
            path = (str(self.getters["id"](context, thing)), name)
            return self.edges[name](replace(context, call=replace(context.call, params=params, path=path)), thing)
        if name in self.silent:
            return None
        raise parameter(f"Tried accessing nonexisting field ({name}) on node type ({self.type_name})")


def narrowed(value: Any, inner: Sequence[Wanted]) -> Any:
    """Keep the asked parts of a record or of a list of records, `id` with them; all of it where none is named."""
    if not inner:
        return value
    if isinstance(value, list):
        return [narrowed(row, inner) for row in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"data"}:
        return {"data": narrowed(value["data"], inner)}
    kept = {one.name: narrowed(value[one.name], one.inner) for one in inner if one.name in value}
    return kept | ({"id": value["id"]} if "id" in value else {})


def newest_first(
    context: Context, records: Sequence[Record], tests: Mapping[str, Callable[[Record], Any]]
) -> list[Record]:
    """Return records that pass the call's `filtering`, newest first; `tests` are the fields that can be filtered on.

    Raises:
        GraphError: 100, another field, or a value that does not fit.
    """
    found = list(reversed(records))
    for name, operator, value in filter_rows(context.call):
        getter = tests.get(name.rpartition(".")[2])
        if getter is None:
            raise parameter(f"Filtering field {name} is invalid.")
        try:
            found = [record for record in found if OPERATORS[operator](getter(record), _like(getter, record, value))]
        except (TypeError, ValueError, LookupError, OverflowError) as error:
            raise parameter(f"Filtering value {str(value)[:80]!r} of {name} is invalid.") from error
    return found


def _like(getter: Callable[[Record], Any], record: Record, value: Any) -> Any:
    """Return a filter's value as the type of what it is compared with."""
    if not isinstance(getter(record), int | float):
        return value
    return [float(item) for item in value] if isinstance(value, list) else float(value)

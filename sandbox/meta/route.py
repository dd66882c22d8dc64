"""One row of what this dialect answers. The rows of all files together are the router and the coverage table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.meta.context import Context, Json

Answering = Callable[[Context, Any], Json]
MANAGEMENT = "ads_management"
INSIGHTS = "ads_insights"
AUDIENCES = "custom_audience"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method on an edge ("" = the thing itself) of a kind of thing, and who answers it.

    `of` is "root" (`edge` then names the path), "user", "app", "business", "account", a kind of the tree
    (`sandbox.nodes.Kind`) or a kind of record (`sandbox.records.RecordKind`). `answer` takes the thing found: an
    `Account`, a `Node`, a `Record`, or None. `note` says what of it is supported and what not, for the docs.
    """

    method: str
    of: str
    edge: str
    answer: Answering
    note: str = ""
    needs_version: bool = True
    needs_token: bool = True
    use_case: str = MANAGEMENT  # whose hourly quota it counts against

    @property
    def key(self) -> str:
        """The row's name: "GET account/campaigns", "POST adset"."""
        return f"{self.method} {self.of}/{self.edge}".removesuffix("/")

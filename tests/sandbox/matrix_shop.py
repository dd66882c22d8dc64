"""A small account in this process whose insights are asked for without a server. No facts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sandbox.account import Account
from sandbox.market.local import LocalMarket
from sandbox.meta.context import Context
from sandbox.meta.insights.tables import InsightTables
from sandbox.meta.protocol.request import GraphCall
from sandbox.nodes import Kind, Node
from tests.sandbox.shops import START, ad, ad_set, market_of, shop


@dataclass
class StillClock:
    """The platform's clock, standing."""

    at_s: float

    def now_s(self) -> float:
        return self.at_s


@dataclass
class StillWorld:
    """What insights ask a world for: which instant reports know."""

    lag_s: float = 900.0

    def cutoff_s(self, now_s: float) -> float:
        return now_s - self.lag_s


@dataclass
class StillPlatform:
    """What insights ask a platform for."""

    clock: StillClock
    world: StillWorld = field(default_factory=StillWorld)
    last_seq: int = 0

    def act_people(self) -> None:
        """Nobody edits anything here."""


class Desk:
    """Asks one account's insights by parameters."""

    def __init__(self, market: LocalMarket, *, at: datetime) -> None:
        self.account: Account = market.account(market.accounts[0])
        self.tables = InsightTables()
        self.platform = StillPlatform(clock=StillClock(at_s=at.timestamp()))

    def context(self, **params: Any) -> Context:
        texts = {k: v if isinstance(v, str) else msgspec.json.encode(v).decode() for k, v in params.items()}
        call = GraphCall(
            method="GET", path=(f"act_{self.account.id}", "insights"), version="v26.0", params=texts, token="t",
            host="sandbox",
        )  # fmt: skip
        return Context(platform=self.platform, call=call)

    def raw(self, node: Node | None = None, **params: Any) -> bytes:
        return msgspec.json.encode(self.tables.page(self.context(**params), self.account, node))

    def page(self, node: Node | None = None, **params: Any) -> dict[str, Any]:
        return msgspec.json.decode(self.raw(node, **params))

    def rows(self, node: Node | None = None, **params: Any) -> list[dict[str, Any]]:
        return self.page(node, **{"limit": "5000", **params})["data"]

    def nodes(self, kind: Kind) -> list[Node]:
        return self.account.nodes[kind]


def desk() -> Desk:
    """Four days and a half of two ad sets, four ads, one with a video; two countries."""
    scenario = shop(
        ad_set(
            "Spain", ads=[ad("Film"), ad("Weak", ctr=0.004)],
            targeting={"geo_locations": {"countries": ["ES", "PT"]}},
        ),
        ad_set("Women", ads=[ad("A"), ad("B")], targeting={"genders": [2]}, daily_budget_minor=900),
        account={"countries": ["ES", "FR"]},
    )  # fmt: skip
    market = market_of(scenario)
    market.advance(timedelta(days=4, hours=15))
    account = market.account(market.accounts[0])
    film = account.nodes[Kind.AD][0]
    if film.creative is not None:
        film.creative.extra["video_id"] = "1"
    return Desk(market, at=START.astimezone(UTC) + timedelta(days=4, hours=15))

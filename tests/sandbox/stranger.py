"""A small shop for the sandbox's tests: its scenario, and a stranger's client on plain requests. No facts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from sandbox.process import SandboxProcess, start

START = "2026-11-20T15:30:00"
PAGE, PIXEL = "104215550100771", "884215550100772"
EVERY_FIELD = "id,name,status,effective_status,created_time,updated_time,adlabels"
TARGETING = '{"geo_locations":{"countries":["ES"]},"targeting_automation":{"advantage_audience":0}}'
FIGURES = "campaign_id,adset_id,ad_id,impressions,clicks,inline_link_clicks,spend,actions,action_values"
HOURLY = "hourly_stats_aggregated_by_advertiser_time_zone"
HISTORY_DAYS = 12


def _ad(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "ctr": 0.02, "cvr": 0.09, "order_value_minor": 5_000, **more}


def scenario(seed: int = 7) -> dict[str, Any]:
    """Three campaigns: ad set budgets, a campaign budget, and one that is paused; five ad sets, eight ads."""
    steady = {"audience_size": 900_000, "saturation_daily_minor": 90_000}
    own = {
        "name": "Own budgets",
        "ad_sets": [
            {"name": "Cooks", "daily_budget_minor": 9_000, "labels": ["ab"], **steady,
             "ads": [_ad("Film"), _ad("Still"), _ad("Quote", status="PAUSED")]},
            {"name": "Gifts", "daily_budget_minor": 6_000, **steady, "ads": [_ad("Box"), _ad("Card")]},
        ],
    }  # fmt: skip
    shared = {
        "name": "Campaign budget",
        "daily_budget_minor": 8_000,
        "ad_sets": [
            {"name": "North", **steady, "ads": [_ad("Sea")]},
            {"name": "South", **steady, "ads": [_ad("Sun")]},
        ],
    }
    resting = {
        "name": "Resting",
        "status": "PAUSED",
        "ad_sets": [{"name": "Old", "daily_budget_minor": 2_000, **steady, "ads": [_ad("Worn")]}],
    }
    account = {"name": "Shop", "page_id": PAGE, "pixel_id": PIXEL, "campaigns": [own, shared, resting]}
    return {"name": "shop", "seed": seed, "history_days": HISTORY_DAYS, "accounts": [account]}


def open_shop(folder: Path, *, seed: int = 7, **options: Any) -> SandboxProcess:
    """Start a shop whose clock is frozen; the scenario stands beside its data."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "shop.json"
    file.write_text(json.dumps(scenario(seed)), encoding="utf-8")
    return start(folder / "data", scenario=str(file), **{"speed": 0, "start_at": START, **options})


class Stranger:
    """Speaks to the sandbox as somebody who knows nothing but Meta's documentation."""

    def __init__(self, process: SandboxProcess) -> None:
        self.process = process
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {process.token}"
        self.account = f"act_{process.account_ids[0]}"

    def call(self, method: str, path: str, *, version: str = "/v26.0", **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.process.graph}{version}/{path}", timeout=30, **options)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return _well(self.call("GET", path, params=params))

    def post(self, path: str, **form: Any) -> dict[str, Any]:
        return _well(self.call("POST", path, data=form))

    def delete(self, path: str) -> dict[str, Any]:
        return _well(self.call("DELETE", path))

    def refused(self, method: str, path: str, **params: Any) -> tuple[int, int | None]:
        """The code and subcode of a call that must be refused."""
        where = "params" if method == "GET" else "data"
        error = self.call(method, path, **{where: params}).json()["error"]
        assert {"message", "type", "code", "is_transient", "fbtrace_id"} <= error.keys()
        return error["code"], error.get("error_subcode")

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Every row of an edge, by following `next` as it is."""
        found: list[dict[str, Any]] = []
        page = self.get(path, **params)
        for _ in range(200):
            found += page["data"]
            following = page.get("paging", {}).get("next")
            if following is None:
                return found
            page = _well(self.session.get(following, timeout=30))
        raise AssertionError("paging does not end")

    def named(self, edge: str, name: str) -> str:
        """The id of the only object of that name."""
        (found,) = [row["id"] for row in self.rows(f"{self.account}/{edge}", fields="name") if row["name"] == name]
        return str(found)

    def insights(self, path: str | None = None, **params: Any) -> list[dict[str, Any]]:
        return self.rows(f"{path or self.account}/insights", **{"fields": FIGURES, "limit": 500, **params})

    def oracle(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.process.ask("GET", "/oracle")["lines"]
        return lines

    def effects(self) -> int:
        return int(self.process.ask("GET", "/health")["effects"])

    def advance(self, **amount: Any) -> str:
        return str(self.process.ask("POST", "/advance", amount)["platform_at"])

    def new_campaign(self, name: str = "New", **more: Any) -> str:
        form = {"name": name, "objective": "OUTCOME_SALES", "special_ad_categories": "[]", "status": "PAUSED"}
        form["is_adset_budget_sharing_enabled"] = "false"
        return str(self.post(f"{self.account}/campaigns", **{**form, **more})["id"])

    def new_ad_set(self, campaign: str, **more: Any) -> str:
        return str(self.post(f"{self.account}/adsets", **{**ad_set_form(campaign), **more})["id"])

    def new_creative(self) -> str:
        return str(self.post(f"{self.account}/adcreatives", **creative_form())["id"])

    def new_ad(self, ad_set: str, **more: Any) -> str:
        creative = json.dumps({"creative_id": self.new_creative()})
        return str(self.post(f"{self.account}/ads", name="Ad", adset_id=ad_set, creative=creative, **more)["id"])


def ad_set_form(campaign: str) -> dict[str, str]:
    return {
        "name": "Set", "campaign_id": campaign, "billing_event": "IMPRESSIONS", "daily_budget": "5000",
        "optimization_goal": "OFFSITE_CONVERSIONS", "targeting": TARGETING,
        "promoted_object": json.dumps({"pixel_id": PIXEL, "custom_event_type": "PURCHASE"}),
    }  # fmt: skip


def creative_form() -> dict[str, str]:
    return {"name": "Creative", "object_story_spec": json.dumps({"page_id": PAGE, "link_data": {"link": "https://a"}})}


def seen_by(stranger: Stranger) -> Iterator[Any]:
    """All that a caller can see: objects, days, hours, and the log of effects without the real clock."""
    for edge in ("campaigns", "adsets", "ads"):
        budgets = "" if edge == "ads" else ",daily_budget,bid_strategy"
        yield stranger.rows(f"{stranger.account}/{edge}", fields=EVERY_FIELD + budgets, limit=100)
    yield stranger.rows(f"{stranger.account}/adcreatives", fields="id,name,status,object_story_spec")
    yield stranger.insights(level="ad", date_preset="maximum", time_increment=1)
    yield stranger.insights(level="ad", date_preset="last_3d", breakdowns=HOURLY)
    yield [{k: v for k, v in line.items() if k != "real_at"} for line in stranger.oracle()]


def figures(rows: list[dict[str, Any]]) -> tuple[int, int, int, int, int]:
    """Impressions, clicks, link clicks, spend in minor units and purchases of rows together."""
    parts = [
        (int(row["impressions"]), int(row["clicks"]), int(row["inline_link_clicks"]), minor(row["spend"]), bought(row))
        for row in rows
    ]
    return tuple(map(sum, zip(*parts, strict=True))) if parts else (0, 0, 0, 0, 0)


def minor(text: str) -> int:
    whole, _, cents = text.partition(".")
    return int(whole) * 100 + int(cents)


def bought(row: dict[str, Any]) -> int:
    return sum(int(action["value"]) for action in row.get("actions", []) if action["action_type"] == "purchase")


def _well(answer: requests.Response) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    assert answer.status_code == 200, document
    return document

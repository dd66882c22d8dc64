"""The whole sandbox in memory: a pure function of the scenario, its start and the oracle log. No I/O."""

from typing import Any, Final

from sandbox.account import Account
from sandbox.journal import LogLine
from sandbox.labels import know_labels
from sandbox.market.rhythm import days_ago
from sandbox.market.truth import Appeal, Audience, Incident
from sandbox.nodes import Kind, Node
from sandbox.past import fill_history, first_midnight_s
from sandbox.records import Record, RecordKind, Records
from sandbox.reviewing import Reviewing
from sandbox.scenario import AccountSpec, AdSetSpec, AdSpec, CampaignSpec, Scenario

_OLD_IDS: Final = 120_200_000_000_000_000
_NEW_IDS: Final = 120_300_000_000_000_000
_KIND_DIGIT: Final = {Kind.CAMPAIGN: 1, Kind.AD_SET: 2, Kind.AD: 3, Kind.CREATIVE: 4}
_RECORD_DIGIT: Final = 5
_ACCOUNT_IDS: Final = 710_000_000_000_000
_RECORD_KINDS: Final = frozenset(RecordKind)
OF_ACCOUNT: Final = "account"  # the kind of an effect's line that changes no object but the account


def is_of_record(line: LogLine) -> bool:
    """Say whether an effect is on a record, and not on the tree or an account itself."""
    return line.kind in _RECORD_KINDS


def new_object_id(number: int, kind: Kind | RecordKind) -> str:
    """Return the id of an object made by the effect of that number among those on the tree, or on records."""
    return str(_NEW_IDS + number * 10 + (_KIND_DIGIT[kind] if isinstance(kind, Kind) else _RECORD_DIGIT))


class World:
    """All accounts and objects; `apply` and `replay` are the only ways to change them."""

    def __init__(self, scenario: Scenario, *, start_us: int) -> None:
        self.scenario = scenario
        self.accounts: dict[str, Account] = {}
        self.nodes: dict[str, Node] = {}
        self.records = Records()
        self.lag_s = scenario.refresh_lag_minutes * 60
        self._start_s = start_us // 1_000_000
        self._reviewing = Reviewing(
            minutes=scenario.market.review_minutes, disapproved_share=scenario.market.disapproved_share,
            seed=scenario.seed, refresh=self._refresh,
        )  # fmt: skip
        self._minted = _OLD_IDS
        self._named = _named_ids(scenario)
        for n, spec in enumerate(scenario.accounts):
            account_id = spec.id or str(_ACCOUNT_IDS + scenario.seed * 1_000 + n)
            self._open_account(spec, account_id, number=n)

    def replay(self, line: LogLine) -> None:
        """Let any effect take place: of an object of the tree, of a record, or of an account itself."""
        if line.kind == OF_ACCOUNT:
            self.settle(line.platform_at_us / 1e6)  # an end that was due before the limit reaches the market before it
            limit_minor = line.change["spend_cap"][1]
            self.accounts[line.account_id].limit_spend(limit_minor, at_s=line.platform_at_us / 1e6)
        elif is_of_record(line):
            self.note(line)
        else:
            self.apply(line)

    def knows(self, object_id: str) -> bool:
        """Say whether an id is taken by an object or a record."""
        return object_id in self.nodes or self.records.get(object_id) is not None

    def note(self, line: LogLine) -> Record:
        """Let an effect on a record take place; an account's settings hold everywhere from then on."""
        record = self.records.apply(line)
        if record.kind is RecordKind.SETTINGS:
            self.accounts[line.account_id].settle(record.values)
        return record

    def apply(self, line: LogLine) -> Node:
        """Let an effect on an object take place; it is created if it is not known yet."""
        self.settle(line.platform_at_us / 1e6)
        account = self.accounts[line.account_id]
        values = {name: pair[1] for name, pair in line.change.items()}
        if isinstance(values.get("creative"), str):
            values["creative"] = self.nodes[values["creative"]]
        know_labels(self.records, account.id, values.get("labels") or (), at_s=line.platform_at_us // 1_000_000)
        node = self.nodes.get(line.object_id)
        if node is None:
            return self._create(account, line, values)
        account.update(node, values, at_us=line.platform_at_us)
        self._reviewing.note(node, values, at_s=line.platform_at_us / 1e6)
        return node

    def settle(self, now_s: float) -> None:
        """Let reviews, begins and ends that are due take effect."""
        self._reviewing.settle(now_s)

    def _refresh(self, node: Node, at_s: float) -> None:
        self.accounts[node.account_id].refresh_live(node, at_s=at_s)

    def cutoff_s(self, now_s: float) -> float:
        """Return the instant up to which reports know what happened."""
        return now_s - self.lag_s

    def catch_up(self, now_s: float) -> None:
        """Compute every hour that reports may show now."""
        self.settle(now_s)
        for account in self.accounts.values():
            account.market.advance_to(self.cutoff_s(now_s))

    def _create(self, account: Account, line: LogLine, values: dict[str, Any]) -> Node:
        at_s = line.platform_at_us // 1_000_000
        parent_id = values.pop("parent", None)
        node = Node(
            kind=Kind(line.kind), id=line.object_id, account_id=account.id, name=values.pop("name", ""),
            status=values.pop("status", "ACTIVE"), created_s=at_s, updated_s=at_s, order=0,
            parent=self.nodes[parent_id] if parent_id else None, creative=values.pop("creative", None),
            daily_budget=values.pop("daily_budget", None), lifetime_budget=values.pop("lifetime_budget", None),
            labels=tuple(values.pop("labels", ())), extra=values,
        )  # fmt: skip
        self.nodes[node.id] = node
        account.add(node)
        if node.kind is Kind.CAMPAIGN and node.extra.get("spend_cap"):
            account.limit_campaign(node, at_s=line.platform_at_us / 1e6)
        self._reviewing.note(node, (*values, "creative"), at_s=line.platform_at_us / 1e6)
        self._start_ad(account, node, at_s=line.platform_at_us / 1e6)
        return node

    @staticmethod
    def _start_ad(account: Account, node: Node, *, at_s: float) -> None:
        """Let an ad deliver; one that joins an ad set later restarts its learning."""
        if node.kind is Kind.AD and node.parent is not None and node.created_s > node.parent.created_s:
            account.restart_learning(node, at_s=at_s)
        account.refresh_live(node, at_s=at_s)

    # The scenario's own objects.

    def _open_account(self, spec: AccountSpec, account_id: str, *, number: int) -> None:
        scenario = self.scenario
        history_s = days_ago(self._start_s, scenario.history_days)
        if spec.history:
            history_s = min(history_s, first_midnight_s(spec.history, spec.timezone))
        account = Account(
            spec, account_id=account_id, seed=scenario.seed, start_s=self._start_s, history_s=history_s,
            rules=scenario.market.rules(scenario.season),
        )  # fmt: skip
        self.accounts[account_id] = account
        self._found_records(account)
        keys: dict[str, int] = {}
        for campaign in spec.all_campaigns(seed=scenario.seed, number=number):
            self._old_campaign(account, campaign, keys)
        for incident in spec.incidents:
            self._old_incident(account, incident.scope, incident.model_dump())
        by_age = sorted(account.nodes[Kind.AD], key=lambda ad: max(ad.created_s, history_s))
        for ad in by_age:
            self._start_ad(account, ad, at_s=float(ad.created_s))
        if spec.history:
            fill_history(account.market, spec.history, keys, start_s=self._start_s)

    def _found_records(self, account: Account) -> None:
        """Make what an account has from the beginning: the page that speaks and the pixel that counts."""
        spec = account.spec
        for kind, record_id, name in (
            (RecordKind.PAGE, spec.page_id, spec.page_name), (RecordKind.PIXEL, spec.pixel_id, f"{spec.name} pixel"),
        ):  # fmt: skip
            born = account.created_s
            self.records.add(
                Record(
                    kind=kind, id=record_id, account_id=account.id, created_s=born, updated_s=born,
                    values={"name": name},
                )
            )  # fmt: skip

    def _old_campaign(self, account: Account, spec: CampaignSpec, keys: dict[str, int]) -> None:
        extra = {
            "objective": spec.objective, "buying_type": "AUCTION", "special_ad_categories": [],
            "bid_strategy": "LOWEST_COST_WITHOUT_CAP",
        }  # fmt: skip
        campaign = self._old_node(Kind.CAMPAIGN, account, spec, parent=None, extra=extra)
        campaign.daily_budget = spec.daily_budget_minor
        account.add(campaign)
        for ad_set in spec.ad_sets:
            self._old_ad_set(account, campaign, ad_set, keys)

    def _old_ad_set(self, account: Account, campaign: Node, spec: AdSetSpec, keys: dict[str, int]) -> None:
        extra = {
            "optimization_goal": spec.optimization_goal, "billing_event": "IMPRESSIONS",
            "targeting": spec.targeting or {"geo_locations": {"countries": list(account.spec.countries)}},
            "promoted_object": {"pixel_id": account.spec.pixel_id, "custom_event_type": "PURCHASE"},
        }  # fmt: skip
        ad_set = self._old_node(Kind.AD_SET, account, spec, parent=campaign, extra=extra)
        ad_set.daily_budget = spec.daily_budget_minor
        audience = Audience(
            size=spec.audience_size, cpm_minor=spec.cpm_minor, saturation_daily_minor=spec.saturation_daily_minor,
            ctr_factor=spec.ctr_factor, cvr_factor=spec.cvr_factor, even=spec.delivery == "even",
            name=spec.audience,
        )  # fmt: skip
        account.add(ad_set, audience=audience)
        for ad in spec.ads:
            self._old_ad(account, ad_set, ad, keys)

    def _old_ad(self, account: Account, ad_set: Node, spec: AdSpec, keys: dict[str, int]) -> None:
        link = {"link": spec.link, "name": spec.title, "message": spec.body, "call_to_action": {"type": "SHOP_NOW"}}
        extra = {
            "title": spec.title, "body": spec.body, "object_type": "SHARE", "call_to_action_type": "SHOP_NOW",
            "object_story_spec": {"page_id": account.spec.page_id, "link_data": link},
        }  # fmt: skip
        creative = self._old_node(Kind.CREATIVE, account, spec, parent=None, extra=extra, own_id=False)
        creative.status = "ACTIVE"
        account.appeals[creative.id] = Appeal(
            ctr=spec.ctr, cvr=spec.cvr, order_value_minor=spec.order_value_minor, fatigue=spec.fatigue
        )
        account.add(creative)
        ad = self._old_node(Kind.AD, account, spec, parent=ad_set, extra={})
        ad.creative = creative
        account.add(ad)
        if spec.key:
            keys[spec.key] = ad.market_index

    def _old_node(
        self, kind: Kind, account: Account, spec: CampaignSpec | AdSetSpec | AdSpec, *,
        parent: Node | None, extra: dict[str, Any], own_id: bool = True,
    ) -> Node:  # fmt: skip
        self._minted += 1
        while str(self._minted) in self._named:  # a twin of a sandbox's own export names ids of this very series
            self._minted += 1
        node_id = spec.id if own_id and spec.id else str(self._minted)
        if node_id in self.nodes:
            message = f"scenario {self.scenario.name!r}: the id {node_id} is used twice"
            raise ValueError(message)
        created_s = self._created_s(account, spec)
        if parent is not None:
            created_s = max(created_s, parent.created_s)
        node = Node(
            kind=kind, id=node_id, account_id=account.id, name=spec.name, status=spec.status, created_s=created_s,
            updated_s=created_s, order=0, parent=parent, labels=spec.labels, extra=extra,
        )  # fmt: skip
        self.nodes[node_id] = node
        know_labels(self.records, account.id, spec.labels, at_s=created_s)
        return node

    def _created_s(self, account: Account, spec: CampaignSpec | AdSetSpec | AdSpec) -> int:
        if spec.created_at is not None:
            return int(spec.created_at.timestamp())
        if spec.created_days_ago is not None:
            return days_ago(self._start_s, spec.created_days_ago)
        return account.created_s

    def _old_incident(self, account: Account, scope: str | None, spec: dict[str, Any]) -> None:
        ads = frozenset(
            ad.market_index
            for ad in account.nodes[Kind.AD]
            if scope is None or scope in _names_above(ad)
        )  # fmt: skip
        if not ads:
            message = f"incident: nothing is named {scope!r}"
            raise ValueError(message)
        start_s = self._start_s - spec["starts_hours_ago"] * 3_600
        account.market.incidents.append(
            Incident(
                start_s=start_s,
                end_s=start_s + spec["hours"] * 3_600,
                ads=frozenset() if scope is None else ads,
                cpm_factor=spec["cpm_factor"],
                ctr_factor=spec["ctr_factor"],
                cvr_factor=spec["cvr_factor"],
            )
        )


def _named_ids(scenario: Scenario) -> frozenset[str]:
    """Return the ids of objects that the scenario names, which none may be given that it does not."""
    campaigns = [campaign for account in scenario.accounts for campaign in account.campaigns]
    ad_sets = [ad_set for campaign in campaigns for ad_set in campaign.ad_sets]
    ads = [ad for ad_set in ad_sets for ad in ad_set.ads]
    rows: tuple[CampaignSpec | AdSetSpec | AdSpec, ...] = (*campaigns, *ad_sets, *ads)
    return frozenset(row.id for row in rows if row.id)


def _names_above(ad: Node) -> set[str]:
    names, node = set(), ad
    while node is not None:
        names.add(node.name)
        if node.parent is None:
            break
        node = node.parent
    return names

"""Copies: POST {campaign|adset|ad}/copies, with the children where asked. One line of the log for each object.

A copy has its source's settings and creative, so that it appeals to people as its source does; nothing of the source's
history goes with it. Everything is checked before the first object is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from sandbox.account import Account
from sandbox.meta.accounts.activities import listed
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.checks import MAX_NAME, budget_of
from sandbox.meta.objects.checks_room import check_room, check_siblings
from sandbox.meta.objects.creates import account_object, budget_conflict
from sandbox.meta.objects.reads import read_node
from sandbox.meta.protocol.errors import GraphError, invalid, parameter
from sandbox.meta.protocol.record_edges import choice, flag, instant_of, take_only
from sandbox.meta.protocol.request import GraphCall
from sandbox.meta.route import Route
from sandbox.nodes import GONE, Kind, Node

MOST_CHILDREN: Final = 3  # ads below what is copied in one synchronous call
MOST_CHILDREN_LATER: Final = 51  # in a call of an asynchronous batch
_STATUS_OPTIONS: Final = frozenset({"ACTIVE", "PAUSED", "INHERITED_FROM_SOURCE"})
_STRATEGIES: Final = ("DEEP_RENAME", "ONLY_TOP_LEVEL_RENAME", "NO_RENAME")
_NO_COPIES: Final = frozenset({"AUTOMATED_SHOPPING_ADS", "SMART_APP_PROMOTION"})  # since 2026-05-19, all versions
_TAKES: Final = {
    Kind.CAMPAIGN: frozenset({"deep_copy", "end_time", "parameter_overrides", "rename_options", "start_time",
                              "status_option"}),
    Kind.AD_SET: frozenset({"campaign_id", "deep_copy", "end_time", "rename_options", "start_time", "status_option"}),
    Kind.AD: frozenset({"adset_id", "rename_options", "status_option"}),
}  # fmt: skip
_SOURCE: Final = {Kind.CAMPAIGN: "source_campaign_id", Kind.AD_SET: "source_adset_id", Kind.AD: "source_ad_id"}
_ANSWERED: Final = {Kind.CAMPAIGN: "copied_campaign_id", Kind.AD_SET: "copied_adset_id", Kind.AD: "copied_ad_id"}
_OBJECT_TYPE: Final = {Kind.CAMPAIGN: "campaign", Kind.AD_SET: "ad_set", Kind.AD: "ad"}
# What an object came by on its own and no copy takes over.
_OWN: Final = frozenset(
    {"ad_review_feedback", "ad_schedule_end_time", "ad_schedule_start_time", "issues_info", "preview_shareable_link",
     "review_feedback", "sandbox_issues", "sandbox_review", "start_time", "stop_time"}
)  # fmt: skip
_OVERRIDES: Final = frozenset({"name", "daily_budget", "lifetime_budget"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a call wants of its copies; instants are seconds since 1970."""

    is_deep: bool
    status_option: str
    strategy: str
    prefix: str
    suffix: str
    start_time: int | None
    end_time: int | None
    now_s: float
    overrides: dict[str, Any]

    def name(self, node: Node, *, is_top: bool) -> str:
        """Return a copy's name.

        Raises:
            GraphError: 100, it would be too long.
        """
        named = self.strategy == "DEEP_RENAME" or (self.strategy == "ONLY_TOP_LEVEL_RENAME" and is_top)
        name = f"{self.prefix}{node.name}{self.suffix}" if named else node.name
        if len(name) > MAX_NAME:
            raise invalid(
                f"The copy of {node.kind} {node.id} would be named with {len(name)} characters; at most {MAX_NAME} "
                "are allowed. Give a shorter rename_prefix or rename_suffix.", field="rename_options",
            )  # fmt: skip
        return name

    def status(self, node: Node) -> str:
        """Return a copy's status."""
        return node.status if self.status_option == "INHERITED_FROM_SOURCE" else self.status_option


def copy(context: Context, node: Node) -> Json:
    """Answer `POST /{campaign|adset|ad}/copies`.

    Raises:
        GraphError: a validation of Meta's; nothing is made then.
    """
    account = context.account_of(node)
    wish = _wish(context, account, node)
    _check_source(context, node, wish)
    parent = _parent(context, account, node)
    if parent is not None:
        check_siblings(parent)
        _check_dynamic(parent)
    for source, is_top in _sources(node, wish):
        wish.name(source, is_top=is_top)
        check_room(account, source.kind)
    if context.is_only_checked():
        return {"success": True}
    made = _make(context, account, node, wish, parent_id=parent.id if parent else None, is_top=True)
    rows = [
        {"ad_object_type": _OBJECT_TYPE[source.kind], "source_id": source.id, "copied_id": held.id}
        for source, held in made
    ]
    return {_ANSWERED[node.kind]: rows[0]["copied_id"], "ad_object_ids": rows}


def list_copies(context: Context, node: Node) -> Json:
    """Answer `GET /{campaign|adset|ad}/copies`: what was copied from an object, newest first."""
    name = _SOURCE[node.kind]
    alike = context.account_of(node).nodes[node.kind]
    found = [held for held in reversed(alike) if held.extra.get(name) == node.id and held.status not in GONE]
    return listed(context, [read_node(context, held) for held in found])


def _wish(context: Context, account: Account, node: Node) -> _Wish:
    call = context.call
    take_only(call, _TAKES[node.kind], edge=f"POST {node.kind}/copies")
    options = call.get("rename_options") or {}
    if not isinstance(options, dict) or not all(isinstance(value, str) for value in options.values()):
        raise parameter("Param rename_options must be a JSON object of texts")
    strategy = options.get("rename_strategy", "ONLY_TOP_LEVEL_RENAME")
    if strategy not in _STRATEGIES:
        raise parameter(f"Param rename_options[rename_strategy] must be one of {{{', '.join(_STRATEGIES)}}}")
    start_s, end_s = instant_of(call.get("start_time"), "start_time"), instant_of(call.get("end_time"), "end_time")
    if end_s is not None and end_s <= max(start_s or 0.0, context.platform.clock.now_s()):
        raise invalid(
            "The end of the copy must be in the future and after its start.", subcode=1_487_033, field="end_time"
        )
    return _Wish(
        is_deep=flag(call, "deep_copy"),
        status_option=choice(call, "status_option", _STATUS_OPTIONS, default="PAUSED"),
        strategy=strategy, prefix=options.get("rename_prefix", ""), suffix=options.get("rename_suffix", " - Copy"),
        start_time=None if start_s is None else int(start_s), end_time=None if end_s is None else int(end_s),
        now_s=context.platform.clock.now_s(),
        overrides=_overrides(context, account, node),
    )  # fmt: skip


def _overrides(context: Context, account: Account, node: Node) -> dict[str, Any]:
    """Return what a campaign's copy is to have otherwise than its source."""
    given = context.call.get("parameter_overrides") or {}
    if not isinstance(given, dict):
        raise parameter("Param parameter_overrides must be a JSON object")
    strange = sorted(set(given) - _OVERRIDES)
    if strange:
        raise parameter(f"The sandbox copies with other {', '.join(sorted(_OVERRIDES))} only, not other {strange[0]}")
    call: GraphCall = replace(context.call, params={name: str(value) for name, value in given.items()})
    found: dict[str, Any] = {"name": str(given["name"])} if given.get("name") else {}
    for name in ("daily_budget", "lifetime_budget"):
        if name in given and getattr(node, name) is None:
            raise invalid(f"Campaign {node.id} has no {name} to override.", field="parameter_overrides")
        if name in given:
            found[name] = budget_of(call, name, account)
    return found


def _check_source(context: Context, node: Node, wish: _Wish) -> None:
    if node.effective_status() in GONE:
        raise invalid(f"The {node.kind} {node.id} is {node.effective_status().lower()}: it cannot be copied.")
    if node.campaign is not None and node.campaign.extra.get("smart_promotion_type") in _NO_COPIES:
        raise invalid("Advantage+ shopping and app campaigns can no longer be copied.", title="Campaign not copied")
    children = sum(1 for source, _ in _sources(node, wish) if source is not node and source.kind is Kind.AD)
    most = MOST_CHILDREN_LATER if context.call.is_queued else MOST_CHILDREN
    if children > most:
        raise GraphError(
            100, "Invalid parameter", subcode=1_885_194, title="Copy request is too large", blame=[["deep_copy"]],
            user=f"The {node.kind} {node.id} has {children} ads to copy with it; one synchronous call copies {most}. "
            f"Copy without deep_copy and then its parts, or send it in an asynchronous batch "
            f"(at most {MOST_CHILDREN_LATER}).",
        )  # fmt: skip
    needy = (source for source, _ in _sources(node, wish) if source.lifetime_budget and source.kind is Kind.AD_SET)
    if wish.end_time is None and any(_end_of(source, now_s=wish.now_s) is None for source in needy):
        raise invalid(
            "A lifetime budget needs an end, and the source's has passed: give an end_time.", subcode=1_487_033,
            field="end_time",
        )  # fmt: skip


def _end_of(node: Node, *, now_s: float) -> int | None:
    """Return the source's end, None where it has none or it has passed: a copy does not begin at its end."""
    end_s = instant_of(node.extra.get("end_time"), "end_time")
    return int(end_s) if end_s is not None and end_s > now_s else None


def _parent(context: Context, account: Account, node: Node) -> Node | None:
    """Return what the copy goes under: the target that the call names, or the source's own."""
    name, kind = ("campaign_id", Kind.CAMPAIGN) if node.kind is Kind.AD_SET else ("adset_id", Kind.AD_SET)
    target = context.call.params.get(name, "").strip('"')
    if node.kind is Kind.CAMPAIGN or not target:
        return node.parent
    parent = account_object(context, account, target, kind)
    if parent.effective_status() in GONE:
        raise invalid(f"The {kind} {target} is {parent.effective_status().lower()}.", subcode=1_487_056, field=name)
    if node.kind is Kind.AD_SET:
        has_own, is_shared = bool(node.daily_budget or node.lifetime_budget), parent.budget_index >= 0
        if has_own and is_shared:
            raise budget_conflict()
        if not has_own and not is_shared:
            raise invalid(
                f"Campaign {target} has no budget and neither has ad set {node.id}: the copy would have none.",
                subcode=1_885_272, field="campaign_id", title="Budget is missing",
            )  # fmt: skip
    return parent


def _check_dynamic(ad_set: Node) -> None:
    if ad_set.extra.get("is_dynamic_creative") and any(ad.status not in GONE for ad in ad_set.children):
        raise invalid(f"Ad set {ad_set.id} is of dynamic creative: it holds one ad and no second.", field="adset_id")


def _sources(node: Node, wish: _Wish, *, is_top: bool = True) -> Iterator[tuple[Node, bool]]:
    """Yield what is copied, parents first, and whether it is what the call names."""
    yield node, is_top
    for child in node.children if wish.is_deep else ():
        if child.status not in GONE:
            yield from _sources(child, wish, is_top=False)


def _make(
    context: Context, account: Account, node: Node, wish: _Wish, *, parent_id: str | None, is_top: bool
) -> list[tuple[Node, Node]]:
    """Make an object's copy and, where it is deep, those below it; return (source, copy) pairs."""
    values = _values(node, wish, parent_id=parent_id, is_top=is_top)
    change = {name: [None, value] for name, value in values.items() if value is not None}
    made = context.commit(kind=node.kind, account_id=account.id, object_id=None, change=change)
    pairs = [(node, made)]
    for child in list(node.children) if wish.is_deep else ():
        if child.status not in GONE:
            pairs += _make(context, account, child, wish, parent_id=made.id, is_top=False)
    return pairs


def _values(node: Node, wish: _Wish, *, parent_id: str | None, is_top: bool) -> dict[str, Any]:
    kept = {name: value for name, value in node.extra.items() if name not in _OWN}
    times = {"start_time": wish.start_time, "end_time": wish.end_time or _end_of(node, now_s=wish.now_s)}
    return {
        **kept,
        **(times if node.kind is Kind.AD_SET else {}),
        "name": wish.name(node, is_top=is_top), "status": wish.status(node), "parent": parent_id,
        "creative": node.creative.id if node.creative else None, "labels": list(node.labels) or None,
        "daily_budget": node.daily_budget, "lifetime_budget": node.lifetime_budget, _SOURCE[node.kind]: node.id,
        **(wish.overrides if is_top else {}),
    }  # fmt: skip


_NOTE: Final = (
    "deep_copy to 3 ads below (51 in an asynchronous batch), rename_options, status_option, start_time, end_time; "
    "parameter_overrides: name and budgets only; migrate_to_advantage_plus, creative_parameters are refused; a copied "
    "ad set reaches its source's people"
)
ROUTES: Final = tuple(
    route
    for kind in (Kind.CAMPAIGN, Kind.AD_SET, Kind.AD)
    for route in (
        Route(method="POST", of=kind, edge="copies", answer=copy, note=_NOTE),
        Route(method="GET", of=kind, edge="copies", answer=list_copies, note="what was copied from it, newest first"),
    )
)

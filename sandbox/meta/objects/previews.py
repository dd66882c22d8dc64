"""Previews of ads and creatives: `/{ad|creative}/previews` and act_X/generatepreviews. Its page is not drawn."""

import html
from typing import Final
from urllib.parse import urlencode

from sandbox.account import Account
from sandbox.market.dice import object_key
from sandbox.meta.accounts.activities import listed
from sandbox.meta.accounts.reads import read_account
from sandbox.meta.context import Context, Json
from sandbox.meta.objects.creatives import draft_creative
from sandbox.meta.objects.drafts import account_object
from sandbox.meta.protocol import params
from sandbox.meta.protocol.errors import GraphError
from sandbox.meta.protocol.words import PREVIEW_FORMATS
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node

_FRAME: Final = "https://www.facebook.com/ads/api/preview_iframe.php"
_SIZE: Final = (540, 690)


def of_ad(context: Context, _: Account, node: Node) -> Json:
    """Answer the field `previews` of an ad or creative."""
    return read_previews(context, node)


def account_of(context: Context, account: Account, _: Node) -> Json:
    """Answer the field `account` of an object."""
    return read_account(context, account)


def read_previews(context: Context, node: Node) -> Json:
    """Answer `GET /{ad}/previews` and `GET /{creative}/previews`.

    Raises:
        GraphError: 100, no format or an unknown one; 2606, an ad without a creative.
    """
    creative = node.creative if node.kind is Kind.AD else node
    if creative is None:
        raise GraphError(2606, f"(#2606) The ad {node.id} has no creative: it cannot be previewed")
    return listed(context, [{"body": _frame(context, creative.id)}])


def generate(context: Context, account: Account) -> Json:
    """Answer `GET act_X/generatepreviews` of a creative that exists or of a spec.

    Raises:
        GraphError: 100, no format, no creative, or a spec that could not be made.
    """
    if "creative" not in context.call.params:
        raise params.required("creative")
    spec = params.record(context.call, "creative")
    creative_id = str(spec.get("creative_id") or spec.get("id") or "")
    if creative_id:
        key = account_object(context, account, creative_id, Kind.CREATIVE).id
    else:
        key = str(object_key(6, *str(draft_creative(context, account, spec).values).encode()) % 10**15)
    return listed(context, [{"body": _frame(context, key)}])


def _frame(context: Context, key: str) -> str:
    if "ad_format" not in context.call.params:
        raise params.required("ad_format")
    shown_as = params.one_of(PREVIEW_FORMATS)(context.call, "ad_format")
    width, height = (
        params.integer(context.call, name) if name in context.call.params else default
        for name, default in zip(("width", "height"), _SIZE, strict=True)
    )
    token = f"{object_key(7, *key.encode(), *shown_as.encode()):016x}"
    address = html.escape(f"{_FRAME}?{urlencode({'d': token, 't': token[:8], 'c': key, 'f': shown_as})}")
    return f'<iframe src="{address}" width="{width}" height="{height}" scrolling="yes" style="border: none;"></iframe>'


_NOTE: Final = "an iframe whose page is not drawn"
ROUTES: Final = (
    Route(method="GET", of=Kind.AD, edge="previews", answer=read_previews, note=_NOTE),
    Route(method="GET", of=Kind.CREATIVE, edge="previews", answer=read_previews, note=_NOTE),
    Route(method="GET", of="account", edge="generatepreviews", answer=generate, note=_NOTE),
)

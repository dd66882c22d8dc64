"""Meta's dialect as the core knows it (`sandbox.dialects.Dialect`). The words themselves are in the files beside."""

from typing import Any

import msgspec

from sandbox.dialects import Dialect, Receive, Scope, Send
from sandbox.meta.app import GraphApp
from sandbox.meta.graph import TIER_SETTING, Graph
from sandbox.meta.limits.table import TIERS
from sandbox.meta.protocol.request import LATEST, GraphCall
from sandbox.platform import Platform

_OK = 200
_GREETING = """
The Graph API answers at {url}. With the official SDK (pip install facebook-business):

    import json; from facebook_business.api import FacebookAdsApi; from facebook_business.session import FacebookSession
    FacebookSession.GRAPH = "{url}"
    FacebookAdsApi.init(access_token=json.load(open("{credentials}"))["access_token"], crash_log=False)

then: from facebook_business.adobjects.adaccount import AdAccount
      print(AdAccount("act_{account_id}").get_campaigns(fields=["name"]))
Ctrl-C stops it; the folder keeps everything.
"""


class MetaDialect:
    """The Graph API over a platform."""

    def __init__(self, platform: Platform) -> None:
        self.graph = Graph(platform)
        self._face = GraphApp(self.graph)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._face(scope, receive, send)

    @property
    def tier(self) -> str:
        """The app's access, as the headers call it."""
        return self.graph.usage.tier

    @property
    def usage_peak(self) -> float:
        """The largest share of a score that any account ever used."""
        return self.graph.usage.peak

    def set_tier(self, tier: str) -> None:
        """Let the app be of another tier, also after a restart.

        Raises:
            ValueError: there is none of that name.
        """
        if tier not in TIERS:
            message = f"tier is {' or '.join(TIERS)}"
            raise ValueError(message)
        self.graph.usage.tier = tier
        self.graph.platform.journal.set(TIER_SETTING, tier)

    def edit(self, object_id: str, changes: dict[str, Any], *, actor: str) -> dict[str, Any]:
        """Edit an object as a person in Ads Manager would: the same validations, effect and log, another actor.

        Raises:
            ValueError: Meta refuses it.
        """
        params = {k: v if isinstance(v, str) else msgspec.json.encode(v).decode() for k, v in changes.items()}
        token = self.graph.platform.token
        call = GraphCall(method="POST", path=(object_id,), version=LATEST, params=params, token=token)
        answer = self.graph.answer(call, actor=actor)
        document: dict[str, Any] = msgspec.json.decode(answer.body)
        if answer.status != _OK:
            raise ValueError(document["error"].get("error_user_msg") or document["error"]["message"])
        return document

    def greeting(self, url: str) -> str:
        """Tell the three lines that point Meta's own SDK at the sandbox."""
        platform = self.graph.platform
        account_id = next(iter(platform.world.accounts))
        return _GREETING.format(url=url, credentials=platform.folder / "credentials.json", account_id=account_id)

    def resume(self) -> None:
        """Take up late effects that a killed process has left."""
        self._face.resume()


def open_dialect(platform: Platform) -> Dialect:
    """Open Meta's dialect over a running platform."""
    return MetaDialect(platform)

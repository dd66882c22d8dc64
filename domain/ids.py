"""Identifiers as types of their own, so that a campaign id is never passed where an ad id is meant.

`AccountId` to `PrincipalId` are ours (Postgres identities); the others are the platform's, opaque text.
"""

from typing import NewType

AccountId = NewType("AccountId", int)
RunId = NewType("RunId", int)
ActionId = NewType("ActionId", int)
CommandId = NewType("CommandId", int)
StopId = NewType("StopId", int)
PrincipalId = NewType("PrincipalId", int)

PlatformAccountId = NewType("PlatformAccountId", str)
CampaignId = NewType("CampaignId", str)
AdSetId = NewType("AdSetId", str)
AdId = NewType("AdId", str)
CreativeId = NewType("CreativeId", str)

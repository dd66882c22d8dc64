"""A small tree as a user of the official SDK builds it: its calls and enums only. No facts."""

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.campaign import Campaign

from tests.sandbox.stranger import PAGE, PIXEL

TARGETING = {
    "geo_locations": {"countries": ["PT"]},
    "age_min": 25,
    "age_max": 54,
    "targeting_automation": {"advantage_audience": 0},
}


def new_campaign(account: AdAccount, **more: Any) -> Campaign:
    params = {
        Campaign.Field.name: "Built by the SDK",
        Campaign.Field.objective: Campaign.Objective.outcome_sales,
        Campaign.Field.special_ad_categories: [],
        Campaign.Field.status: Campaign.Status.paused,
        "is_adset_budget_sharing_enabled": False,
    }
    told = {name: value for name, value in {**params, **more}.items() if value is not None}
    return account.create_campaign(params=told)


def new_ad_set(account: AdAccount, campaign: Campaign, **more: Any) -> AdSet:
    params = {
        AdSet.Field.name: "Built by the SDK",
        AdSet.Field.campaign_id: campaign["id"],
        AdSet.Field.billing_event: AdSet.BillingEvent.impressions,
        AdSet.Field.optimization_goal: AdSet.OptimizationGoal.offsite_conversions,
        AdSet.Field.daily_budget: 2_500,
        AdSet.Field.targeting: TARGETING,
        AdSet.Field.promoted_object: {"pixel_id": PIXEL, "custom_event_type": "PURCHASE"},
        AdSet.Field.status: AdSet.Status.paused,
    }
    return account.create_ad_set(params={**params, **more})


def new_creative(account: AdAccount, image_hash: str, **more: Any) -> AdCreative:
    link = {
        "link": "https://shop.example/olives",
        "message": "Pressed in November",
        "name": "New oil",
        "image_hash": image_hash,
        "call_to_action": {"type": AdCreative.CallToActionType.shop_now, "value": {"link": "https://shop.example"}},
    }
    params = {
        AdCreative.Field.name: "Built by the SDK",
        AdCreative.Field.object_story_spec: {"page_id": PAGE, "link_data": link},
    }
    return account.create_ad_creative(params={**params, **more})


def new_ad(account: AdAccount, ad_set: AdSet, creative: AdCreative, **more: Any) -> Ad:
    params = {
        Ad.Field.name: "Built by the SDK",
        Ad.Field.adset_id: ad_set["id"],
        Ad.Field.creative: {"creative_id": creative["id"]},
        Ad.Field.status: Ad.Status.paused,
    }
    return account.create_ad(params={**params, **more})


def png(path: Path, *, width: int = 64, height: int = 48, grey: int = 90) -> Path:
    """A real picture of one grey."""
    rows = b"".join(b"\0" + bytes([grey]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    chunks = (struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
              for name, body in parts)  # fmt: skip
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def film(path: Path, *, seconds: float = 12.5, letters: int = 300_000) -> Path:
    """An MP4 file with a movie header that tells its length, and noise for a picture."""
    movie = _box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1_000, round(seconds * 1_000)) + bytes(80))
    noise = b"".join(hashlib.sha256(place.to_bytes(4, "big")).digest() for place in range(letters // 32))
    path.write_bytes(_box(b"ftyp", b"mp42\0\0\0\0mp42isom") + _box(b"moov", movie) + _box(b"mdat", noise))
    return path


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content

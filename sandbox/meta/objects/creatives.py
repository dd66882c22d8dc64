"""Ad creatives: their parameters, and the rules of a create; afterwards only name, status and labels change."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from sandbox.account import Account
from sandbox.meta.context import Context
from sandbox.meta.objects.checks import check_name, labels
from sandbox.meta.objects.creative_media import STORY_PARTS, check_media
from sandbox.meta.objects.drafts import Draft
from sandbox.meta.protocol import params
from sandbox.meta.protocol.errors import GraphError, invalid
from sandbox.meta.protocol.params import Reader
from sandbox.meta.protocol.words import CALLS_TO_ACTION
from sandbox.records import RecordKind

Values = dict[str, Any]
_FEED_MOST: Final = {"videos": 10, "images": 10, "titles": 5, "bodies": 5, "descriptions": 5, "link_urls": 5}
_FEED_KEYS: Final = {"videos": "video_id", "images": "hash", "titles": "text", "bodies": "text",
                     "descriptions": "text", "link_urls": "website_url"}  # fmt: skip
_TEXTS: Final = (
    "actor_id", "applink_treatment", "authorization_category", "body", "branded_content_sponsor_page_id",
    "bundle_folder_id", "categorization_criteria", "category_media_source", "destination_set_id", "dynamic_ad_voice",
    "existing_post_title", "image_hash", "image_url", "instagram_permalink_url", "instagram_user_id",
    "instagram_actor_id", "link_og_id", "link_url", "object_id", "object_story_id", "object_type", "object_url",
    "page_welcome_message", "place_page_set_id", "playable_asset_id", "product_set_id", "source_facebook_post_id",
    "source_instagram_media_id", "template_url", "template_url_spec", "thumbnail_url", "title", "url_tags", "video_id",
    "image_file", "call_to_action_type",
)  # fmt: skip
_SPECS: Final = (
    "ad_disclaimer_spec", "asset_feed_spec", "branded_content", "call_to_action", "contextual_multi_ads",
    "creative_sourcing_spec", "degrees_of_freedom_spec", "destination_spec", "facebook_branded_content",
    "format_transformation_spec", "generative_asset_spec", "image_crops", "instagram_branded_content",
    "interactive_components_spec", "marketing_message_structured_spec", "media_optimization_spec",
    "media_sourcing_spec", "object_story_spec", "omnichannel_link_spec", "platform_customizations",
    "portrait_customizations", "product_suggestion_settings", "recommender_settings",
    "regional_regulation_disclaimer_spec", "wamo_whatsapp_identity_spec",
)  # fmt: skip
CREATE: Final[Mapping[str, Reader]] = {
    **dict.fromkeys(_TEXTS, params.text), **dict.fromkeys(_SPECS, params.structure), "name": params.text,
    "adlabels": labels, "enable_launch_instant_app": params.boolean, "is_dco_internal": params.boolean,
    "use_page_actor_override": params.boolean,
}  # fmt: skip
UPDATE: Final[Mapping[str, Reader]] = {
    "name": params.text, "adlabels": labels,
    "status": params.one_of(frozenset({"ACTIVE", "DELETED", "ARCHIVED"})),
}  # fmt: skip


def draft_creative(context: Context, account: Account, given: Values | None = None) -> Draft:
    """Return the creative that a create asks for, checked; `given` is a spec that stands inside an ad.

    Raises:
        GraphError: a validation of Meta's.
    """
    call = context.call if given is None else replace(context.call, params=_as_params(given))
    values = params.read_params(call, CREATE, what="a creative")
    draft = Draft(context=context, account=account, values=values)
    values["name"] = values.get("name") or "Creative"
    check_name(draft)
    story, feed = values.get("object_story_spec"), values.get("asset_feed_spec")
    if not any(values.get(name) for name in _SOURCES):
        raise params.required("object_story_spec")
    if story is not None:
        _check_story(story, context, account, has_feed=feed is not None)
    if feed is not None:
        _check_feed(feed)
    check_media(draft)
    _check_enhancements(values.get("degrees_of_freedom_spec"))
    part = _story_part(story) if isinstance(story, dict) else {}
    for action in _calls_in(values, part):
        _check_call(action)
    values.update({name: value for name, value in _told(values, part).items() if value is not None})
    return draft


_SOURCES: Final = (
    "object_story_spec", "asset_feed_spec", "object_story_id", "source_instagram_media_id", "source_facebook_post_id",
    "object_id", "product_set_id", "image_hash", "image_url", "video_id", "link_url", "object_url",
)  # fmt: skip


def _as_params(spec: Values) -> dict[str, str]:
    """Write a spec that stands inside another parameter as parameters of its own, so that it is read alike."""
    return {
        str(name): value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in spec.items()
        if value is not None
    }


def _told(values: Values, part: Values) -> Values:
    """Return what the platform itself says of a creative, drawn from its story."""
    action = part.get("call_to_action") or values.get("call_to_action")
    video = part.get("video_id") or values.get("video_id")
    goal = action.get("value") if isinstance(action, dict) else None
    link = part.get("link") or (goal.get("link") if isinstance(goal, dict) else None)
    return {
        "title": part.get("title") or part.get("name") or values.get("title"),
        "body": part.get("message") or values.get("body"),
        "video_id": str(video) if video else None,
        "image_hash": part.get("image_hash") or values.get("image_hash"),
        "image_url": part.get("picture") or part.get("image_url") or values.get("image_url"),
        "object_type": values.get("object_type") or ("VIDEO" if video else "SHARE"),
        "link_url": values.get("link_url") or (link if isinstance(link, str) else None),
        "call_to_action_type": action.get("type") if isinstance(action, dict) else values.get("call_to_action_type"),
        "status": "ACTIVE",
    }


def _check_story(story: Any, context: Context, account: Account, *, has_feed: bool) -> None:
    if not isinstance(story, dict):
        raise params.unfit("object_story_spec", "must be a JSON object")
    if not story.get("page_id"):
        raise invalid(
            "object_story_spec needs the page_id of the page that speaks.", subcode=1_885_029,
            field="object_story_spec", title="Page is missing",
        )  # fmt: skip
    page = context.platform.world.records.get(str(story["page_id"]))
    if page is None or page.kind is not RecordKind.PAGE or page.account_id != account.id:
        raise invalid(
            f"The page {story['page_id']} is not one of this account's pages.", subcode=1_885_029, field="page_id",
            title="Page does not match",
        )  # fmt: skip
    parts = [part for part in STORY_PARTS if part in story]
    if len(parts) != 1 and not (has_feed and not parts):
        raise GraphError(
            100, f"(#100) object_story_spec needs exactly one of {', '.join(STORY_PARTS)}",
            blame=[["object_story_spec"]], title="Invalid parameter",
            user=f"object_story_spec needs exactly one of {', '.join(STORY_PARTS)}, and holds {len(parts)}.",
        )  # fmt: skip
    for part in parts:
        if not isinstance(story[part], dict):
            raise params.unfit("object_story_spec", f"has a {part} that is no object")
    _check_video(story.get("video_data"))
    _check_link(story.get("link_data"))


def _check_video(video: Values | None) -> None:
    if video is None:
        return
    if not video.get("video_id"):
        raise params.required("object_story_spec[video_data][video_id]")
    if not video.get("image_hash") and not video.get("image_url"):
        raise invalid(
            "Give image_hash or image_url in video_data: the picture shown before the video plays.",
            subcode=1_443_226, field="object_story_spec", title="Thumbnail is missing",
        )  # fmt: skip


def _check_link(link: Values | None) -> None:
    if link is None:
        return
    cards = link.get("child_attachments")
    if cards is not None and link.get("components") is not None:
        raise invalid(
            "Give components or child_attachments, not both.", subcode=2_446_580, field="object_story_spec",
            title="Two kinds of cards",
        )  # fmt: skip
    if cards is not None and (not isinstance(cards, list) or not all(isinstance(card, dict) for card in cards)):
        raise params.unfit("object_story_spec", "has child_attachments that are no array of objects")
    if cards is not None and not 2 <= len(cards) <= 10:  # noqa: PLR2004 - of a carousel
        raise params.unfit("object_story_spec", f"has {len(cards)} child_attachments; a carousel has 2 to 10")


def _story_part(story: Values) -> Values:
    parts = [story[part] for part in STORY_PARTS if isinstance(story.get(part), dict)]
    return parts[0] if parts else {}


def _check_feed(feed: Any) -> None:
    if not isinstance(feed, dict):
        raise params.unfit("asset_feed_spec", "must be a JSON object")
    for name, most in _FEED_MOST.items():
        rows = feed.get(name)
        if rows is None:
            continue
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise params.unfit("asset_feed_spec", f"has {name} that are no array of objects")
        if len(rows) > most:
            raise params.unfit("asset_feed_spec", f"has {len(rows)} {name}; at most {most} are allowed")
        keys = [str(row.get(_FEED_KEYS[name])) for row in rows if row.get(_FEED_KEYS[name])]
        if len(set(keys)) != len(keys):
            raise invalid(
                f"The values of {name} in the asset feed must differ from one another.", subcode=1_815_629,
                field="asset_feed_spec", title="Asset values must be unique",
            )  # fmt: skip
    for action in _list(feed.get("call_to_action_types")):
        _check_call({"type": action})


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _check_enhancements(spec: Any) -> None:
    features = spec.get("creative_features_spec") if isinstance(spec, dict) else None
    standard = features.get("standard_enhancements") if isinstance(features, dict) else None
    if standard is not None and not (isinstance(standard, dict) and standard.get("enroll_status")):
        raise invalid(
            "standard_enhancements needs an enroll_status of OPT_IN or OPT_OUT.", subcode=3_858_082,
            field="degrees_of_freedom_spec", title="Enrolment is missing",
        )  # fmt: skip


def _calls_in(values: Values, part: Values) -> Iterable[Any]:
    yield part.get("call_to_action")
    yield values.get("call_to_action")
    for card in _list(part.get("child_attachments")):
        yield card.get("call_to_action")
    if values.get("call_to_action_type"):
        yield {"type": values["call_to_action_type"]}


def _check_call(action: Any) -> None:
    if action is None:
        return
    kind = action.get("type") if isinstance(action, dict) else None
    if str(kind) not in CALLS_TO_ACTION:
        raise GraphError(
            100, f"(#100) The call to action type {str(kind)[:80]!r} cannot be parsed", subcode=1_373_054,
            blame=[["call_to_action"]], title="Call to action is unknown",
            user="Give the call to action one of the platform's types, such as LEARN_MORE or SHOP_NOW.",
        )  # fmt: skip


def check_creative(draft: Draft) -> None:
    """Refuse an update of a creative that Meta would refuse.

    Raises:
        GraphError: a validation of Meta's.
    """
    check_name(draft)

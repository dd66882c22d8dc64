"""Ad videos once they are known: lists, the video as a node, its stills and its status by the platform's clock."""

from typing import Any, Final

from sandbox import media
from sandbox.account import Account
from sandbox.meta.accounts.activities import listed
from sandbox.meta.context import Context, Json
from sandbox.meta.media.served import STILL, STILL_SIZE, address
from sandbox.meta.media.uploads import UPLOADED, file_name
from sandbox.meta.objects.render import iso
from sandbox.meta.protocol.errors import invalid, missing, parameter
from sandbox.meta.protocol.fields import Fields, newest_first
from sandbox.meta.route import Route
from sandbox.records import Record, RecordKind

_STILLS: Final = 3
_NOT_FIELDS: Final = frozenset({"execution_options", "fields", "format", "locale", "include_headers", "summary"})


def status_of(context: Context, record: Record) -> Json:
    """Return a video's `status`: what its upload, its processing and its publishing have come to by now."""
    values = record.values
    total = int(values["file_size"])
    uploading: Json = {"status": "in_progress", "bytes_transferred": values["offset"], "source_file_size": total}
    if values["stage"] != UPLOADED:
        waiting = {"status": "not_started"}
        return _status("uploading", 0, uploading, waiting, waiting)
    uploading["status"] = "complete"
    passed_s = context.platform.clock.now_s() - values["uploaded_at_s"]
    takes_s = float(values["processing_s"])
    if passed_s < takes_s:
        part = int(100 * passed_s / takes_s)
        return _status("processing", part, uploading, {"status": "in_progress"}, {"status": "not_started"})
    if values["fails"]:
        problem = {"code": 1_363_030, "message": "The video file could not be processed."}
        return _status("error", 0, uploading, {"status": "error", "errors": [problem]}, {"status": "not_started"})
    published = {"status": "complete", "publish_status": "published", "publish_time": _time(context, record, takes_s)}
    return _status("ready", 100, uploading, {"status": "complete"}, published)


def _status(word: str, percent: int, uploading: Json, processing: Json, publishing: Json) -> Json:
    return {
        "video_status": word, "processing_progress": percent, "uploading_phase": uploading,
        "processing_phase": processing, "publishing_phase": publishing,
    }  # fmt: skip


def is_ready(context: Context, record: Record) -> bool:
    """Say whether a video can be shown."""
    return bool(status_of(context, record)["video_status"] == "ready")


def read_videos(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/advideos`, newest first."""
    title = context.call.params.get("title")
    bounds = [(side, sign, _bound(context, f"{word}{side}")) for side in ("width", "height", "length")
              for word, sign in (("min", 1), ("max", -1))]  # fmt: skip
    records = [
        record
        for record in context.platform.world.records.of(account.id, RecordKind.VIDEO)
        if record.values["status"] != media.DELETED
        and (title is None or title.casefold() in (_title(context, record) or "").casefold())
        and all(bound is None or sign * _measure(record, side) >= sign * bound for side, sign, bound in bounds)
    ]
    return FIELDS.edge(context, newest_first(context, records, _TESTS))


def _measure(record: Record, side: str) -> float:
    return float(record.values.get("length_s" if side == "length" else side) or 0)


def _bound(context: Context, name: str) -> float | None:
    text = context.call.params.get(name)
    try:
        return None if text is None else float(text)
    except ValueError:
        raise parameter(f"Param {name} must be a number") from None


def read_video(context: Context, record: Record) -> Json:
    """Answer `GET /{video}`."""
    return FIELDS.row(context, _there(context, record))


def read_thumbnails(context: Context, record: Record) -> Json:
    """Answer `GET /{video}/thumbnails`: grey stills, once the video is ready."""
    return listed(context, _thumbnails(context, _there(context, record)))


def update_video(context: Context, record: Record) -> Json:
    """Answer `POST /{video}`: its title (or name) and description.

    Raises:
        GraphError: 100, another parameter.
    """
    record = _there(context, record)
    asked = {name: text for name, text in context.call.params.items() if name not in _NOT_FIELDS}
    strange = sorted(set(asked) - {"title", "name", "description"})
    if strange:
        raise parameter(f"The parameter {strange[0]} cannot be changed on video {record.id}")
    values = {"title" if name == "name" else name: text for name, text in asked.items()}
    if not context.is_only_checked():
        context.note(RecordKind.VIDEO, record.account_id, values, record=record)
    return {"success": True}


def delete_video(context: Context, record: Record) -> Json:
    """Answer `DELETE /{video}`; its bytes stay, since creatives may still show it."""
    if not context.is_only_checked():
        context.note(RecordKind.VIDEO, record.account_id, {"status": media.DELETED}, record=_there(context, record))
    return {"success": True}


def delete_by_edge(context: Context, account: Account) -> Json:
    """Answer `DELETE /act_X/advideos?video_id=`."""
    video_id = context.call.params.get("video_id", "").strip('"')
    record = media.video_of(context, account.id, video_id)
    if record is None:
        raise invalid(f"Ad account {account.id} has no video {video_id[:40]!r}.", field="video_id")
    return delete_video(context, record)


def _there(context: Context, record: Record) -> Record:
    if record.values["status"] == media.DELETED:
        raise missing(record.id, context.call.method)
    return record


def _time(context: Context, record: Record, more_s: float = 0.0) -> str:
    return iso(context.account_of(record), record.values.get("uploaded_at_s", record.created_s) + more_s)


def _title(_: Context, record: Record) -> str | None:
    title = record.values.get("title") or record.values.get("file_name")
    return str(title) if title else None


def _if_ready(context: Context, record: Record, value: Any) -> Any:
    return value if is_ready(context, record) else None


def _sides(record: Record) -> tuple[int, int]:
    return record.values.get("width") or STILL_SIZE[0], record.values.get("height") or STILL_SIZE[1]


def _format(context: Context, record: Record) -> list[Json]:
    width, height = _sides(record)
    source = address(context, file_name(record))
    return [
        {
            "filter": "native", "width": width, "height": height, "picture": address(context, f"{STILL}0.png"),
            "embed_html": f'<iframe src="{source}" width="{width}" height="{height}"></iframe>',
        }
    ]  # fmt: skip


def _thumbnails(context: Context, record: Record) -> list[Json]:
    if not is_ready(context, record):
        return []
    width, height = STILL_SIZE
    return [
        {
            "id": f"{record.id}{index}", "uri": address(context, f"{STILL}{index}.png"), "width": width,
            "height": height, "scale": 1, "is_preferred": index == 0, "name": "",
        }
        for index in range(_STILLS)
    ]  # fmt: skip


FIELDS: Final[Fields[Record]] = Fields(
    type_name="Video",
    getters={
        "id": lambda _, record: record.id,
        "title": _title,
        "name": _title,
        "description": lambda _, record: record.values.get("description"),
        "length": lambda context, record: _if_ready(context, record, record.values.get("length_s")),
        "source": lambda context, record: _if_ready(context, record, address(context, file_name(record))),
        "picture": lambda context, record: _if_ready(context, record, address(context, f"{STILL}0.png")),
        "icon": lambda context, _: address(context, f"{STILL}0.png"),
        "permalink_url": lambda _, record: f"/{record.account_id}/videos/{record.id}/",
        "embed_html": lambda context, record: _if_ready(context, record, _format(context, record)[0]["embed_html"]),
        "format": lambda context, record: _if_ready(context, record, _format(context, record)),
        "status": status_of,
        "thumbnails": lambda context, record: {"data": _thumbnails(context, record)},
        "created_time": lambda context, record: iso(context.account_of(record), record.created_s),
        "updated_time": lambda context, record: iso(context.account_of(record), record.updated_s),
        "published": is_ready,
        "embeddable": lambda _, __: True,
        "views": lambda _, __: 0,
        "is_instagram_eligible": lambda _, __: True,
        "privacy": lambda _, __: {"value": "", "description": "", "friends": "", "allow": "", "deny": ""},
        "from": lambda context, record: {
            "id": context.account_of(record).spec.page_id, "name": context.account_of(record).spec.page_name
        },
    },
    silent=frozenset(
        {"ad_breaks", "admin_creator", "audio_isrc", "backdated_time", "backdated_time_granularity", "content_category",
         "boost_eligibility_info", "content_tags", "copyright", "copyright_check_information", "custom_labels", "event",
         "copyright_monitoring_status", "expiration", "is_crosspost_video", "is_crossposting_eligible", "is_episode",
         "is_reference_only", "live_audience_count", "live_status", "music_video_copyright", "place", "post_id",
         "post_views", "premiere_living_room_status", "replace_audio_status", "scheduled_publish_time", "spherical",
         "selected_audio_spec", "universal_video_id"}
    ),
)  # fmt: skip
_TESTS: Final = {
    "id": lambda record: record.id,
    "title": lambda record: str(record.values.get("title") or record.values.get("file_name") or ""),
    "created_time": lambda record: record.created_s,
    "updated_time": lambda record: record.updated_s,
}

ROUTES: Final = (
    Route(
        method="GET", of="account", edge="advideos", answer=read_videos,
        note="title, min/max width, height and length, filtering by id, title and times; newest first",
    ),
    Route(method="DELETE", of="account", edge="advideos", answer=delete_by_edge, note="by video_id"),
    Route(
        method="GET", of=RecordKind.VIDEO, edge="", answer=read_video,
        note="status by the platform's clock; length and sides from the MP4's own boxes, else 0; stills are grey",
    ),
    Route(method="GET", of=RecordKind.VIDEO, edge="thumbnails", answer=read_thumbnails, note="three grey stills"),
    Route(method="POST", of=RecordKind.VIDEO, edge="", answer=update_video, note="title, name, description"),
    Route(
        method="DELETE", of=RecordKind.VIDEO, edge="", answer=delete_video,
        note="its bytes stay for the creatives that show it",
    ),
)  # fmt: skip

"""Ad images: `act_X/adimages` and the image as a node. Their headers are read, and the same bytes are one image."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from sandbox import media
from sandbox.account import Account
from sandbox.media_headers import Picture, read_picture
from sandbox.meta.context import Context, Json
from sandbox.meta.media.served import address, image_file
from sandbox.meta.objects.render import iso
from sandbox.meta.protocol.errors import invalid, parameter
from sandbox.meta.protocol.fields import Fields, newest_first
from sandbox.meta.route import Route
from sandbox.nodes import Kind, Node
from sandbox.records import Record, RecordKind

_MAX_BYTES: Final = 30 * 1024 * 1024
_UNREADABLE: Final = 1_487_411
_NAME_CHARS: Final = 255


def create_images(context: Context, account: Account) -> Json:
    """Answer `POST /act_X/adimages`: files of a multipart body, `bytes`, or `copy_from`.

    Raises:
        GraphError: there is no image, or what came is none; then nothing of the call is kept.
    """
    named = _copied(context) if "copy_from" in context.call.params else _sent(context)
    if not named:
        raise parameter("An image is required: send a file, bytes or copy_from")
    pictures = {key: _readable(key, content) for key, (_, content) in named.items()}
    if context.is_only_checked():
        return {"success": True}
    shown: Json = {}
    for key, (name, content) in named.items():
        shown[key] = _answered(context, _kept(context, account, name, content, pictures[key]))
    return {"images": shown}


def _sent(context: Context) -> dict[str, tuple[str, bytes]]:
    """Return what the call carries: by the key of the answer, a name and bytes. One file sent twice is one."""
    call = context.call
    found = {
        (file.name or part): (file.name or part, file.content) for part, file in call.files.items() if file.content
    }
    text = call.params.get("bytes")
    if text is not None:
        name = call.params.get("name") or call.params.get("filename") or "untitled"
        found["bytes"] = (name, _decoded(text))
    return found


def _decoded(text: str) -> bytes:
    plain = text.strip().strip('"')
    if plain.startswith("data:"):
        plain = plain.partition(",")[2]
    plain = "".join(plain.replace(" ", "+").split())  # a form that did not escape "+" brings spaces
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise invalid("The parameter bytes is not base64.", field="bytes", subcode=_UNREADABLE) from None


def _copied(context: Context) -> dict[str, tuple[str, bytes]]:
    wanted = context.call.get("copy_from")
    if not isinstance(wanted, dict) or not {"source_account_id", "hash"} <= wanted.keys():
        raise parameter("Param copy_from must be an object with source_account_id and hash")
    source = context.account(f"act_{str(wanted['source_account_id']).removeprefix('act_')}")
    record = media.image_of(context, source.id, str(wanted["hash"]))
    path = media.file_of(context.platform, image_file(record)) if record is not None else None
    if record is None or path is None or not path.exists():
        raise invalid(f"Ad account {source.id} has no image with the hash {wanted['hash']}.", field="copy_from")
    name = str(record.values["name"])
    return {name: (name, path.read_bytes())}


def _readable(key: str, content: bytes) -> Picture:
    if len(content) > _MAX_BYTES:
        raise invalid(f"The image {key} has {len(content)} bytes; {_MAX_BYTES} is the most.", subcode=_UNREADABLE)
    picture = read_picture(content)
    if picture is None:
        text = f"The file {key} could not be read as an image. Send a PNG, JPEG, GIF or WebP."
        raise invalid(text, subcode=_UNREADABLE, title="Image Can't Be Read")
    return picture


def _kept(context: Context, account: Account, name: str, content: bytes, picture: Picture) -> Record:
    """Keep an image: its bytes first, so that no record speaks for bytes that are not there."""
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    held = context.platform.world.records.get(media.image_id(account.id, digest))
    if held is not None and held.values["status"] != media.DELETED:
        return held
    media.keep(context.platform, f"{digest}.{picture.suffix}", content)
    values = {
        "name": name[:_NAME_CHARS], "hash": digest, "width": picture.width, "height": picture.height,
        "size": len(content), "suffix": picture.suffix, "status": "ACTIVE",
    }  # fmt: skip
    own_id = media.image_id(account.id, digest)
    return context.note(RecordKind.IMAGE, account.id, values, record=held, new_id=own_id)


def _answered(context: Context, record: Record) -> Json:
    names = ("hash", "url", "name", "width", "height", "url_128")
    return {name: FIELDS.getters[name](context, record) for name in names}


def read_images(context: Context, account: Account) -> Json:
    """Answer `GET /act_X/adimages`, newest first."""
    call = context.call
    hashes = {*call.items("hashes"), *call.items("selected_hashes")}
    name = call.params.get("name")
    least = {side: _pixels(context, f"min{side}") for side in ("width", "height")}
    records = [
        record
        for record in context.platform.world.records.of(account.id, RecordKind.IMAGE)
        if record.values["status"] != media.DELETED
        and (not hashes or record.values["hash"] in hashes)
        and (name is None or name.casefold() in record.values["name"].casefold())
        and all(record.values[side] >= pixels for side, pixels in least.items())
    ]
    return FIELDS.edge(context, newest_first(context, records, _TESTS))


def _pixels(context: Context, name: str) -> int:
    text = context.call.params.get(name, "0")
    try:
        return int(text)
    except ValueError:
        raise parameter(f"Param {name} must be a whole number") from None


def delete_image(context: Context, account: Account) -> Json:
    """Answer `DELETE /act_X/adimages?hash=`; an image that a creative shows stays.

    Raises:
        GraphError: 100, no such image, or it is in use.
    """
    digest = context.call.params.get("hash") or context.call.params.get("image_id", "").rpartition(":")[2]
    if not digest:
        raise parameter("The parameter hash is required")
    record = media.image_of(context, account.id, digest)
    if record is None:
        raise invalid(f"Ad account {account.id} has no image with the hash {digest}.", field="hash")
    users = _creatives(account, digest)
    if users:
        text = f"The image {digest} is used by ad creative {users[0].id}. Delete the creative first."
        raise invalid(text, field="hash", title="Image In Use")
    if not context.is_only_checked():
        context.note(RecordKind.IMAGE, account.id, {"status": media.DELETED}, record=record)
    return {"success": True}


def read_image(context: Context, record: Record) -> Json:
    """Answer `GET /{account}:{hash}`; a deleted one is still told of."""
    return FIELDS.row(context, record)


def _creatives(account: Account, digest: str) -> list[Node]:
    """Return the creatives, not deleted, that show an image."""
    return [
        node
        for node in account.nodes[Kind.CREATIVE]
        if node.status != media.DELETED and _mentions(node.extra, digest)
    ]  # fmt: skip


def _mentions(value: Any, text: str) -> bool:
    if isinstance(value, Mapping):
        return any(_mentions(item, text) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_mentions(item, text) for item in value)
    return bool(value == text)


def _users(context: Context, record: Record) -> list[Node]:
    return _creatives(context.account_of(record), record.values["hash"])


FIELDS: Final[Fields[Record]] = Fields(
    type_name="AdImage",
    getters={
        "id": lambda _, record: record.id,
        "account_id": lambda _, record: record.account_id,
        "hash": lambda _, record: record.values["hash"],
        "name": lambda _, record: record.values["name"],
        "status": lambda _, record: record.values["status"],
        "width": lambda _, record: record.values["width"],
        "height": lambda _, record: record.values["height"],
        "original_width": lambda _, record: record.values["width"],
        "original_height": lambda _, record: record.values["height"],
        "url": lambda context, record: address(context, image_file(record)),
        "url_128": lambda context, record: address(context, image_file(record)),
        "permalink_url": lambda context, record: address(context, image_file(record)),
        "created_time": lambda context, record: iso(context.account_of(record), record.created_s),
        "updated_time": lambda context, record: iso(context.account_of(record), record.updated_s),
        "creatives": lambda context, record: [node.id for node in _users(context, record)] or None,
        "is_associated_creatives_in_adgroups": lambda context, record: bool(_users(context, record)),
    },
    silent=frozenset({"owner_business", "bytes", "copy_from", "filename"}),
    always=("id", "hash"),
)
_TESTS: Final = {
    "hash": lambda record: record.values["hash"],
    "name": lambda record: record.values["name"],
    "status": lambda record: record.values["status"],
    "created_time": lambda record: record.created_s,
    "updated_time": lambda record: record.updated_s,
}
_POST_NOTE: Final = "files, bytes, copy_from; PNG, JPEG, GIF, WebP up to 30 MB, sizes read from the bytes; no ZIP"

ROUTES: Final = (
    Route(method="POST", of="account", edge="adimages", answer=create_images, note=_POST_NOTE),
    Route(
        method="GET", of="account", edge="adimages", answer=read_images,
        note="hashes, name, minwidth, minheight, filtering by hash, name, status and times; newest first",
    ),
    Route(
        method="DELETE", of="account", edge="adimages", answer=delete_image,
        note="by hash; one that a creative shows is refused",
    ),
    Route(method="GET", of=RecordKind.IMAGE, edge="", answer=read_image, note="a deleted one is still told of"),
)  # fmt: skip

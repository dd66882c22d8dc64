"""Custom audiences: `MetaAudiences` is Meta's `domain.asset_ports.AudienceWriter`. People leave as digests only."""

from collections.abc import Sequence
from types import MappingProxyType

import msgspec

from domain.asset_ports import Sending
from domain.audiences import PeopleAdded, Person
from domain.errors import RefusedError
from domain.ids import PlatformAccountId
from meta_client.accounts import node_of
from meta_client.names import with_token
from meta_client.supply.people import TELLING, digests
from meta_client.supply.sender import Made, Sender, Told, require_id

MOST_PEOPLE = 10_000  # in one call
# Our fields → the keys of Meta's schema. A birthday is left out: there it is three keys with digests of their own.
_KEYS = MappingProxyType(
    {
        "email": "EMAIL",
        "phone": "PHONE",
        "external_id": "EXTERN_ID",
        "first_name": "FN",
        "last_name": "LN",
        "gender": "GEN",
        "city": "CT",
        "state": "ST",
        "zip": "ZIP",
        "country": "COUNTRY",
    }
)


class _Added(Told, kw_only=True):
    audience_id: str
    num_received: int
    num_invalid_entries: int = 0


class MetaAudiences:
    """Makes lists of people and adds people to them."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def create_audience(
        self, account: PlatformAccountId, *, name: str, description: str, op_token: str, sending: Sending
    ) -> str:
        """Make an empty list and return its id.

        Raises:
            UnknownOutcomeError: look for the name's token before anything else.
        """
        if not name.strip():
            raise RefusedError("a custom audience needs a name; nothing was sent")
        form = {
            "name": with_token(name, op_token),
            "description": description,
            "subtype": "CUSTOM",
            "customer_file_source": "USER_PROVIDED_ONLY",
        }
        path = f"{node_of(account)}/customaudiences"
        return self._sender.send(Made, account, path, form, about=f"create of audience {name}", sending=sending).id

    def add_people(
        self, account: PlatformAccountId, audience_id: str, people: Sequence[Person], *, sending: Sending
    ) -> PeopleAdded:
        """Add people; whoever nothing tells from others is left out and told by place.

        Raises:
            RefusedError: there are none, too many, or all of them are left out.
        """
        about = f"adding of {len(people)} people to audience {require_id(audience_id, 'an audience')}"
        if not 0 < len(people) <= MOST_PEOPLE:
            raise RefusedError(f"{about}: 1 to {MOST_PEOPLE} at once; nothing was sent")
        known = [digests(person) for person in people]
        unusable = tuple(place for place, row in enumerate(known) if not TELLING & row.keys())
        if len(unusable) == len(known):
            raise RefusedError(f"{about}: none has a usable e-mail address, phone or id of ours; nothing was sent")
        rows = [row for row in known if TELLING & row.keys()]
        used = [field for field in _KEYS if any(field in row for row in rows)]
        payload = {
            "schema": [_KEYS[field] for field in used],
            "data": [[row.get(field, "") for field in used] for row in rows],
        }
        form = {"payload": msgspec.json.encode(payload).decode()}
        told = self._sender.send(_Added, account, f"{audience_id}/users", form, about=about, sending=sending)
        return PeopleAdded(received=told.num_received, invalid=told.num_invalid_entries, unusable=unusable)

"""Up to 50 updates in one call. Results are values, since each item has an outcome of its own. No creates, no repeats.

Meta's own clients queue an item that came back `null` again; such an item may have happened, so here it is unknown.
"""

from collections.abc import Sequence
from math import inf
from urllib.parse import urlencode

import msgspec

from domain.errors import InvariantError, PlatformError, UnknownOutcomeError
from domain.ids import PlatformAccountId
from domain.ports import WriteRequest
from meta_client import wire
from meta_client.forms import Form, to_form
from meta_client.transport import Answer, Transport

MOST_ITEMS = 50  # facts/meta_graph_api.md §4
_OK = 200
_BATCH = msgspec.json.Decoder(list[wire.BatchItem | None])
_WRITTEN = msgspec.json.Decoder(wire.Written)

Result = str | PlatformError


def send(
    transport: Transport,
    account_node: str,
    currency: str | None,
    items: Sequence[tuple[WriteRequest, str]],
    *,
    deadline_s: float,
    not_after_s: float = inf,
) -> list[Result]:
    """Send the updates (request, how messages name it) and return their results in the same order.

    What cannot be told to Meta is not sent. An error of the call as a whole stands for each item that was. Meta asks
    not to put several ad sets of one campaign into one batch.

    Raises:
        InvariantError: more than 50 items, or a create among them.
    """
    if len(items) > MOST_ITEMS:
        raise InvariantError(f"a batch holds {MOST_ITEMS} updates at most, not {len(items)}")
    forms = [_form_or_error(account_node, currency, request) for request, _ in items]
    sent = [(index, form) for index, form in enumerate(forms) if isinstance(form, Form)]
    if any(form.is_create for _, form in sent):
        raise InvariantError("a create does not belong into a batch: its outcome must be read back alone")
    named = [(form, *items[index]) for index, form in sent]
    account = PlatformAccountId(account_node)
    answers = _exchange(transport, account, named, deadline_s=deadline_s, not_after_s=not_after_s) if sent else []
    results: list[Result] = [form if isinstance(form, PlatformError) else "" for form in forms]
    for (index, _), result in zip(sent, answers, strict=True):
        results[index] = result
    return results


def _form_or_error(account_node: str, currency: str | None, request: WriteRequest) -> Form | PlatformError:
    try:
        return to_form(account_node, currency, request)
    except PlatformError as error:
        return error


def _exchange(
    transport: Transport,
    account: PlatformAccountId,
    sent: Sequence[tuple[Form, WriteRequest, str]],
    *,
    deadline_s: float,
    not_after_s: float,
) -> list[Result]:
    calls = [
        {
            "method": "POST",
            "relative_url": form.path,
            "body": urlencode(form.values),
            "headers": [{"name": "X-Request-Id", "value": request.request_id}],
        }
        for form, request, _ in sent
    ]
    about = f"batch of {len(sent)} updates"
    try:
        answer = transport.post(
            "",
            {"batch": msgspec.json.encode(calls).decode(), "include_headers": "true"},
            about=about,
            deadline_s=deadline_s,
            request_id=sent[0][1].request_id,
            not_after_s=not_after_s,
            account=account,
            calls=len(sent),
        )
    except PlatformError as error:
        return [error] * len(sent)
    try:
        answers = _BATCH.decode(answer.body)
    except wire.UNREADABLE:
        return [transport.refuse(answer, is_write=True, about=about)] * len(sent)
    answers += [None] * (len(sent) - len(answers))  # an answer that ends early says nothing of the rest
    return [_result(transport, form, about, item) for (form, _, about), item in zip(sent, answers, strict=False)]


def _result(transport: Transport, form: Form, about: str, item: wire.BatchItem | None) -> Result:
    if item is None or item.code is None or item.body is None:
        return UnknownOutcomeError(f"{about}: no answer within the batch; it may have happened: read it back")
    headers = {str(pair.get("name", "")): str(pair.get("value", "")) for pair in item.headers or ()}
    answer = Answer(status=item.code, headers=headers, body=item.body.encode())
    return form.path if _is_done(answer, form.path) else transport.refuse(answer, is_write=True, about=about)


def _is_done(answer: Answer, object_id: str) -> bool:
    try:
        return answer.status == _OK and _WRITTEN.decode(answer.body).is_done_of(object_id)
    except wire.UNREADABLE:
        return False

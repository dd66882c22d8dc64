"""`stakazo audit`: look at what was done by whom, hand it out, check that nobody has touched it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import AsJson, compact, instant, out, plain, print_json, print_table, say
from cli.session import AccountFilter, chosen_or_all, opened, transaction
from domain.actions import JsonMap
from domain.errors import BadInputError, NotReadyError
from models import audit, audit_reads, audit_verify, roles
from models.audit_reads import Head, Told
from models.audit_verify import Verified

app = typer.Typer(no_args_is_help=True)

_HeadFile = Annotated[
    Path | None,
    typer.Option("--head", metavar="FILE", help="Heads kept elsewhere: what `stakazo audit export --heads` wrote."),
]
_Since = Annotated[str | None, typer.Option(metavar="INSTANT", help="From then on, such as 2026-03-01 (UTC).")]
_Until = Annotated[str | None, typer.Option(metavar="INSTANT", help="Before then.")]


@app.command("show")
def show(
    account: AccountFilter = None,
    actor: Annotated[str | None, typer.Option(help="Only what this one did, such as os:ana.")] = None,
    event: Annotated[str | None, typer.Option(help='Only this event, such as fence.closed, or all of "fence".')] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was done, by whom and when; the newest first.

    Example: stakazo audit show --event account --limit 20
    """
    with opened() as house, transaction(house) as conn:
        chosen = chosen_or_all(conn, account)
        chain = None if chosen is None else chosen.id
        rows = audit_reads.listing(conn, chain=chain, actor=actor, event=event, limit=limit)
    if as_json:
        print_json({"audit": rows})
        return
    print_table(
        "Audit",
        ("at", "account", "row", "who", "what", "action", "step", "detail"),
        [
            (
                *(instant(row.at), row.chain or "house", row.seq, _who(row.actor), row.event, row.action_id or ""),
                *(_step(row), _told(row.detail)),
            )
            for row in rows
        ],
        empty="nothing of that kind was told",
    )


@app.command("verify")
def verify(head: _HeadFile = None, as_json: AsJson = False) -> None:
    """Check every row, every link and every head; exit 1 if anything was changed, taken out, put in or cut off.

    Whoever is a superuser of Postgres can rewrite a chain as a whole, its head too: only heads that were kept elsewhere
    find that. Write them with `stakazo audit export --heads > heads.json`, keep the file on another machine.

    Example: stakazo audit verify --head heads.json
    """
    anchors = [] if head is None else _read_heads(head)
    with opened() as house, transaction(house) as conn:
        found = audit_verify.verify(conn, anchors)
        is_guarded = roles.is_guarded(conn)
    if as_json:
        print_json({"ok": not found.problems, "anchors": len(anchors), "is_guarded": is_guarded, "verified": found})
    else:
        _print_verified(found, len(anchors), is_guarded=is_guarded)
    raise typer.Exit(1 if found.problems else 0)


@app.command("export")
def export(
    since: _Since = None,
    until: _Until = None,
    account: AccountFilter = None,
    heads: Annotated[
        bool, typer.Option("--heads", help="Only the heads of the chains, to verify against later.")
    ] = False,
) -> None:
    """Write rows as JSON, one a line, with what each hash was made of: SHA-256 over prev_hash and `hashed`.

    Example: stakazo audit export --since 2026-03-01 > march.jsonl
    """
    first, last = _instant(since), _instant(until)
    with opened() as house, transaction(house) as conn:
        if heads:
            print_json({"heads": audit_reads.heads(conn)})
            return
        chosen = chosen_or_all(conn, account)
        account_id = None if chosen is None else chosen.id
        for row in audit_reads.stream(conn, since=first, until=last, account_id=account_id):
            line = plain(row.told) | {"hashed": row.hashed, "prev_hash": row.prev_hash, "hash": row.hash}
            typer.echo(json.dumps(line, ensure_ascii=True))


@app.command("retain")
def retain(as_json: AsJson = False) -> None:
    """Drop what is over 90 days old; the tower does so every hour by itself.

    Example: stakazo audit retain
    """
    with opened() as house, transaction(house) as conn:
        dropped = audit.keep(conn)
    if as_json:
        print_json({"dropped": dropped})
        return
    say(f"dropped {', '.join(dropped)}" if dropped else "nothing is 90 days old; nothing was dropped")


def _who(actor: str) -> str:
    """Without the process and the delivery, which `--json` shows."""
    return actor.partition("/")[0]


def _told(detail: JsonMap) -> str:
    """A reason alone is a sentence; everything else stays what it is."""
    reason = detail.get("reason")
    return str(reason) if reason is not None and len(detail) == 1 else compact(detail) if detail else ""


def _print_verified(found: Verified, anchors: int, *, is_guarded: bool) -> None:
    print_table(
        "What is not as it was told",
        ("account", "row", "what"),
        [(row.chain or "house", "" if row.seq is None else row.seq, row.words) for row in found.problems],
        empty=f"nothing; {found.rows} rows in {found.chains} chains are whole",
    )
    if anchors:
        out.print(f"Compared with {anchors} heads that were kept elsewhere.", markup=False)
    else:
        say("compared with no heads kept elsewhere: a chain rewritten as a whole would not be seen (see --help)")
    if not is_guarded:
        say("this role of Postgres owns the audit, triggers alone guard it; give DATABASE_URL a role of its own")


def _step(row: Told) -> str:
    if row.after_state is None or row.before_state == row.after_state:
        return ""
    return f"{row.before_state or 'new'} → {row.after_state}"


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(f'"{text}" is no instant; write it like 2026-03-01 or 2026-03-01T12:00:00Z') from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _read_heads(path: Path) -> list[Head]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return [
            Head(
                chain=int(row["chain"]),
                seq=int(row["seq"]),
                at=datetime.fromisoformat(row["at"]),
                hash=str(row["hash"]),
            )
            for row in content["heads"]
        ]
    except OSError as error:
        raise NotReadyError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadInputError(f"{path} is no file of heads; `stakazo audit export --heads` writes one") from None

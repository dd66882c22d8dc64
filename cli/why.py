"""`stakazo why`: what was wanted of an object, on which figures and how old they were, and what stopped it."""

import json
from typing import Annotated

import typer

from cli import wording
from cli.console import AsJson, instant, print_facts, print_json, print_table, say, span
from cli.session import AccountChoice, choose_account, opened, reading, transaction
from decisions.gates import Gate
from decisions.policy import ClassicPolicy
from models.histories import Wanted
from tasks import why as explaining
from tasks.why import CycleLine, RuleGates, Why


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("why")(why)


def why(
    object_id: Annotated[str, typer.Argument(metavar="OBJECT", help="The platform's id of a campaign, ad set or ad.")],
    account: AccountChoice = None,
    cycles: Annotated[
        int, typer.Option(min=1, max=1000, help="So many of the last cycles, and of those that wanted something of it.")
    ] = 5,
    show_all: Annotated[bool, typer.Option("--all", help="Gates that pass and figures of evidence, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Explain why an object was changed, or was not.

    First what each module knows of it (under classic: each rule with the gate that stops it now), then what the door
    would say, then the last cycles. Nothing is written.

    Example: stakazo why 23850001
    """
    with opened() as house:
        with transaction(house) as conn:
            chosen = choose_account(conn, account)
        with reading():
            found = explaining.explain(house, chosen.id, object_id, cycles=cycles)
    if as_json:
        print_json(_document(found))
        return
    _print_head(found)
    _print_findings(found, show_all=show_all)
    _print_rules(found, show_all=show_all)
    _print_now(found)
    _print_cycles(found)
    _print_outside(found)


def _document(found: Why) -> dict[str, object]:
    names = (
        "thing", "as_of", "policy", "tree_age_s", "insights_age_s", "hindrance", "declined", "not_judged", "cycles",
        "outside",
    )  # fmt: skip
    return {
        "account": found.account.id,
        **{name: getattr(found, name) for name in names},
        "findings": [
            {
                "module": row.module,
                "found_at": row.found_at,
                "verdict": row.finding.verdict,
                "words": row.finding.words,
                "evidence": dict(row.finding.evidence),
            }
            for row in found.findings
        ],
        "rules": [
            {"rule": row.rule, "would": row.would, "fires": not row.binding, "gates": row.gates} for row in found.rules
        ],
        "now": [_rehearsed(row) for row in found.now],
    }


def _rehearsed(row: Wanted) -> dict[str, object]:
    """The rehearsal's ids were rolled back: they name nothing."""
    hidden = {"id", "op_token"}
    action = {name: getattr(row.action, name) for name in type(row.action).__dataclass_fields__ if name not in hidden}
    return {"action": action, "verdicts": row.verdicts}


def _print_head(found: Why) -> None:
    thing, account = found.thing, found.account
    facts = [
        ("account", f"{account.id} {account.name}, level {account.level}, policy {found.policy}"),
        ("judged as of", f"{instant(found.as_of)} on the platform's clock"),
        ("objects read", _age(found.tree_age_s)),
        ("figures read", _age(found.insights_age_s)),
    ]
    if found.hindrance:
        facts.append(("no cycle runs", found.hindrance))
    if found.declined:
        facts.append(("nothing is decided", found.declined))
    facts += [("set aside", words) for words in found.set_aside]
    print_facts(f"{thing.kind.replace('_', ' ')} {thing.name} ({thing.id}), {thing.status}", facts)


def _print_findings(found: Why, *, show_all: bool) -> None:
    """What the evidence modules said; with `--all` every figure under it."""
    rows: list[tuple[object, ...]] = []
    for told in found.findings:
        rows.append((told.module, instant(told.found_at), told.finding.verdict.replace("_", " "), told.finding.words))
        if show_all:
            rows += [("", "", name, json.dumps(value)) for name, value in sorted(told.finding.evidence.items())]
    print_table(
        "What is known of it", ("module", "found", "verdict", "in words"), rows, empty="no module has said anything yet"
    )


def _print_rules(found: Why, *, show_all: bool) -> None:
    if found.not_judged:
        say(f"no rule judges it: {found.not_judged}")
        return
    if found.policy != ClassicPolicy.NAME:
        return  # it acts on the findings above
    rows = [line for rule in found.rules for line in _lines(rule, show_all=show_all)]
    print_table(
        "What stands between it and each rule",
        ("rule", "would", "gate", "figure", "it would take", "age"),
        rows,
        empty="no rule concerns it",
    )


def _lines(rule: RuleGates, *, show_all: bool) -> list[tuple[object, ...]]:
    shown = rule.gates if show_all else rule.binding
    if not shown:
        return [(rule.rule, rule.would, "none: it fires", "", "", "")]
    return [
        (
            *((rule.rule, rule.would) if number == 0 else ("", "")),
            _gate(gate),
            gate.figure,
            gate.wants,
            _age(gate.age_s),
        )
        for number, gate in enumerate(shown)
    ]


def _gate(gate: Gate) -> str:
    return f"{gate.name.replace('_', ' ')}{' (passes)' if gate.passes else ''}"


def _print_now(found: Why) -> None:
    print_table(
        "What the next cycle would want of it",
        ("change", "state", "gate", "because"),
        [
            (
                wording.change_of(row.action, found.account.currency),
                wording.state_of(row.action),
                _stops(row),
                wording.why_of(row.action),
            )
            for row in found.now
        ],
        empty="nothing",
    )


def _print_cycles(found: Why) -> None:
    rows = [line for cycle in found.cycles for line in cycle_lines(cycle, found.account.currency)]
    print_table(
        "Last cycles, and the last that wanted something of it",
        ("run", "slot", "wanted by", "change", "state", "gate", "figures' age", "because"),
        rows,
        empty="none has run yet; `stakazo cycle run`",
    )


def _print_outside(found: Why) -> None:
    rows = [
        (
            *(row.action.id, instant(row.action.decided_at), row.action.proposed_by, row.action.rule),
            *(wording.change_of(row.action, found.account.currency), wording.state_of(row.action)),
            wording.why_of(row.action),
        )
        for row in found.outside
    ]
    columns = ("id", "at", "by", "as", "change", "state", "because")
    print_table("By people, undos and stops", columns, rows, empty="nothing was wanted outside a cycle")


def cycle_lines(cycle: CycleLine, currency: str) -> list[tuple[object, ...]]:
    """One cycle as rows of the table: what was wanted, the gate, the age of the figures, the reason."""
    head = (cycle.run.id, instant(cycle.run.slot_at))
    if not cycle.wanted:
        return [(*head, "", "", cycle.run.state, "", "", cycle.note)]
    return [
        (
            *head,
            f"{row.module or row.action.proposed_by}, {row.action.rule}",
            wording.change_of(row.action, currency),
            wording.state_of(row.action),
            _stops(row),
            _ages(row),
            wording.why_of(row.action),
        )
        for row in cycle.wanted
    ]


def _stops(row: Wanted) -> str:
    """What stopped it, or trimmed it."""
    if row.blocked_by:
        return row.blocked_by.replace("_", " ").replace(",", ", ")
    stops = [str(verdict["guardrail"]) for verdict in row.verdicts if not verdict.get("allowed")]
    trims = [f"{verdict['guardrail']} trims" for verdict in row.verdicts if verdict.get("trimmed_target")]
    return ", ".join(stops or trims).replace("_", " ")


def _ages(row: Wanted) -> str:
    ages = [row.action.evidence.get(name) for name in ("tree_age_s", "insights_age_s")]
    return ", ".join(
        f"{what} {_age(age)}" for what, age in zip(("objects", "figures"), ages, strict=True) if isinstance(age, int)
    )


def _age(seconds: int | None) -> str:
    return "never" if seconds is None else span(seconds)

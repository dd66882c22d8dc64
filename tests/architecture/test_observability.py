"""Alert rules and boards: they ask only for metrics that `stakazo metrics` shows, with labels that these have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from workers.metric_names import BY_NAME, METRICS

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules" / "stakazo.yml").read_text(encoding="utf-8"))
BOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (DEPLOY / "grafana" / "boards").glob("*.json")
}
WORDS = frozenset({"abs", "absent", "and", "bool", "by", "increase", "max", "min", "on", "or", "rate", "sum", "time"})
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?")


def _alerts() -> list[dict]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def _panels(board: dict) -> list[dict]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _asked() -> Iterator[tuple[str, str]]:
    yield from ((rule["alert"], rule["expr"]) for rule in _alerts())
    for name, board in BOARDS.items():
        yield from ((f"{name}: {panel['title']}", row["expr"]) for panel in _panels(board) for row in panel["targets"])


def _selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that an expression names, with the labels that it matches on."""
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", expression)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    for name, matcher in SELECTOR.findall(bare):
        if name not in WORDS:
            yield name, set(re.findall(r"(\w+)\s*[=!]~?", re.sub(r'"[^"]*"', "", matcher)))


@pytest.mark.parametrize(("where", "expression"), list(_asked()))
def test_an_expression_names_only_metrics_and_labels_that_exist(where: str, expression: str) -> None:
    named = list(_selectors(expression))
    assert named, f"{where} asks for nothing"
    for name, labels in named:
        assert name in BY_NAME, f"{where} asks for {name}, which no page shows"
        assert labels <= set(BY_NAME[name].labels), f"{where} matches on labels that {name} lacks"


@pytest.mark.parametrize(("where", "expression"), list(_asked()))
def test_an_expression_groups_by_labels_that_its_metrics_have(where: str, expression: str) -> None:
    known = {label for name, _ in _selectors(expression) for label in BY_NAME[name].labels}
    grouped = {label.strip() for group in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in group.split(",")}
    assert grouped <= known


@pytest.mark.parametrize(("where", "expression"), list(_asked()))
def test_brackets_of_an_expression_close(where: str, expression: str) -> None:
    bare = re.sub(r'"[^"]*"', "", expression)
    for opened, closed in ("()", "[]", "{}"):
        assert bare.count(opened) == bare.count(closed)


def test_only_counters_are_asked_for_their_increase() -> None:
    """The rate of a gauge would take every fall for a restart."""
    for where, expression in _asked():
        for name in re.findall(r"(?:increase|rate)\((\w+)", expression):
            assert name.endswith("_total"), f"{where}: {name} may fall"


def test_every_alert_has_a_severity_a_summary_and_what_to_do() -> None:
    for rule in _alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["action"], rule["alert"]
    names = [rule["alert"] for rule in _alerts()]
    assert len(names) == len(set(names))


def test_labels_that_a_summary_speaks_of_survive_its_expression() -> None:
    for rule in _alerts():
        spoken = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        known = {label for name, _ in _selectors(rule["expr"]) for label in BY_NAME[name].labels}
        assert spoken <= known, rule["alert"]


def test_what_must_never_happen_pages_at_once() -> None:
    (never,) = (group for group in RULES["groups"] if group["name"] == "never")
    asked = {name for rule in never["rules"] for name, _ in _selectors(rule["expr"])}
    assert {"ads_duplicate_objects_total", "ads_writes_after_stop_total", "ads_audit_chain_ok"} <= asked
    assert {rule["labels"]["severity"] for rule in never["rules"]} == {"page"}


def test_there_is_a_board_of_money_and_one_of_health_that_a_grafana_can_load() -> None:
    assert set(BOARDS) == {"money", "health"}
    for board in BOARDS.values():
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids))
        for panel in _panels(board):
            assert panel["datasource"]["uid"] == "${datasource}"
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24, panel["title"]


def test_metric_names_and_labels_are_such_as_prometheus_takes_and_named_once() -> None:
    assert len(BY_NAME) == len(METRICS)
    for row in METRICS:
        assert re.fullmatch(r"(ads|celery|redis|pg)_[a-z0-9_]+", row.name)
        assert all(re.fullmatch(r"[a-z_]+", label) for label in row.labels)
        assert row.help

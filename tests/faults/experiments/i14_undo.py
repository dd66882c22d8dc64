"""I-14: an undo restores exactly what was recorded, or refuses and says why; a newer hand edit is never overwritten."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from actions import undoing
from actions.guardrails import Limits
from domain.actions import Action, ActionState, Priority
from models import effects
from models.engine import make_engine
from tests.actions.stage import Stage, budget, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_AT_ONCE = 50  # ad sets of one account: each trial has its own
_REST = timedelta(hours=80)  # past every cooldown
_LIMITS = Limits()


@dataclass
class Trial:
    """One ad set: who set which value, in order; `value` is what the platform shows."""

    stage: Stage
    object_id: str
    dice: random.Random
    history: list[tuple[str, int]] = field(default_factory=lambda: [("platform", 10_000)])

    @property
    def value(self) -> int:
        return int(self.stage.platform.objects[self.object_id]["daily_budget_minor"])

    @property
    def due(self) -> int:
        """What a right undo leaves: the value before the last unbroken stretch of ours."""
        ours = 0
        for author, _ in reversed(self.history):
            if author != "ours":
                break
            ours += 1
        return self.history[-1 - ours][1]

    def change(self) -> None:
        """Ours, through the door."""
        self.stage.clock.at += _REST
        wanted = round(self.value * self.dice.choice([0.85, 0.9, 1.1, 1.15]))
        proposal = budget(self.object_id, target=wanted, before=self.value, priority=Priority.PERSON)
        action = self.stage.approve(proposal)
        if self.stage.executor().execute(action.id) is ActionState.APPLIED:
            self.history.append(("ours", wanted))

    def edit(self) -> None:
        """A person's, on the platform."""
        value = self.dice.randrange(5_000, 30_000)
        self.stage.platform.objects[self.object_id]["daily_budget_minor"] = value
        self.history.append(("person", value))


Undo = Callable[[Trial], tuple[Action, ...]]


def through_the_door(trial: Trial) -> tuple[Action, ...]:
    """Plan, sometimes with a person's edit between plan and send, and apply."""
    stage = trial.stage
    with stage.engine.begin() as conn:
        rows = effects.of_object(conn, stage.account_id, trial.object_id)
        plan = undoing.make_plan(conn, stage.account, stage.platform, rows)
    if trial.dice.random() < 1 / 4:
        trial.edit()
    with stage.engine.begin() as conn:
        proposed = undoing.apply(
            conn, plan, reason="trial", actor="os:anna", now=stage.clock.now(), limits=_LIMITS
        )  # fmt: skip
    for row in proposed.actions:
        stage.executor().execute(row.id)
    return proposed.actions


def without_looking(trial: Trial) -> tuple[Action, ...]:
    """Weaker: write back what stood before our first change, whatever happened since."""
    with trial.stage.engine.begin() as conn:
        rows = effects.of_object(conn, trial.stage.account_id, trial.object_id)
    if trial.dice.random() < 1 / 4:
        trial.edit()
    if rows:
        before: Any = rows[0].expected_before["daily_budget_minor"]
        trial.stage.platform.objects[trial.object_id]["daily_budget_minor"] = before
    return rows


def relative(trial: Trial) -> tuple[Action, ...]:
    """Weaker: divide the present value by the steps that we took."""
    with trial.stage.engine.begin() as conn:
        rows = effects.of_object(conn, trial.stage.account_id, trial.object_id)
    present = float(trial.value)
    for row in rows:
        before, after = row.expected_before["daily_budget_minor"], row.target["daily_budget_minor"]
        present *= before / after
    trial.stage.platform.objects[trial.object_id]["daily_budget_minor"] = int(present)
    return rows


def _run(place: Place, trials: int, undo: Undo) -> Outcome:
    dice = random.Random(place.seed)
    violations: list[str] = []
    counts = {"restored": 0, "refused": 0}
    for start in range(0, trials, _AT_ONCE):
        count = min(_AT_ONCE, trials - start)
        engine = make_engine(place.database_url(), pool_size=2)
        try:
            stage = set_stage(engine, ad_set_count=count)
            for number in range(1, count + 1):
                trial = Trial(stage=stage, object_id=f"1{number}", dice=dice)
                problem = _try(trial, undo, counts)
                if problem is not None:
                    violations.append(f"ad set {number}: {problem}")
        finally:
            engine.dispose()
    return Outcome(trials=trials, violations=tuple(violations), figures=counts)


def _try(trial: Trial, undo: Undo, counts: dict[str, int]) -> str | None:
    trial.change()
    for _ in range(trial.dice.randrange(3)):
        trial.dice.choice([trial.change, trial.change, trial.edit])()
    undo(trial)
    is_theirs, due = trial.history[-1][0] == "person", trial.due
    wanted = trial.history[-1][1] if is_theirs else due
    counts["refused" if is_theirs else "restored"] += 1
    if trial.value == wanted:
        return None
    told = ", ".join(f"{author} {value}" for author, value in trial.history)
    return f"stands at {trial.value} instead of {wanted} after {told}"


GUARANTEE = Guarantee(
    id="I-14",
    statement=(
        "Undo restores exactly the recorded previous value, or refuses and says why; it never overwrites a newer human"
        " edit silently."
    ),
    enforced_at="actions/undo.py: plan, then the door like every change",
    refuted_by="random sequences of our changes, hand edits and undos, with edits between plan and send",
    short=60,
    full=2_000,
    experiment=lambda place, trials: _run(place, trials, through_the_door),
    weaker={
        "written back without looking": lambda place, trials: _run(place, trials, without_looking),
        "relative writes": lambda place, trials: _run(place, trials, relative),
    },
    judge="the fake platform's values",
    not_promised="A hand edit inside the read-to-write window of the undo itself (I-8).",
)

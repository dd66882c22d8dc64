"""I-29: nothing over the threshold is sent without a standing, unexpired, unused approval by somebody else.

Random sequences of what people and time do to a request, with sends in between; a model of ours, a few booleans, says
whether a send may have an effect, and the platform's oracle whether it had one.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import Engine, Interval, cast, func, insert, select, update

from actions import access, approvals
from actions.request import fingerprint
from domain.actions import Action, ActionState, Level
from domain.errors import NotSentError, StakazoError
from domain.permissions import Principal, Role
from models import principals
from models.engine import make_engine
from models.tables import actions as rows
from models.tables import approvals as answers
from models.tables import principals as people
from tests.actions.fake_platform import fail
from tests.actions.stage import Stage, budget, set_stage
from tests.faults.guarantee import Guarantee, Outcome, Place

_AT_ONCE = 50
_STEPS = 7
_MANAGERS = ("ana", "bob")
_Weaken = Callable[[Engine, Action], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Yes:
    """An approval as the model remembers it."""

    by: str
    is_expired: bool = False
    is_edited: bool = False  # the row was changed after it
    is_withdrawn: bool = False


@dataclass
class Trial:
    """One request, and what the model knows of it."""

    stage: Stage
    owner: Engine
    action: Action
    cast: dict[str, Principal]
    dice: random.Random
    weaken: _Weaken
    yes: Yes | None = None
    is_done: bool = False  # rejected, withdrawn, blocked or sent
    told: list[str] = field(default_factory=list)
    standing: dict[str, Role | None] = field(default_factory=dict)

    def may_have_effect(self) -> bool:
        """Whether a send now may reach the platform."""
        yes = self.yes
        if yes is None or self.is_done or yes.is_expired or yes.is_edited or yes.is_withdrawn:
            return False
        return yes.by != self.action.proposed_by and self.standing[yes.by] in {Role.MANAGER, Role.ADMIN}

    def give(self, by: str) -> None:
        """Say yes through the door; whoever may not is refused there."""
        try:
            with self.stage.engine.begin() as conn:
                approvals.give(conn, self.cast[by], self.action.id, reason="trial")
        except StakazoError:
            return
        self.yes = Yes(by=by)

    def approve(self) -> None:
        """Somebody clicks: managers, the viewer, the proposer."""
        self.give(self.dice.choice([*_MANAGERS, *_MANAGERS, "eve", "pia"]))

    def click_twice(self) -> None:
        """Two people at once; one yes stands."""
        clicks = [threading.Thread(target=self.give, args=(name,)) for name in _MANAGERS]
        for click in clicks:
            click.start()
        for click in clicks:
            click.join()

    def approve_oneself(self) -> None:
        """The proposer gets a yes of their own into the table, past the door."""
        if self.yes is not None or self.is_done:
            return
        with self.owner.begin() as conn:
            conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
            row = {"action_id": self.action.id, "decision": "approved", "decided_by": self.cast["pia"].id}
            life = func.clock_timestamp() + cast("1 day", Interval)
            conn.execute(insert(answers).values(**row, request_hash=self.shown(), expires_at=life))
            conn.execute(update(rows).where(rows.c.id == self.action.id).values(state="approved"))
        self.yes = Yes(by="pia")

    def shown(self) -> str:
        """The hash of the row as it is."""
        return fingerprint(self.stage.get(self.action), self.stage.account.platform_account_id)

    def edit(self) -> None:
        """The row is changed by the database's owner."""
        with self.owner.begin() as conn:
            conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
            target = {"daily_budget_minor": self.dice.randrange(8_000, 8_999)}
            conn.execute(update(rows).where(rows.c.id == self.action.id).values(target=target))
        if self.yes is not None:
            self.yes = replace(self.yes, is_edited=True)

    def expire(self) -> None:
        """Time passes."""
        with self.owner.begin() as conn:
            conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
            mine = answers.c.action_id == self.action.id
            conn.execute(update(answers).where(mine).values(expires_at=answers.c.decided_at))
        if self.yes is not None:
            self.yes = replace(self.yes, is_expired=True)

    def demote(self) -> None:
        """A manager becomes a viewer."""
        self._change_person(lambda conn, admin, name: access.change_role(conn, admin, name, Role.VIEWER), Role.VIEWER)

    def disable(self) -> None:
        """A manager is put out of the house."""
        self._change_person(access.disable, None)

    def restore(self) -> None:
        """Everybody is what they were."""
        for name in _MANAGERS:
            with self.owner.begin() as conn:
                change = update(people).where(people.c.name == name)
                conn.execute(change.values(role=Role.MANAGER, disabled_at=None, disabled_by=None))
            self.standing[name] = Role.MANAGER

    def withdraw(self) -> None:
        """The yes is taken back."""
        try:
            with self.stage.engine.begin() as conn:
                approvals.withdraw(conn, self.cast["root"], self.action.id)
        except StakazoError:
            return
        self.is_done = True

    def reject(self) -> None:
        """Somebody says no."""
        try:
            with self.stage.engine.begin() as conn:
                approvals.reject(conn, self.cast["root"], self.action.id, reason="trial")
        except StakazoError:
            return
        self.is_done = True

    def send(self) -> str | None:
        """The executor is rung, sometimes two at once; the oracle says whether anything went out."""
        allowed, before = self.may_have_effect(), len(self.stage.platform.oracle)
        if self.dice.random() < 1 / 6:
            self.stage.platform.writes.append(fail(NotSentError("no connection")))
        self.weaken(self.owner, self.action)
        with self.owner.begin() as conn:
            conn.execute(update(rows).where(rows.c.id == self.action.id).values(next_at=rows.c.created_at))
        executors = [self.stage.executor(owner=f"executor-{number}") for number in range(self.dice.choice([1, 1, 2]))]
        rung = [threading.Thread(target=executor.execute, args=(self.action.id,)) for executor in executors]
        for thread in rung:
            thread.start()
        for thread in rung:
            thread.join()
        self.stage.platform.writes.clear()
        sent = len(self.stage.platform.oracle) - before
        if self.stage.get(self.action).state not in {ActionState.AWAITING_APPROVAL, ActionState.APPROVED}:
            self.is_done = True
        if sent > int(allowed):
            return f"{sent} sent after {', '.join(self.told)}: {self.yes}"
        return None

    def _change_person(self, change: Callable[..., object], role: Role | None) -> None:
        name = self.dice.choice(_MANAGERS)
        if self.standing[name] is None:
            return
        try:
            with self.stage.engine.begin() as conn:
                change(conn, self.cast["root"], name)
        except StakazoError:
            return
        self.standing[name] = role


_MOVES: tuple[Callable[[Trial], None], ...] = (
    *(Trial.approve, Trial.approve, Trial.approve, Trial.click_twice, Trial.approve_oneself, Trial.edit),
    *(Trial.expire, Trial.expire, Trial.demote, Trial.disable, Trial.restore, Trial.withdraw, Trial.reject),
)


_ADVERSE = (Trial.expire, Trial.demote, Trial.disable, Trial.edit)


def _as_it_is(owner: Engine, action: Action) -> None:
    """Nothing is weakened."""


def _without_expiry(owner: Engine, action: Action) -> None:
    """Weaker: a yes lives for ever."""
    with owner.begin() as conn:
        conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
        life = func.clock_timestamp() + cast("1 day", Interval)
        conn.execute(update(answers).where(answers.c.action_id == action.id).values(expires_at=life))


def _without_looking_at_who(owner: Engine, action: Action) -> None:
    """Weaker: whoever said yes, and whatever became of them, it counts."""
    with owner.begin() as conn:
        conn.exec_driver_sql("SET LOCAL session_replication_role = replica")
        root = select(people.c.id).where(people.c.name == "root").scalar_subquery()
        conn.execute(update(answers).where(answers.c.action_id == action.id).values(decided_by=root))


def _enter(owner: Engine) -> dict[str, Principal]:
    roles = {"root": Role.ADMIN, "ana": Role.MANAGER, "bob": Role.MANAGER, "pia": Role.MANAGER, "eve": Role.VIEWER}
    with owner.begin() as conn:
        added = [principals.add(conn, name=n, role=r, token_hash=None, created_by="i29") for n, r in roles.items()]
    return {one.name: Principal(id=one.id, name=one.name, role=one.role) for one in added}


def _try(trial: Trial) -> str | None:
    """A few random moves with sends among them; the first wrong effect is told."""
    trial.restore()
    for move in trial.dice.choice([(), (Trial.approve,), (Trial.approve, trial.dice.choice(_ADVERSE))]):
        trial.told.append(move.__name__)
        move(trial)
    for _ in range(_STEPS):
        if trial.dice.random() < 1 / 2:
            trial.told.append("send")
            problem = trial.send()
            if problem is not None:
                return problem
        move = trial.dice.choice(_MOVES)
        trial.told.append(move.__name__)
        move(trial)
    return trial.send()


def _run(place: Place, trials: int, weaken: _Weaken) -> Outcome:
    dice, violations, sent = random.Random(place.seed), list[str](), 0
    for start in range(0, trials, _AT_ONCE):
        count = min(_AT_ONCE, trials - start)
        owner = make_engine(place.database_url(), pool_size=6)
        try:
            stage = set_stage(owner, ad_set_count=count)
            stage.change_account(level=Level.PROPOSE)
            people_here = _enter(owner)
            for number in range(1, count + 1):
                (action,) = stage.propose(budget(f"1{number}", target=9_000), actor="pia").actions
                if action.state is not ActionState.AWAITING_APPROVAL:
                    raise AssertionError(f"was to wait for approval, and is {action.state}: {action.state_reason}")
                trial = Trial(stage=stage, owner=owner, action=action, cast=people_here, dice=dice, weaken=weaken)
                problem = _try(trial)
                violations.extend([f"request {start + number}: {problem}"] if problem else [])
            sent += len(stage.platform.oracle)
        finally:
            owner.dispose()
    return Outcome(trials=trials, violations=tuple(violations), figures={"sent": sent})


GUARANTEE = Guarantee(
    id="I-29",
    statement=(
        "Nothing that needs approval is sent without a standing, unexpired, unused approval of that very request by"
        " somebody else than its proposer who may approve at that instant; one yes has one effect at most."
    ),
    enforced_at="actions/approvals.py: missing_of, as it is written ahead; behind it the trigger use_approval",
    refuted_by=(
        "random sequences of approving, two clicks at once, approving one's own past the door, editing the row, expiry,"
        " demotion, disabling, withdrawing and rejecting, with sends by one or two executors in between"
    ),
    short=40,
    full=10_000,
    experiment=lambda place, trials: _run(place, trials, _as_it_is),
    weaker={
        "expiry is not checked": lambda place, trials: _run(place, trials, _without_expiry),
        "who approved is not looked at": lambda place, trials: _run(place, trials, _without_looking_at_who),
    },
    judge="the fake platform's oracle",
    not_promised="that two principals are two people",
)

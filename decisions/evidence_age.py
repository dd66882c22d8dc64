"""How old what evidence modules said may be, and still be acted on: what is older is set aside, and said in words."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.evidence import Evidence, TestState

ROAS, STAGES, TESTS, ANOMALIES = "roas_engine", "creative_intelligence", "ab_testing", "budget_spikes"
# Between one and three cycles of the module that says it; hours of anomalies are seen as they are collected.
OLDEST: Final = {
    ROAS: timedelta(hours=36),
    STAGES: timedelta(hours=72),
    TESTS: timedelta(hours=24),
    ANOMALIES: timedelta(hours=6),
}


def young(evidence: Evidence, now: datetime) -> tuple[Evidence, tuple[str, ...]]:
    """Return the evidence without what is too old, and a sentence for each part that was set aside.

    A test that has ended goes on being evidence, for what it showed does not age; one that runs wants a late look. An
    incident holds however old it is: it takes a look to say that it is over.
    """
    made = dict(evidence.ages)
    if evidence.roas is not None:
        made[ROAS] = evidence.roas.made_at
    aside = {module: now - at for module, at in made.items() if module in OLDEST and now - at > OLDEST[module]}
    ended = tuple(verdict for verdict in evidence.tests if verdict.state is not TestState.RUNNING)
    kept = replace(
        evidence,
        roas=None if ROAS in aside else evidence.roas,
        stages=() if STAGES in aside else evidence.stages,
        tests=ended if TESTS in aside else evidence.tests,
        anomalies=() if ANOMALIES in aside else evidence.anomalies,
    )
    held = {
        ROAS: evidence.roas is not None, STAGES: bool(evidence.stages), TESTS: len(ended) < len(evidence.tests),
        ANOMALIES: bool(evidence.anomalies),
    }  # fmt: skip
    return kept, tuple(_words({module: age for module, age in aside.items() if held[module]}))


def _words(aside: dict[str, timedelta]) -> Iterator[str]:
    for module, age in sorted(aside.items()):
        hours, most = age / timedelta(hours=1), OLDEST[module] / timedelta(hours=1)
        yield (
            f"what {module} said is {hours:.0f} h old, over {most:.0f} h, and is not acted on;"
            f" `stakazo cycle run --cycle {module}` has it look again"
        )

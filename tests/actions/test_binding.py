"""Every guardrail has a case in which it binds, alone."""

import pytest

from actions.guardrails import judge
from tests.actions.binding import BINDING, binders, unbound


def test_every_guardrail_has_a_case():
    assert unbound() == set()


@pytest.mark.parametrize("slug", BINDING)
def test_in_its_case_a_guardrail_binds_alone_and_says_why(slug):
    proposal, known = BINDING[slug]
    assert binders(proposal, known) == {slug}
    assert judge(proposal, known).reasons[0]

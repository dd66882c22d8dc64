"""The words beside a policy's thresholds: one for each field of each policy, and none for a field that is gone."""

from cli.policy_words import MEANINGS
from decisions.policy import POLICIES


def test_every_threshold_of_every_policy_is_explained():
    told = {name: set(words) for name, words in MEANINGS.items()}
    assert told == {name: set(policy().to_json()) for name, policy in POLICIES.items()}
    assert all(len(text) > 5 for words in MEANINGS.values() for text in words.values())


def test_the_screen_shows_the_words(on_database, filled):
    shown = on_database("policy", "show", env={"COLUMNS": "160"})
    assert shown.code == 0, shown.err
    assert "probability of a loss from which an object is paused" in shown.out

"""What the docs say is what the code does."""

import re
from pathlib import Path

import pytest

from cli import reference
from domain.platforms import PLATFORMS
from workers import commands

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_reference_pages_are_as_the_code_draws_them(name):
    """`make docs` was run after the tables changed."""
    assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == reference.pages()[name]()


def test_every_dependency_has_its_reason():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(
        r'^    "([a-z0-9-]+)', pyproject.split("dependencies = [", 1)[1].split("]\n", 1)[0], re.MULTILINE
    )
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert len(listed) > 10
    assert [name for name in listed if name not in reasons] == []


def test_compose_starts_the_workers_that_one_machine_starts():
    """Queues, concurrency and flags stand in docker-compose.yml as they do in workers/commands.py."""
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    lines = commands.worker_lines()
    assert lines
    for line in lines:
        words = ", ".join(f'"{word}"' for word in ("celery", *line.argv[3:]))
        assert f"command: [{words}]" in compose, line.name


def test_every_live_setting_is_named_for_the_operator():
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    wanted = {name for row in PLATFORMS if row.client for name in row.live_settings}
    assert {name for name in wanted if name not in example} == set()


def _headings(page: Path) -> set[str]:
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line).lower().replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", ["README.md", "docs/sandbox.md", "docs/reference/meta_sandbox.md"])
def test_every_link_of_a_stranger_s_pages_leads_somewhere(page):
    here = ROOT / page
    links = re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", here.read_text(encoding="utf-8"))
    assert links
    for file, heading in links:
        target = (here.parent / file).resolve() if file else here
        assert target.exists(), file
        assert not heading or heading in _headings(target), heading

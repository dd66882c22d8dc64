"""docker-compose.yml keeps its promises: read by a compose parser, without a container."""

import os
import re
import stat
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from domain import catalogue
from tests.production.composed import ROOT, is_ours, make_secrets, parse
from workers import settings
from workers.celery_config import SOFT_SHUTDOWN_S
from workers.commands import STOP_WORKER_S, worker_lines

ONE_SHOT = {"migrate"}
LIVE = {
    "META_API_MODE": "live",
    "META_APP_ID": "1",
    "MAX_DAILY_BUDGET_PER_ADSET": "500 USD",
    "MAX_TOTAL_DAILY_SPEND": "5000 USD",
}
FIXED = {"PATH", "MPLCONFIGDIR", "REMAP_SIGTERM", "FLOWER_LOGIN_FILE"}


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    return parse(tmp_path_factory.mktemp("compose"), "sandbox")


@pytest.fixture(scope="module")
def services(composed):
    return composed["services"]


@pytest.fixture(scope="module")
def ours(services):
    return {name: row for name, row in services.items() if is_ours(row)}


def _users():
    text = (ROOT / "deploy" / "redis" / "users.acl").read_text(encoding="utf-8")
    return {line.split()[1]: line.split()[2:] for line in text.splitlines() if line.startswith("user ")}


def test_it_has_a_service_for_every_process_of_one_machine(services):
    lanes = {line.name for line in worker_lines()}
    others = {"postgres", "redis", "sandbox", "migrate", "tower", "beat", "flower", "metrics", "prometheus", "grafana"}
    assert set(services) == lanes | others
    assert services["tower"]["deploy"]["replicas"] == 2


def test_workers_get_the_very_words_that_the_supervisor_gives_them(services):
    for line in worker_lines():
        assert services[line.name]["command"] == ["celery", *line.argv[3:]]


def test_live_needs_no_sandbox(tmp_path):
    live = parse(tmp_path)["services"]
    assert "sandbox" not in live
    needed = [row["depends_on"].get("sandbox") for row in live.values() if "depends_on" in row]
    assert [row for row in needed if row is not None and row.get("required", True)] == []


def test_what_is_published_answers_on_loopback_only(services):
    published = {name: port for name, row in services.items() for port in row.get("ports", [])}
    assert set(published) == {"flower", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in published.values())


def test_the_address_to_publish_at_is_one_setting(tmp_path):
    row = parse(tmp_path, PUBLISH="127.0.0.9")["services"]
    assert row["flower"]["ports"] == ["127.0.0.9:5555:5555"]


def test_everything_comes_back_by_itself_and_is_watched(services):
    lasting = {name: row for name, row in services.items() if name not in ONE_SHOT}
    assert {row["restart"] for row in lasting.values()} == {"unless-stopped"}
    assert [name for name, row in lasting.items() if "healthcheck" not in row] == []
    assert services["migrate"]["restart"] == "no"


def test_no_service_logs_until_the_disk_is_full(services):
    kept = {name: row.get("logging", {}).get("options", {}) for name, row in services.items()}
    assert [name for name, options in kept.items() if not {"max-size", "max-file"} <= set(options)] == []


def test_processes_start_once_the_schema_is_there(ours):
    waiting = {name: row["depends_on"] for name, row in ours.items() if name not in {"sandbox", "migrate"}}
    assert {rows["migrate"]["condition"] for rows in waiting.values()} == {"service_completed_successfully"}


def test_no_process_of_ours_is_root_or_may_change_its_image(ours):
    assert all(row["read_only"] and row["cap_drop"] == ["ALL"] for row in ours.values())
    assert all("no-new-privileges:true" in row["security_opt"] for row in ours.values())
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    users = re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE)
    assert users[-1:] == ["stakazo"]


def test_a_stop_leaves_time_to_end_what_was_begun(ours):
    for row in ours.values():
        assert float(row["stop_grace_period"].removesuffix("s")) > max(SOFT_SHUTDOWN_S, STOP_WORKER_S)


def test_no_secret_stands_in_the_file_or_in_an_environment(ours):
    names = {name for row in ours.values() for name in row.get("environment", {})}
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|WEBHOOK|LOGIN|DEADMAN|ALERT_URLS|SMTP")
    assert {name for name in names if secret.search(name) and not name.endswith("_FILE")} == set()
    addresses = [value for row in ours.values() for value in row.get("environment", {}).values() if "://" in str(value)]
    assert addresses
    assert [address for address in addresses if re.search(r"://[^/@]*:[^/@]*@", address)] == []


def test_every_file_that_an_environment_names_is_handed_to_that_process_alone(services):
    for name, row in services.items():
        named = {
            Path(value).name for value in row.get("environment", {}).values() if str(value).startswith("/run/secrets/")
        }
        if name != "redis":  # its script takes what the folder holds
            assert named == set(row.get("secrets", [])), name


def test_only_the_migration_knows_the_owner_of_the_tables(services):
    holders = {name for name, row in services.items() if "postgres_owner_password" in row.get("secrets", [])}
    assert holders == {"postgres", "migrate"}


def test_processes_that_speak_to_no_platform_hold_no_token(ours):
    for name in ("beat", "flower", "metrics"):
        assert "meta_access_token" not in ours[name]["secrets"]
        assert ours[name]["environment"]["META_API_MODE"] == "stub"


def test_every_variable_is_a_setting_that_exists(ours):
    known = {*settings.names(), *FIXED}
    passwords = {"DATABASE_PASSWORD", "DATABASE_OWNER_PASSWORD", "REDIS_PASSWORD"}
    given = {name for row in ours.values() for name in row.get("environment", {})}
    unknown = {name for name in given - known if name.removesuffix("_FILE") not in known | passwords}
    assert unknown == set()


def test_every_process_is_content_with_its_settings_in_live(ours, tmp_path, monkeypatch):
    """With what .env and the files hold; the token reaches those that speak to the platform, and no other."""
    folder = make_secrets(tmp_path / "secrets")
    for name in ("meta_access_token", "meta_app_secret", "alert_urls"):
        (folder / name).write_text("json://127.0.0.1/alarm\n" if name == "alert_urls" else f"the-{name}\n")
    held = set()
    for name, row in ours.items():
        with monkeypatch.context() as patch:
            for variable in [variable for variable in os.environ if variable in settings.names()]:
                patch.delenv(variable)
            for variable, value in {**LIVE, **row.get("environment", {})}.items():
                patch.setenv(variable, str(value).replace("/run/secrets", str(folder)))
            if name != "sandbox":
                held |= {name} if settings.read_settings().of("meta").access_token else set()
    assert held == {"worker-cycles", "worker-fast", "worker-actions", "worker-control", "tower"}


def test_the_script_makes_every_secret_once(composed, tmp_path):
    folder = make_secrets(tmp_path / "secrets")
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == set(composed["secrets"])
    assert {Path(row["file"]).name for row in composed["secrets"].values()} == set(made)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert make_secrets(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made
    filled = [text.strip() for text in made.values() if text.strip()]
    assert len(filled) == len(set(filled)) > 8
    assert min(map(len, filled)) >= 32


def test_secrets_are_ignored_by_git():
    assert (ROOT / "deploy" / "secrets" / ".gitignore").read_text() == "*\n!.gitignore\n"


def test_who_builds_the_image_is_handed_no_secret_and_no_data():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".env", ".stakazo", ".git", "deploy/secrets"} <= set(ignored)
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_folder_that_is_mounted_is_there(services):
    mounted = [volume.split(":")[0] for row in services.values() for volume in row.get("volumes", [])]
    own = [place for place in mounted if place.startswith((".", "/"))]
    assert len(own) >= 4
    assert [place for place in own if not (ROOT / place).is_dir()] == []


def test_the_image_holds_every_room():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    assert rooms <= set(re.findall(r"^COPY (\S+) \1$", dockerfile, re.MULTILINE))


def test_users_of_the_broker_reach_every_queue_of_the_catalogue():
    """A platform or lane that is added needs its pattern in users.acl."""
    queues = [name for lane in catalogue.lanes() for name in catalogue.queues(lane)]
    assert queues
    for user in ("worker", "tower", "beat", "flower", "metrics"):
        patterns = [word[1:] for word in _users()[user] if word.startswith("~")]
        assert "*" not in patterns
        assert [name for name in queues if not any(fnmatchcase(name, each) for each in patterns)] == []


def test_every_service_of_ours_has_a_user_of_the_broker_of_its_own(ours):
    urls = {name: row["environment"].get("REDIS_URL", "") for name, row in ours.items() if "environment" in row}
    users = {name: re.sub(r"redis://(\w*)@.*", r"\1", url) for name, url in urls.items() if url}
    assert set(users.values()) <= set(_users()) - {"keeper", "probe", "default"}
    alone = ("tower", "beat", "flower", "metrics")
    assert [users[name] for name in alone] == list(alone)

"""A real sandbox over real HTTP, real Postgres, and a house on them; the bell only notes who was rung for."""

import pytest
import requests

import sandbox.process
from control_tower.standins import NotedDoorbell
from domain.actions import ActionKind, Level, Mode, ObjectKind
from domain.catalogue import RHYTHMS, rhythm
from domain.ports import WriteRequest
from models import accounts, fence, policies, run_history
from tests.sandbox.pictures import upload_film
from workers.bootstrap import House
from workers.planner import plan_asked
from workers.serve import serve
from workers.settings import read_settings


class StandingHouse(House):
    """A house whose bell notes instead of ringing."""

    def __init__(self, settings, *, name="stakazo-test"):
        super().__init__(settings, name=name)
        self.noted = NotedDoorbell()

    @property
    def doorbell(self):
        return self.noted


@pytest.fixture(scope="module")
def platform_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("platform")


@pytest.fixture(scope="module")
def platform(platform_folder):
    with sandbox.process.start(platform_folder, speed=0, start_at="2026-03-10T09:05:00Z") as process:
        yield process


@pytest.fixture
def house(platform, platform_folder, database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("STAKAZO_HOME", str(tmp_path))
    monkeypatch.setenv("SANDBOX_DATA", str(platform_folder))
    with StandingHouse(read_settings()) as house:
        with house.engine.begin() as conn:
            fence.open_(conn, None)
        yield house


@pytest.fixture
def account(house):
    (info, *_) = house.client("meta", Mode.STUB).reader.accounts()
    with house.engine.begin() as conn:
        account_id = accounts.open_account(conn, platform="meta", info=info, mode=Mode.STUB, level=Level.AUTO)
        return accounts.get(conn, account_id)


@pytest.fixture
def by_classic(house, account):
    """The account is steered by the raw table of REQUIREMENTS §4, which decides from the first reading on."""
    with house.engine.begin() as conn:
        policies.save(conn, account.id, "classic", {}, "test")


@pytest.fixture
def advance(platform):
    return lambda **by: platform.ask("POST", "/advance", by)


@pytest.fixture
def do(house, account):
    """Plan a run of a cycle now and serve it; returns the run as recorded."""

    def do_one(body, task="meta.full_cycle"):
        run_id = plan_asked(house, task, account, asked_by="test")
        serve(house, run_id, body, rhythm=rhythm(task), rhythms=RHYTHMS, owner="test/1/x")
        with house.engine.begin() as conn:
            return run_history.get(conn, run_id)

    return do_one


class ByHand:
    """A person in the platform's own interface: what is done here, the house hears of by reading alone."""

    def __init__(self, platform, writer, account):
        self._platform, self._writer, self._account = platform, writer, account

    def ads(self):
        fields = {"fields": "id,adset_id", "limit": "500"}
        return self._call("GET", f"{self._account.platform_account_id}/ads", params=fields)["data"]

    def change(self, object_id, **values):
        return self._call("POST", object_id, data=values)

    def make_ad(self, ad_set_id):
        fields = {"name": "By hand", "page_id": "104215550100771", "landing_url": "https://shop.example/",
                  "video_id": upload_film(self._platform), "thumbnail_url": "https://shop.example/t.jpg"}  # fmt: skip
        creative = self._create(ActionKind.CREATE_CREATIVE, ObjectKind.CREATIVE, None, fields)
        fields = {"name": "By hand", "creative_id": creative}
        return self._create(ActionKind.CREATE_AD, ObjectKind.AD, ad_set_id, fields)

    def _create(self, kind, object_kind, parent_id, fields):
        request = WriteRequest(
            kind=kind, object_kind=object_kind, object_id=None, parent_id=parent_id, fields=fields,
            op_token="BYHAND", request_id="by-hand",
        )  # fmt: skip
        return self._writer.write(self._account.platform_account_id, request, deadline_s=20)

    def _call(self, method, path, **more):
        headers = {"Authorization": f"Bearer {self._platform.token}"}
        url = f"{self._platform.graph}/v26.0/{path}"
        answer = requests.request(method, url, headers=headers, timeout=20, **more)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture
def by_hand(platform, house, account):
    return ByHand(platform, house.client_of(account).writer, account)

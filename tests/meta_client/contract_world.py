"""A small world in which something was changed, its contract, and the recordings that lie in the repository.

`python -m tests.meta_client.contract_world` records it anew (the folder must be gone): do so where what the sandbox
answers was changed on purpose, and look at the difference before it is committed.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from domain.contract import Bounds, Standing
from domain.ports import ClientOptions
from meta_client.contract import MetaContract, open_contract
from sandbox.process import SandboxProcess, start
from tests.meta_client.living import open_client_of

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
OF_THE_SANDBOX = RECORDED / "sandbox"
NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
SECRET = "s3cret"


@contextmanager
def world() -> Iterator[SandboxProcess]:
    """The world, with a budget, a status and a name changed by a person, and a campaign put away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        start(
            Path(folder), scenario=str(HERE / "contract_world.toml"), speed=0, start_at="2026-11-20T15:30:00"
        ) as found,
    ):
        reader = open_client_of(found).reader
        account = found.account_ids[0]
        ad_sets = [row for page in reader.ad_sets(account) for row in page if row.daily_budget_minor]
        ads = [row for page in reader.ads(account) for row in page]
        for object_id, change in (
            (ad_sets[0].id, {"daily_budget": 9500}),
            (ad_sets[1].id, {"status": "PAUSED"}),
            (ads[0].id, {"name": "Canary kettle |op:7F3K9Q2M4XTBA"}),
            (ads[-1].id, {"status": "ARCHIVED"}),
        ):
            found.ask("POST", "/human_edit", {"object_id": object_id, "changes": change, "actor": "Canary Ana"})
        yield found


def contract_of(process: SandboxProcess) -> MetaContract:
    token = process.token
    return open_contract(ClientOptions(base_url=process.graph, token=lambda: token, app_secret=lambda: SECRET))


def main() -> None:
    with world() as process:
        contract = contract_of(process)
        verdicts = list(contract.check(process.account_ids[0], NOW, Bounds()))
        if any(row.standing is not Standing.KEPT for row in verdicts):
            raise SystemExit("\n".join(f"{row.clause}: {row.differs}" for row in verdicts))
        contract.write(OF_THE_SANDBOX, recorded_from="sandbox")


if __name__ == "__main__":
    main()

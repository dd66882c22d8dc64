"""`stakazo migrate`: what docker-compose runs before anything else."""

import os
import subprocess
import sys

from models import accounts, migrate
from models.engine import make_engine
from sandbox.process import start


def test_it_makes_the_schema_and_opens_the_sandbox_accounts_once(empty_database_url, tmp_path):
    with start(tmp_path / "sandbox", scenario="generated:4") as sandbox:
        environment = {
            **os.environ,
            "DATABASE_URL": empty_database_url,
            "STAKAZO_HOME": str(tmp_path / "home"),
            "SANDBOX_DATA": str(tmp_path / "sandbox"),
            "SANDBOX_URL": sandbox.graph,
            "SANDBOX_ADMIN_URL": sandbox.admin,
        }
        for _ in range(2):
            words = [sys.executable, "-m", "cli.main", "migrate"]
            done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
    assert migrate.pending(empty_database_url) == ()
    engine = make_engine(empty_database_url)
    with engine.connect() as conn:
        opened = accounts.listing(conn)
    engine.dispose()
    assert [account.platform_account_id for account in opened] == [f"act_{sandbox.account_ids[0]}"]

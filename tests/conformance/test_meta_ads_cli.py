"""meta-ads-cli, a small client on requests that speaks v21.0 with everything in the query, works on the sandbox."""

from pathlib import Path

import yaml

from sandbox.process import SandboxProcess
from tests.conformance import seen
from tests.conformance.building import png
from tests.conformance.clients import Cli
from tests.sandbox.stranger import Stranger


def test_it_reads_the_account_its_tree_and_its_figures(cli: Cli, shop: SandboxProcess, witness: seen.Witness):
    with witness.of(seen.CLI, shop):
        account = cli.read("account")
        campaigns = cli.read("campaigns")["campaigns"]
        ad_sets = cli.read("adsets")["ad_sets"]
        ads = cli.read("ads")["ads"]
        figures = cli.read("insights", "--level", "campaign", "--date-preset", "last_7d")["insights"]
    stranger = Stranger(shop)
    assert (account["id"], account["name"]) == (stranger.account, "Shop")
    known = [(campaigns, "campaigns"), (ad_sets, "adsets"), (ads, "ads")]
    for told, edge in known:
        assert {row["name"] for row in told} == {
            row["name"] for row in stranger.rows(f"{stranger.account}/{edge}", fields="name")
        }
    fields = "impressions,clicks,spend,cpc,cpm,ctr,actions"
    assert figures == stranger.insights(level="campaign", date_preset="last_7d", fields=fields) != []


def test_it_deploys_a_campaign_from_a_file_and_ends_it(
    cli: Cli, shop: SandboxProcess, witness: seen.Witness, tmp_path: Path
):
    plan = {
        "campaign": {"name": "From a file", "objective": "OUTCOME_TRAFFIC", "status": "PAUSED"},
        "ad_set": {"name": "Cooks", "daily_budget": 2_000, "optimization_goal": "LINK_CLICKS",
                   "targeting": {"countries": ["ES"], "age_min": 25, "age_max": 54}},
        "ads": [{"name": f"Ad {place}", "image": str(png(tmp_path / f"{place}.png", grey=40 + place)),
                 "primary_text": "Pressed in November", "headline": "New oil", "link": "https://shop.example"}
                for place in range(2)],
    }  # fmt: skip
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
    with witness.of(seen.CLI, shop):
        cli.run("create", "--config", str(tmp_path / "plan.yaml"), "--yes")
        (made,) = (row for row in cli.read("campaigns")["campaigns"] if row["name"] == "From a file")
        shown = cli.run("status", made["id"])
        (ad_set,) = (row for row in cli.read("adsets")["ad_sets"] if row["campaign_id"] == made["id"])
        cli.run("budget", ad_set["id"], "2500", "--live", "--yes")
        cli.run("activate", made["id"], "--yes")
        cli.run("pause", made["id"])
        cli.run("delete", made["id"], "--yes")
    assert "Ad 0" in shown
    assert "Ad 1" in shown
    stranger = Stranger(shop)
    assert stranger.get(ad_set["id"], fields="daily_budget")["daily_budget"] == "2500"
    assert stranger.get(made["id"], fields="effective_status")["effective_status"] == "DELETED"

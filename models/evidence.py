"""Everything that the evidence modules have on record of an account, side by side: what acting modules decide from."""

from sqlalchemy import Connection

from domain.evidence import Evidence
from domain.ids import AccountId
from models import anomalies, anomaly_states, creative_stages, experiments, roas_estimates


def load(conn: Connection, account_id: AccountId) -> Evidence:
    """Read it; a part that no module has made yet is empty."""
    roas = roas_estimates.current(conn, account_id)
    made = {
        "roas_engine": None if roas is None else roas.made_at,
        "creative_intelligence": creative_stages.made_at(conn, account_id),
        "ab_testing": experiments.looked_at(conn, account_id),
        "budget_spikes": anomaly_states.upto(conn, account_id),
    }
    return Evidence(
        roas=roas,
        tests=experiments.current(conn, account_id),
        anomalies=anomalies.current(conn, account_id),
        incident=anomalies.incident(conn, account_id),
        stages=creative_stages.current(conn, account_id),
        ages={module: at for module, at in made.items() if at is not None},
    )

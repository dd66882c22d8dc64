"""A closed loop in one process: the sandbox's market, the pure decisions, the guardrails, and a little ledger.

For backtests and benchmarks. Nothing here speaks to a platform or a database, and nothing that runs imports it.
"""

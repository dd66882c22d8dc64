"""How right the decisions are, beside their peers and against a market with a known truth. One part per file.

A part has `NAME`, `TITLE`, `run(*, quick, seed) -> dict` (plain JSON) and `plots(result, folder) -> list[Path]`.
"""

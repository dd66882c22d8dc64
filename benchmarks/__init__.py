"""Benchmarks: `python -m benchmarks.NAME [--json]`. Each compares in one run; ratios count, seconds are indicative."""

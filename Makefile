# Every target has its purpose after "##"; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CLIENTS := .venv-clients/.installed
PEERS := .venv-bench/.installed
SPEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check format lint types contracts docs fuzz kill-matrix stop-matrix guarantees outages round-trip bench bench-decisions long-run clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP)  ## make .venv and install the pinned dependencies

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

$(CLIENTS): tests/conformance/clients.txt | $(STAMP)
	$(BIN)/python -m tests.conformance.clients

run: setup  ## start everything, run the first cycle, keep running (SPEED=60 makes the sandbox's hours pass faster)
	@$(BIN)/stakazo up --speed $(SPEED)

demo: setup  ## the same, ending after one cycle
	@$(BIN)/stakazo demo

test: setup $(CLIENTS)  ## the suite, on embedded Postgres and Redis
	$(BIN)/pytest -n auto

check: format lint types contracts test  ## everything a commit must pass

format: setup  ## formatting is as ruff would have it
	$(BIN)/ruff format --check .

lint: setup  ## ruff, all rules but those with a reason
	$(BIN)/ruff check .

types: setup  ## mypy strict
	$(BIN)/mypy

contracts: setup  ## imports point down
	$(BIN)/lint-imports

docs: setup  ## draw docs/reference/ from the code's own tables
	$(BIN)/stakazo reference

fuzz: setup  ## every property on examples drawn anew, the sandbox's and our decoder's many more (an hour or more; TIMES=4 for less)
	FUZZ=$(or $(TIMES),20) $(BIN)/pytest -n auto -m hypothesis

kill-matrix: setup  ## kill the executor between every two steps, under every fate of its write, and print the table
	$(BIN)/pytest -s tests/faults/test_kill_matrix.py tests/faults/test_weaker_protocols.py

stop-matrix: setup  ## stop a real machine with every subset of Redis, beat, Flower and the workers dead (minutes)
	$(BIN)/python -m tests.journeys.stop_matrix

guarantees: setup  ## try to refute every guarantee, weakened variants first (minutes; TRIALS=full takes hours)
	$(BIN)/python -m tests.faults.guarantees $(if $(filter full,$(TRIALS)),--full) $(if $(WRITE),--write docs/guarantees.md)

outages: setup  ## let Redis fail in every way under a real worker, again and again (ROUNDS=3 takes half an hour; JSON=1)
	$(BIN)/python -m tests.faults.outages --rounds $(or $(ROUNDS),3) $(if $(JSON),--json)

round-trip: setup  ## export a known twin in all 48 variants, import it, judge totals and intervals (minutes)
	$(BIN)/python -m benchmarks.round_trip

bench: setup  ## every benchmark, one after the other (minutes)
	for name in boot cycle task_overhead market sandbox door audit health stop scaling detection ingest real_time; do $(BIN)/python -m benchmarks.$$name || exit 1; done
	$(BIN)/python -m benchmarks.ingest --restate --latency 0

$(PEERS): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	@touch $(PEERS)

bench-decisions: $(PEERS)  ## how right decisions are, beside their peers: writes docs/decisions/ (half an hour; PARTS="system")
	.venv-bench/bin/python -m benchmarks.decisions $(PARTS) --out docs/decisions

long-run: setup  ## 14 simulated days of the small shop, unattended (DAYS=60 for the long form)
	$(BIN)/python -m benchmarks.long_run --days $(or $(DAYS),14)

clean:  ## remove .venv and the data folder of this checkout
	rm -rf $(VENV) .venv-bench .venv-clients .venv-clients.lock .stakazo

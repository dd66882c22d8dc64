# Every target has its purpose after "##"; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup run demo test check format lint types contracts clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP)  ## make .venv and install the pinned dependencies

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

run: setup  ## start everything, run the first cycle, keep running (SPEED=60 makes the sandbox's hours pass faster)
	@$(BIN)/stakazo up --speed $(SPEED)

demo: setup  ## the same, ending after one cycle
	@$(BIN)/stakazo demo

test: setup  ## the suite, on embedded Postgres and Redis
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

clean:  ## remove .venv and the data folder of this checkout
	rm -rf $(VENV) .stakazo

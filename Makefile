# The system's Python makes .venv; everything else runs in it.
PYTHON ?= python3
# cpu, gpu or transformers; empty: what fits this machine.
ENGINE ?=
# The address of a package index to take torch from.
TORCH_INDEX ?=
# The folder under which Debian's packages of RabbitMQ and Erlang were installed or unpacked.
RABBITMQ ?= /
# A folder of tables of outcomes for the benches of decisions; empty: the shipped recording.
DATA ?=

BIN := .venv/bin
TOO_OLD := sys.version_info < (3, 11) and "Apportion needs Python 3.11 or newer: make PYTHON=python3.11 ..."
CHECK_PYTHON = $(PYTHON) -c 'import sys; sys.exit($(TOO_OLD))'
INSTALL = $(PYTHON) -m install.install --engine=$(ENGINE) --torch-index=$(TORCH_INDEX)
# Files of tests side by side, each process with a Postgres of its own; a file's tests share what takes long to start.
BESIDE := --numprocesses=auto --maxprocesses=4 --dist=loadfile
SOURCES := gateway worker router db migrations install tests bench examples docs/hooks
NIGHT := --strategies examples/strategies.yaml
TABLES = $(if $(DATA),--data $(DATA))
# Where it is set, every command would compile all of torch, transformers and vLLM again: some 10 s each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install install-dev run night test test-slow test-rabbitmq test-browser install-browser lint docs bench migrate lock

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install:  ## make .venv from the lock files (ENGINE=cpu, gpu or transformers; TORCH_INDEX=address)
	@$(CHECK_PYTHON)
	@$(INSTALL)

install-dev:
	@$(CHECK_PYTHON)
	@$(INSTALL) --dev

run: install  ## answer the example night within a quarter of the budget range; see out/night/
	$(BIN)/apportion calibrate examples/calibration.jsonl $(NIGHT) --recording examples/recorded_outcomes.jsonl
	$(BIN)/apportion train $(NIGHT)
	$(BIN)/apportion run examples/night.jsonl $(NIGHT) --budget 25% --out out/night

night: install  ## the same night as a fleet answers it: Celery workers on a private Postgres and Redis
	$(BIN)/python -m examples.distributed_night

test: install-dev  ## run the tests
	$(BIN)/python -m pytest -m "not slow and not rabbitmq" $(BESIDE)

test-slow: install-dev  ## run the fault and scale tests as well
	$(BIN)/python -m pytest -m "not rabbitmq"

test-rabbitmq: install-dev  ## run the tests that need RabbitMQ (RABBITMQ=FOLDER: where its packages were unpacked)
	$(BIN)/python -m pytest -m rabbitmq --rabbitmq=$(RABBITMQ)

install-browser: install-dev  ## install what test-browser needs: Debian's Chromium (as root), selenium
	command -v chromium chromedriver > /dev/null || (apt-get update -q && apt-get install -yq --no-install-recommends chromium chromium-driver)
	$(BIN)/python -m pip install --quiet --group browser

test-browser: install-browser  ## drive the dashboard in Chromium: submit, watch, drill down, raise a budget
	$(BIN)/python -m pytest tests/browser

lint: install-dev  ## check format, lint, types, layers, and migrations against the models
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.check_migrations

# Material's own notice is no warning of ours: decision 0038.
docs: install-dev  ## build the documentation as a site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: install-dev  ## print every figure the README states (DATA=FOLDER: of these tables of outcomes)
	$(BIN)/python -m bench.allocate
	$(BIN)/python -m bench.main_job
	$(BIN)/python -m bench.routing
	$(BIN)/python -m bench.plan
	$(BIN)/python -m bench.training
	$(BIN)/python -m bench.retraining
	$(BIN)/python -m bench.decision $(TABLES)
	$(BIN)/python -m bench.cold_start $(TABLES)
	$(BIN)/python -m bench.learning --strategies 6 --light $(TABLES)
	$(BIN)/python -m bench.promotion
	$(BIN)/python -m bench.gate_nights
	$(BIN)/python -m bench.drift $(TABLES)
	$(BIN)/python -m bench.queue
	$(BIN)/python -m bench.engines
	$(BIN)/python -m bench.self_consistency
	$(BIN)/python -m bench.pacing
	$(BIN)/python -m bench.dispatch
	$(BIN)/python -m bench.gateway
	$(BIN)/python -m bench.faults --seeds 20
	$(BIN)/python -m bench.dashboard

migrate: install  ## bring the database's schema to this release's
	$(BIN)/python -m worker.migration

lock: install-dev  ## resolve pyproject.toml into install/*.lock again
	$(BIN)/python -m install.lock

# Every target sets up what is missing first; nothing needs to be installed or exported by hand.
.DEFAULT_GOAL := help
PY := .venv/bin/python
PYTEST := $(PY) -m pytest -q

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Set up .venv/ and Azurite (a second time: does nothing, needs no network)
	@for p in $(PY) python3 python3.11 python3.12 python3.13; do \
	   $$p -c "" 2>/dev/null && exec $$p -m local.bootstrap $(QUIET); done; \
	 echo "setup: no Python was found; install Python 3.11, 3.12 or 3.13" >&2; exit 1

demo: QUIET = --quiet
demo: setup  ## Run the main job: flight delays, from records to report (ARGS=--help for more)
	@$(PY) -m local.demo $(ARGS)

up: QUIET = --quiet
up: setup  ## Start the platform and stay (Ctrl-C, or make down, stops it; ARGS=--detach gives the prompt back; SCALE=1 scales by keda/)
	@$(PY) -m local up $(if $(SCALE),--scale) $(ARGS)

down:  ## Stop the platform
	@$(PY) -m local down

status:  ## Say what is healthy
	@$(PY) -m local status

check: QUIET = --quiet
check: setup  ## Lint, types, import contracts, unit tests: no network needed
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(PYTEST) -n 2 --dist worksteal tests/unit

check-infra: QUIET = --quiet
check-infra: setup  ## Check images, manifests, Bicep, alerts and pipelines: no cloud, no Docker, no root
	@$(PY) -m infra.checks

tools:  ## Set up what check-infra likes to have: checkov, actionlint, promtool (build/tools; network, no root)
	@infra/checks/tools.sh

test: check check-infra  ## All of check and check-infra, then integration, end-to-end and conformance tests
	@$(PYTEST) $(wildcard tests/integration tests/e2e tests/conformance)

bench: QUIET = --quiet
bench: setup  ## Measure every figure beside a peer, in turn (ARGS="--quick edge"; ARGS=--list for the names)
	@$(PY) -m bench $(ARGS)

capacity: QUIET = --quiet
capacity: setup  ## Simulate the scale rules under 10, 100 and 1,000 times the load: replicas, waiting, limits, cost
	@$(PY) -m local.capacity $(ARGS)

clean:  ## Stop the platform and remove what it stored and built (keeps .venv/)
	@test ! -x $(PY) || $(PY) -m local down
	@rm -rf build .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.PHONY: help setup demo up down status check check-infra tools test bench capacity clean

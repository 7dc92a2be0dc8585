# Thin on purpose: every target forwards to the tool that does the work.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOAD   := .venv-loadtests
API_URL       ?= http://127.0.0.1:8080
COLLECTOR_URL ?= http://127.0.0.1:8081

.DEFAULT_GOAL := help

help: ## Show what you can do here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(VENV)/.installed ## Install Tranche into .venv (hash-locked)
install-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: install ## Run the product end to end (DATA=FILE FORMAT=… replays a recording of yours)
	$(BIN)/tranche demo $(if $(DATA),--data "$(DATA)") $(if $(FORMAT),--format $(FORMAT)) $(ARGS)

test: install-dev ## Run the tests (under ten minutes), two at a time but for those that measure
	$(BIN)/pytest -n 2 --dist loadgroup -m "not long and not alone" $(ARGS)
	$(BIN)/pytest -m "not long and alone" $(ARGS)

test-long: install-dev ## Run every test, many more examples and kills
	TRANCHE_TEST_LONG=1 $(BIN)/pytest $(ARGS)

$(LOAD)/.installed: loadtests/requirements.lock
	$(PYTHON) -m venv $(LOAD)
	$(LOAD)/bin/pip install --disable-pip-version-check --require-hashes -r loadtests/requirements.lock
	@touch $@

install-loadtests: $(LOAD)/.installed ## Install the load tests and the peers they compare with into .venv-loadtests

loadtest: install-loadtests ## A minute of load on a running stack, with a verdict (API_URL=… COLLECTOR_URL=…)
	$(LOAD)/bin/python -m loadtests run quick --api "$(API_URL)" --collector "$(COLLECTOR_URL)" $(ARGS)

bench: install install-loadtests ## Run Tranche beside its peers and print the ratios (needs nginx and wrk; the command says how)
	$(LOAD)/bin/python -m loadtests.bench $(ARGS)

check: install-dev ## Lint, formatting, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

kafka: ## Start a real Apache Kafka on loopback (KRaft, one broker)
	deploy/kafka/run

schemas: install-dev ## Write schemas/*.json from the models
	$(BIN)/tranche schemas

lock: ## Resolve the dependencies anew into the lock files
	uv pip compile --upgrade --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra checkout pyproject.toml -o requirements.lock
	uv pip compile --upgrade --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra checkout --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	uv pip compile --upgrade --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate loadtests/requirements.in -o loadtests/requirements.lock

clean: ## Remove what was built and what the demo stored
	rm -rf $(VENV) $(LOAD) .cache .tranche *.egg-info

.PHONY: help install install-dev install-loadtests loadtest bench demo test test-long check format kafka schemas lock clean

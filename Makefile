# Every target works on a fresh machine with Python 3.11 or newer and make.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
STORES := $(VENV)/stores/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types walls unit stores destinations azurite integration chaos conformance bench bench-scale generate clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

# moto needs an older python-dateutil than the Kubernetes client does, so it lives apart.
$(STORES): tests/destinations/servers.txt
	$(PYTHON) -m venv $(VENV)/stores
	$(VENV)/stores/bin/python -m pip install --quiet --requirement $<
	@touch $@

demo: $(STAMP) ## Watch a SyncLogExport turn into verified files, on this machine alone
	@$(BIN)/python -m devcluster.demo $(ARGS)

test: check unit destinations conformance integration ## Everything that CI runs

check: lint types walls ## Style, types and walls

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP)
	$(BIN)/mypy

walls: $(STAMP)
	$(BIN)/lint-imports

unit: $(STAMP) ## Tests without a cluster
	$(BIN)/pytest -n auto tests/unit tests/source tests/exporter

stores: $(STORES) ## Install the object stores that tests run against, in a place of their own

destinations: $(STAMP) $(STORES) ## Destinations against real servers
	$(BIN)/pytest -n auto tests/destinations

azurite: $(STORES) ## Install Microsoft's emulator of Azure (needs npm): `make destinations` then uses it
	npm install --silent --no-audit --no-fund --prefix $(VENV)/stores/azurite azurite@3

conformance: $(STAMP) ## What we rely on of a cluster (KUBEBUILDER_ASSETS: a real one)
	$(BIN)/pytest -n auto tests/conformance

integration: $(STAMP) ## The real operator and exporter (KUBEBUILDER_ASSETS: a real cluster)
	$(BIN)/pytest -n 2 tests/integration

chaos: $(STAMP) ## Everything that can break, at once (SYNCLOG_CHAOS_SEEDS=1,2,3: other orders)
	$(BIN)/pytest -n 2 tests/integration/test_chaos.py

bench: $(STAMP) ## Throughput, CPU and memory as ratios to curl
	$(BIN)/python -m tests.bench

bench-scale: $(STAMP) ## The operator at scale, beside CronJobs (needs KUBEBUILDER_ASSETS)
	$(BIN)/python -m tests.bench.scale $(ARGS)

generate: $(STAMP) ## Write what is generated from the typed API
	$(BIN)/synclog-operator crd > $(STAMP).crd && mv $(STAMP).crd crds/synclogexports.synclog.dev.yaml

clean: ## Remove what the other targets made
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# Every target works on a fresh machine with Python 3.11 or newer and make.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
STORES := $(VENV)/stores/.installed
# The last version that runs on every Node.js from 18 on.
AZURITE_VERSION := 3.35.0
AZURITE := $(VENV)/stores/azurite/.$(AZURITE_VERSION)
CEPH    := $(VENV)/stores/ceph
PROMTOOL := $(VENV)/stores/prometheus/.fetched

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types walls unit promtool monitoring stores destinations azurite ceph test-rgw integration chaos conformance bench bench-destinations bench-scale generate clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

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

test: check unit monitoring destinations conformance integration ## Everything that CI runs

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

stores: $(STORES) azurite ## Install the object stores that tests run against, in a place of their own

destinations: $(STAMP) stores ## Destinations against real servers
	$(BIN)/pytest -n auto tests/destinations

azurite: $(AZURITE) ## Install Microsoft's emulator of Azure, where there is npm

# A machine without npm, or out of reach of its registry, passes the rest.
$(AZURITE):
	@rm -rf $(@D)
	@if ! command -v npm >/dev/null; then \
	  echo "There is no npm: the tests against Azurite are skipped."; \
	elif npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts \
	    --prefix $(@D) azurite@$(AZURITE_VERSION); then \
	  touch $@; \
	else \
	  rm -rf $(@D); echo "npm cannot install Azurite: the tests against it are skipped."; \
	fi

ceph: $(CEPH) ## Get Ceph's object gateway from the packages of Debian or Ubuntu

# Unpacked, not installed: that needs no root. What is installed is not fetched.
$(CEPH):
	@if ! command -v radosgw >/dev/null || ! command -v ceph-osd >/dev/null; then \
	  rm -rf $@.partial && mkdir -p $@.partial/packages && cd $@.partial/packages && \
	  apt-get --simulate --no-install-recommends install radosgw ceph-mon ceph-osd \
	    | sed -n 's/^Inst \([^ ]*\).*/\1/p' | grep -E '^(lib|ceph|rados)' | xargs apt-get download --quiet && \
	  for package in *.deb; do dpkg --extract $$package .. || exit 1; done && \
	  cd .. && rm -r packages && mv ../$(@F).partial ../$(@F); \
	fi || { echo "Ceph cannot be fetched: run apt-get update, or install radosgw ceph-mon ceph-osd"; exit 1; }

test-rgw: $(STAMP) ceph ## The tests of S3 against a real Ceph
	PYTHONPATH=tests $(BIN)/python -m support.rgw $(BIN)/pytest -n auto tests/destinations \
	  -k "s3 or (store_options and not gcs and not azure)"

promtool: $(PROMTOOL) ## Get Prometheus' promtool from the packages of Debian or Ubuntu

# A machine without these packages passes the rest.
$(PROMTOOL):
	@rm -rf $(@D) && mkdir -p $(@D)
	@if command -v promtool >/dev/null || { cd $(@D) && apt-get download --quiet prometheus && \
	    dpkg --extract prometheus_*.deb . && rm prometheus_*.deb usr/bin/prometheus; }; then \
	  :; \
	else \
	  echo "promtool cannot be fetched: the tests of the alerts with it are skipped."; \
	fi
	@touch $@

monitoring: $(STAMP) promtool ## Alerts and dashboard
	$(BIN)/pytest tests/monitoring

conformance: $(STAMP) ## What we rely on of a cluster (KUBEBUILDER_ASSETS: a real one)
	$(BIN)/pytest -n auto tests/conformance

integration: $(STAMP) ## The real operator and exporter (KUBEBUILDER_ASSETS: a real cluster)
	$(BIN)/pytest -n 2 tests/integration

chaos: $(STAMP) ## Everything that can break, at once (SYNCLOG_CHAOS_SEEDS=1,2,3: other orders)
	$(BIN)/pytest -n 2 tests/integration/test_chaos.py

bench: $(STAMP) ## Throughput, CPU and memory as ratios to curl
	$(BIN)/python -m tests.bench $(ARGS)

bench-destinations: $(STAMP) stores ## The same for each kind of destination (with Ceph after `make ceph`)
	PYTHONPATH=tests $(BIN)/python -m bench.destinations $(ARGS)

bench-scale: $(STAMP) ## The operator at scale, beside CronJobs (needs KUBEBUILDER_ASSETS)
	$(BIN)/python -m tests.bench.scale $(ARGS)

generate: $(STAMP) ## Write what is generated from the typed API
	$(BIN)/synclog-operator crd > $(STAMP).crd && mv $(STAMP).crd crds/synclogexports.synclog.dev.yaml

clean: ## Remove what the other targets made
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

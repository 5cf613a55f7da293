# One-word commands. `make run` and `make test` prepare everything that they need.
.DEFAULT_GOAL := help
.PHONY: help run setup client test lint types unit browser bench bench-deid bench-index compare-deid conformance statement promises profile-page clean packages

PYTHON ?= python3
VENV := .venv
COMPARED := .venv-compare
BIN := $(VENV)/bin
TEST_PACKAGES := chromium dcmtk dicom3tools ffmpeg postgresql procps
CONFORMANCE_PACKAGES := orthanc orthanc-dicomweb
CLIENT := viewer/client
BUILT := viewer/static/dist/manifest.json
CLIENT_SOURCES := $(shell find $(CLIENT) -path $(CLIENT)/node_modules -prune -o -type f -print)
OTHERS := tests/clients
OTHERS_READY := $(OTHERS)/build/.ready

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.run $(BUILT) ## set up and serve in the foreground
	@$(BIN)/readingroom serve $(ARGS)

setup: $(VENV)/.dev $(BUILT) ## set up for development

client: $(BUILT) ## build the viewer

# Every process of a run would compile all of the product anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: packages $(VENV)/.dev $(BUILT) $(OTHERS_READY) ## everything: lint, types, unit, integration, browser
	$(MAKE) lint types
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/.dev ## ruff, and the client's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev $(BUILT) ## mypy --strict, tsc --strict
	$(BIN)/mypy
	scripts/with-node npm --prefix $(CLIENT) run check

unit: $(VENV)/.dev ## the fast tests only
	$(BIN)/pytest -m "not integration and not browser"

browser: $(VENV)/.dev $(BUILT) $(OTHERS_READY) ## the tests that drive Chromium
	$(BIN)/pytest -m browser

bench: $(VENV)/.dev $(BUILT) ## measure against Orthanc, storescp, nginx and a bare receiver
	@scripts/packages $$(cat bench/packages.txt)
	$(BIN)/python -m bench $(ARGS)

bench-deid: $(VENV)/.dev ## measure de-identification alone, against a copy and against pydicom
	@$(BIN)/python -m bench.deid $(ARGS)

bench-index: $(VENV)/.dev ## measure searching among up to a million studies, on SQLite and PostgreSQL
	@scripts/packages postgresql
	@$(BIN)/python -m bench.index $(ARGS)

compare-deid: packages $(VENV)/.dev ## de-identify planted files with this engine and with others
	scripts/virtualenv $(PYTHON) $(COMPARED)
	@$(COMPARED)/bin/pip install --quiet --disable-pip-version-check -r tests/deid/peers.txt
	@$(BIN)/python -m tests.deid.compare $(COMPARED)

conformance: $(VENV)/.dev $(BUILT) ## run the DICOMweb suite against this server and Orthanc
	@scripts/packages $(CONFORMANCE_PACKAGES)
	@$(BIN)/python -m conformance.compare docs/conformance-results.md $(BIN)/readingroom

statement: $(VENV)/.dev ## write the DICOM Conformance Statement from the code
	@$(BIN)/python -m server.statement conformance/statement.template.md conformance/statement.md

promises: $(VENV)/.dev ## list what the product promises, each with the tests that show it
	@$(BIN)/python -m tests.promises docs/promises.md

profile-page: $(VENV)/.dev ## write the page that lists every row of the profile
	@$(BIN)/python -m deid.profile_page docs/reference/profile.md

packages:
	@scripts/packages $(TEST_PACKAGES)

clean: ## remove what the commands made, but not the data folder
	rm -rf $(VENV) $(COMPARED) viewer/static/dist $(CLIENT)/node_modules build *.egg-info
	rm -rf $(OTHERS)/build $(OTHERS)/node_modules

# The virtual environment, with what running needs, then with what developing needs.
$(VENV)/bin/pip:
	scripts/virtualenv $(PYTHON) $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(BUILT): $(CLIENT_SOURCES) scripts/with-node | $(VENV)/bin/pip
	scripts/with-node npm --prefix $(CLIENT) ci --no-audit --no-fund --loglevel=error
	scripts/with-node npm --prefix $(CLIENT) run build
	@touch $@

# Clients of others, which tests run against the server.
$(OTHERS_READY): $(OTHERS)/prepare $(OTHERS)/package-lock.json $(OTHERS)/ohif.sha512 $(wildcard $(OTHERS)/page/*) $(BUILT)
	$(OTHERS)/prepare
	@touch $@

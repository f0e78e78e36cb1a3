# CTS. The targets make their own virtual environment in .venv the first time; `make help` lists them.

VENV    := .venv
BIN     := $(VENV)/bin
PYTHON  := $(BIN)/python
WORKERS ?= 2
PYTEST  := $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile -q -rs
ARGS    ?=

# A stamp is named after the content of its lock: a changed lock is installed, an old file with a new date is not.
RUN_STAMP := $(VENV)/.run-$(shell cksum < requirements.txt | tr -d ' ')
DEV_STAMP := $(VENV)/.dev-$(shell cksum < requirements-dev.txt | tr -d ' ')

# Named after the content of all that the tests look at: what has passed as it is need not be asked again.
TESTED = $(VENV)/.tested-$(shell find app ws db migrations static tests docs run.py *.toml *.txt *.md *.ini Makefile \
	-type f -not -name '*.pyc' | LC_ALL=C sort | xargs cksum | cksum | tr -d ' ')
QUICK  := not slow and not postgres and not redis

.DEFAULT_GOAL := help
.PHONY: help run test test-all check format coverage soak bench screenshots revision lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

run: $(RUN_STAMP) ## the demo shop, ready to try (ARGS="--port 9000")
	@exec $(PYTHON) run.py demo $(ARGS)

test: $(DEV_STAMP) ## the quick tests, a few minutes (ARGS="-k resume")
	$(PYTEST) -m "$(QUICK)" $(ARGS)
	@$(if $(ARGS),,rm -f $(VENV)/.tested-* && touch $(TESTED))
	@echo "Not asked here: the slow tests and those on PostgreSQL. make test-all runs everything."

test-all: check ## everything: checks, slow tests, PostgreSQL, browser; not twice what make test has just passed
	$(PYTEST) --durations=10 $(if $(wildcard $(TESTED)),-m "not ($(QUICK))") $(ARGS)

check: $(DEV_STAMP) ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV_STAMP) ## let ruff format and mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(DEV_STAMP) ## which lines the quick tests reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -m "$(QUICK)" $(ARGS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

soak: $(DEV_STAMP) ## the ledger for an hour (CTS_SOAK_S=seconds)
	CTS_SOAK_S=$${CTS_SOAK_S:-3600} $(PYTHON) -m pytest -q -s -o timeout=0 tests/delivery/test_ledger.py $(ARGS)

bench: $(DEV_STAMP) ## measure CTS and a plain baseline in the same run
	$(PYTHON) -m tests.bench $(ARGS)

screenshots: $(DEV_STAMP) ## make the README's pictures anew
	$(PYTHON) -m tests.browser.screenshots $(ARGS)

# On an empty database of its own, so that nobody's data decides what is new.
revision: $(DEV_STAMP) ## a new migration: make revision db=users m="Add a nickname"
	@test -n "$(db)" && test -n "$(m)" || { echo 'Say which and what: make revision db=products|users|messanger m="Add a nickname"'; exit 2; }
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	export CTS_DATA="$$folder" CTS_PRODUCTS_URL= CTS_USERS_URL= CTS_MESSANGER_URL= && \
	$(BIN)/alembic -n $(db) upgrade head && $(BIN)/alembic -n $(db) revision --autogenerate -m "$(m)"
	@$(BIN)/ruff check -q --fix migrations/versions && $(BIN)/ruff format -q migrations/versions

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links

lock: $(DEV_STAMP) ## write the locks anew (ARGS="--upgrade-package aiohttp")
	$(LOCK) $(ARGS) -o requirements.txt requirements.in
	$(LOCK) $(ARGS) -o requirements-dev.txt requirements-dev.in

clean: ## remove the virtual environment, caches and reports; the shop's data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov test-results
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(RUN_STAMP): | $(BIN)/pip
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@rm -f $(VENV)/.run-* && touch $@

$(DEV_STAMP): | $(BIN)/pip
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@rm -f $(VENV)/.dev-* $(VENV)/.run-* && touch $@ $(RUN_STAMP)

$(BIN)/pip:
	@for candidate in $$PYTHON3 python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "CTS needs Python 3.11 or newer. Debian and Ubuntu: apt install python3 python3-venv"; exit 1; fi; \
	version=$$("$$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	if ! "$$found" -c 'import ensurepip' 2>/dev/null; then \
	  echo "Python $$version here cannot make virtual environments. Debian and Ubuntu: apt install python$$version-venv"; exit 1; fi; \
	echo "Making $(VENV) with Python $$version; the first time this takes about a minute."; \
	"$$found" -m venv --clear $(VENV)

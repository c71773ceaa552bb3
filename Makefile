# Two commands matter: `make run` and `make test`. Both work on a machine that has Python 3.11 and make
# and nothing else; everything they install goes into .venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-fast bench lint requirements messages screenshots clean venv runtime dev tools

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
PY := $(BIN)/python

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: runtime ## The demonstration: http://localhost:8000 (PORT, HOST and .env.example choose otherwise)
	@exec env DEMO=1 $(PY) manage.py up

test: dev tools ## Everything: SQLite, then what touches the database again on a throw-away PostgreSQL
	@$(PY) -m tests.everything

test-fast: dev ## The inner loop, under a minute: pure and database tests on SQLite
	@$(PY) -m pytest -q -n 2 -m "not slow and not browser and not processes and not contract and not faults"

bench: dev ## How fast, how late and at what cost the release engine sends, beside the machine's limit (20 minutes)
	@$(PY) -m tests.bench $(BENCH)

# What reads the settings makes keys in its data folder: these two have one of their own.
lint messages: export CMQ_DATA_DIR := $(CURDIR)/.venv/lint-data
lint: dev ## Style, types, import direction, templates, migrations, requirements
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m tests.requirements

# --universal: for every Python from 3.11.0 on. Debian 12 has 3.11.2, which needs a package that 3.11.7 does not.
requirements: dev ## Resolve pyproject.toml again into the two pinned and hashed lists
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml -c requirements.txt -o requirements-dev.txt

messages: dev ## Collect the strings to translate and compile what is translated (needs gettext)
	$(PY) manage.py makemessages -l fr --no-obsolete --no-location --ignore=.venv --ignore=var --ignore=tests
	$(PY) manage.py compilemessages -l fr --ignore=.venv

screenshots: dev tools ## Take the pictures of docs/ again
	$(PY) -m tests.browser.screenshots

clean: ## Remove what can be made again; var/ (your data) stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

venv:
	@.ci/prepare venv "$(PYTHON)"

runtime: venv
	@.ci/prepare install requirements.txt

dev: venv
	@.ci/prepare install requirements-dev.txt

tools:
	@.ci/prepare tools

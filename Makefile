# Two commands matter: `make run` and `make test`. Both work on a machine that has Python 3.11 and make
# and nothing else; everything they install goes into .venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-fast bench bench-desk faults prove mutate cover-gate lint requirements messages screenshots clean venv runtime dev tools

# Where it is set, every process compiles every module again: it starts in 4 s and not in 1.6 s.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
PY := $(BIN)/python

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: runtime ## The demonstration: http://localhost:8000 (PORT, HOST and .env.example choose otherwise)
	@exec env DEMO=1 $(PY) manage.py up

test: dev tools ## Everything: SQLite, then what touches the database again on a throw-away PostgreSQL
	@$(PY) -m tests.everything

# Next to nothing in these belongs to the inner loop, and finding their tests takes as long as running a thousand.
NOT_INNER := admin api bench browser contract desk flow
# Its tables are made from the models: the migrations, which take ten seconds, are run by `make test`.
test-fast: dev ## The inner loop, under a minute: what is pure, and the verbs on SQLite
	@$(PY) -m pytest -q --no-migrations -n 2 $(NOT_INNER:%=--ignore=tests/%) -m "not slow and not browser and not processes and not contract and not faults and not proof and not once and not outer"

bench: dev ## How fast, how late and at what cost the release engine sends, beside the machine's limit (20 minutes)
	@$(PY) -m tests.bench $(BENCH)

bench-desk: dev ## How fast the desk answers with 10,000 open and 100,000 published posts; BENCH=--quick for a tenth (6 minutes)
	@$(PY) -m tests.bench.desk $(BENCH)

faults: dev ## Kills everything again and again during a drain, on real servers; SEED=… replays a plan (15 minutes)
	@$(PY) -m tests.faults $(if $(SEED),--seed $(SEED)) $(FAULTS)

# RACES counts the orders of case 30; PROVE="--seed 7 --states 50000" and the like go to the million.
prove: dev ## A million generated states put to the gate and to the plain predicate, and a thousand races (40 minutes)
	@$(PY) -m tests.proof $(PROVE)
	@BYPASS=whole $(PY) -m pytest -q -s tests/flow/test_bypasses.py
	@$(PY) -m pytest -q -n 2 --dist loadfile -m "proof and not processes"
	@$(PY) -m tests.servers --durable postgres -- $(PY) -m pytest -q --touching-database -n 2 --dist loadfile -m "(long or once or proof) and not processes"
	@$(PY) -m tests.servers --durable postgres -- $(PY) -m pytest -q --touching-database -m "once and processes"
	@STORIES=200 $(PY) -m pytest -q tests/proof/test_loading.py -k more_stories
	@RACES=200 $(PY) -m pytest -q tests/faults/test_races.py -k test_case_30
	@$(PY) -m tests.servers --durable postgres -- env RACES=1000 $(PY) -m pytest -q tests/faults/test_races.py -k test_case_30

# Quick tests first: a mutant costs what its first failing test costs. See docs/proof.md.
OF_GATE := tests/approvals/test_gate.py tests/approvals/test_gate_edges.py
OF_LOADER := tests/proof/test_facts_edges.py tests/approvals/test_facts.py tests/proof/test_loading.py
KILL := $(PY) -m pytest -q -p no:cacheprovider -p tests.proof.killing
mutate: cover-gate ## Mutants of the gate and its loader: at least 95 % killed, each survivor explained (20 minutes)
	@$(KILL) --mutate approvals.gate $(OF_GATE)
	@$(KILL) --mutate approvals.facts -m "not slow" $(OF_LOADER)
	@$(KILL) --mutate approvals.standing -m "not slow" $(OF_LOADER)

cover-gate: dev ## Every branch of the gate and of its loader is taken by a test
	@$(PY) -m pytest -q -p no:cacheprovider --cov --cov-branch --cov-config=tests/proof/coverage.ini --cov-report=term-missing -m "not slow" $(OF_GATE) $(OF_LOADER)

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

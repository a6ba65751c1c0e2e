# env    the environment, in .venv
# demo   environment, synthetic cut and report in one go
# test   the test suite, offline, in parallel
# test-long   what takes a minute a case, or asks at length what a shorter test asks: JupyterLab, nights, other seeds; before a release
# check  formatting, lint, types, import rules
# bench  speed and memory against bars and peers, in one run (needs rtflite, which it installs)
# docs   the documentation as pages, in build/docs
# pilot  the report of the public CDISC pilot study, its ADaM derived again and compared, and its public tables compared

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# `make check test` looks at types while tests run; what is measured runs alone.
ifeq ($(MAKELEVEL) $(sort $(MAKECMDGOALS)),0 check test)
MAKEFLAGS += --jobs=2
endif

.DEFAULT_GOAL := help
.PHONY: help env demo test test-long check looks types bench docs pilot format lock clean

help:
	@sed -n 's/^# //p' Makefile | head -9

env: $(READY)

# Bytecode is compiled here because PYTHONDONTWRITEBYTECODE may be set: without it every start
# costs seconds. pip would compile it too, in one process.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making the environment in $(VENV) (once, some minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib cgbm1_report || true
	@touch $(READY)

demo: env
	@$(BIN)/cgbm1-report demo --out demo

# Without bytecode each run compiles all tests anew, once in each of its processes.
test: env
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n auto -m "not long"

test-long: env
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n auto -m long

check: env
	@$(MAKE) --no-print-directory $(if $(findstring check test,$(sort $(MAKECMDGOALS))),,--jobs=2) --output-sync=target types looks

looks:
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types:
	@$(BIN)/mypy

format: env
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# The peers are not the product's: they have a list of their own, which changes no version of it.
bench: env
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock || \
	  echo "the peers cannot be installed: those that are missing are told as absent"
	@$(BIN)/python -m compileall -q cgbm1_report || true
	@$(BIN)/python -m benchmarks --write

docs: env
	@$(BIN)/python -m sphinx -W --keep-going -q -b html -d build/docs-trees docs build/docs
	@echo "build/docs/index.html"

pilot: env
	@$(BIN)/python -m tests.pilot.cut build/pilot-cut
	@$(BIN)/cgbm1-report build build/pilot-cut --trial tests/pilot/trial.yaml --out build/pilot
	@$(BIN)/python -m tests.pilot.compare
	@$(BIN)/python -m tests.pilot.tables

lock: env
	@$(BIN)/python -m pip install --quiet pip-tools
	@$(BIN)/pip-compile --quiet --upgrade --extra dev --extra docs --extra explore --generate-hashes --allow-unsafe --strip-extras \
	  --annotation-style=line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file requirements.lock pyproject.toml
	@$(BIN)/pip-compile --quiet --extra bench --constraint requirements.lock --generate-hashes --allow-unsafe --strip-extras \
	  --annotation-style=line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file requirements-bench.lock pyproject.toml

clean:
	@rm -rf build demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

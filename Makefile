# make            sets up and runs the workflow on the built-in sample, into results/
# make test       sets up and runs the tests
# make test-slow  the tests that take longer: real photographs (REFERENCE_DATA), SLURM (root, Debian)
# make check      formatting and lint, as the tests hold them too
# make clean      frees all that was made; what was downloaded stays in resources/

PYTHON ?= python3
CORES  ?= all
BIN    := .venv/bin

.PHONY: all setup run test test-slow check clean

all: run

setup: .venv/installed

.venv/installed: requirements.txt requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one by: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt -r requirements-dev.txt
	touch $@

run: setup
	@PYTHONPATH=workflow/logger $(BIN)/snakemake --cores $(CORES) --logger summary
	@echo "Open results/index.html; Snakemake's own log is in .snakemake/log."

test: setup
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 8

test-slow: setup
	$(BIN)/python -m pytest -m slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	PYTHONPATH=workflow/scripts $(BIN)/lint-imports
	$(BIN)/snakemake --lint

clean:
	rm -rf results/data results/runs results/audit results/logs results/benchmarks
	rm -rf results/index.html results/learning_curves.svg resources/sample .snakemake

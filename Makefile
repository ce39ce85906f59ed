# make            installs the packages of the workflow into .venv, runs the workflow on the built-in
#                 sample, and writes results/ (CONFIG=configs/wiki.yaml: another config; CORES=4: on 4 cores)
# make test       installs the packages of the tests, and runs the quick tests
# make test-random  runs the quick tests with a random order and random numbers, from TEST_SEED
#                 (default: the time)
# make test-avx2  runs test-random without x86 instructions beyond AVX2
# make test-slow  runs the slow tests: real photographs and neon's numbers (REFERENCE_DATA), SLURM (root,
#                 Debian), valid HTML (vnu)
# make demo       installs Gradio, and serves a page on this machine that predicts the faces of a photo
#                 with the best run of results/ (RUN=results/runs/cnn: with this run; also a model file)
# make pictures   takes the pictures of the documents with Chromium, from the results/ of `make`
# make check      runs formatters, linters, type checks and import contracts
# make clean      deletes data, label audit, comparison, logs and start page in results/, and the sample.
#                 The runs with their models, downloads and other results (results/wiki) stay
# make distclean  asks, then deletes all results, downloads and the installation. If results or
#                 resources is a link, only the link is deleted
# make lock       completes constraints.txt and requirements.lock (UPGRADE=--upgrade: with the newest versions)
# make help       prints this
#
# Settings of the installation, which uses uv if it is on the PATH:
#   PYTHON=python3.12  Python 3.11 to 3.13; if its version is another one, uv installs 3.13
#   TORCH=cpu          PyTorch's CPU build from PyTorch's own index: 0.2 GB to download for PyTorch
#                      alone, instead of 3 GB. TORCH_INDEX: URL of another index
#   LOCK=              the newest versions that requirements.txt allows, instead of the tested
#                      versions in constraints.txt

PYTHON ?= python3
TORCH  ?=
LOCK   ?= constraints.txt
CORES  ?= all
CONFIG ?=
BIN    := .venv/bin
UV     := $(shell command -v uv 2> /dev/null)

TORCH_INDEX ?= https://download.pytorch.org/whl/$(TORCH)
INSTALL     := $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install)
SUPPORTED   := $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2> /dev/null
VERSIONS    := $(if $(LOCK),--constraint $(LOCK))

# Snakemake writes the user's name into its log. Snakemake and Matplotlib write files into HOME. The
# user of a container may have no name and no HOME.
export USER ?= nobody
ifneq ($(shell test -w "$$HOME" && echo writable),writable)
export XDG_CACHE_HOME ?= $(CURDIR)/.snakemake/cache
export MPLCONFIGDIR   ?= $(CURDIR)/.snakemake/matplotlib
endif

.PHONY: all setup setup-tests setup-demo run demo test test-random test-avx2 test-slow pictures check clean \
  distclean lock help

all: run

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

setup: .venv/installed
setup-tests: .venv/installed-for-tests
setup-demo: .venv/installed-for-demo

# PyTorch is installed first and shows its progress, because it is by far the largest download. Only
# torch and torchvision come from PyTorch's own index (--no-deps); their builds belong together.
.venv/installed: requirements.txt $(LOCK)
	@$(SUPPORTED) || [ "$(UV)" ] || { echo "Python 3.11, 3.12 or 3.13 is needed; name one by:" \
	  "make PYTHON=python3.12, or install uv, by which make takes 3.13" >&2; exit 1; }
	if $(SUPPORTED); then clear=; [ "$$($(BIN)/python -V 2> /dev/null)" = "$$($(PYTHON) -V)" ] || clear=--clear; \
	  $(PYTHON) -m venv $$clear .venv; \
	else $(UV) venv --python 3.13 --seed --allow-existing .venv; fi
	$(INSTALL) $(if $(TORCH),--no-deps --index-url $(TORCH_INDEX)) $(VERSIONS) $$(grep '^torch' requirements.txt)
	$(INSTALL) --quiet $(VERSIONS) -r requirements.txt
	@touch $@

.venv/installed-for-tests: .venv/installed requirements-dev.txt
	$(INSTALL) --quiet $(VERSIONS) -r requirements-dev.txt
	@touch $@

.venv/installed-for-demo: .venv/installed requirements-demo.txt
	$(INSTALL) --quiet $(VERSIONS) -r requirements-demo.txt
	@touch $@

# The locks leave out PyTorch's CUDA packages, because its build names their versions.
COMPILE = $(or $(UV),$(BIN)/uv) pip compile --quiet --universal --python-version 3.11 --no-annotate \
  --custom-compile-command "make lock" $(UPGRADE)
lock:
	$(COMPILE) -o constraints.txt requirements.txt requirements-demo.txt requirements-dev.txt
	sed -i.bak -E '/^(nvidia|cuda|triton)/d' constraints.txt
	$(COMPILE) -o requirements.lock requirements.txt --constraint constraints.txt --generate-hashes \
	  --no-emit-package torch --no-emit-package torchvision
	sed -i.bak -E '/^(nvidia|cuda|triton)/,/[^\\]$$/d' requirements.lock
	rm constraints.txt.bak requirements.lock.bak

run: setup
	@PYTHONPATH=workflow/scripts $(BIN)/python -m renet.config.yaml_files config.yaml $(CONFIG)
	@PYTHONPATH=workflow/logger $(BIN)/python -m snakemake --cores $(CORES) --logger summary \
	  $(if $(CONFIG),--configfile $(CONFIG))
	@echo "Snakemake's own log is in .snakemake/log."

demo: setup-demo
	@$(BIN)/python workflow/scripts/demo.py $(or $(RUN),results)

QUICK = $(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 8 --dist loadfile
test: setup-tests
	$(QUICK)

test-random: setup-tests
	seed=$${TEST_SEED:-$$(date +%s)}; TEST_SEED=$$seed $(QUICK) -p randomly --randomly-seed=$$seed

test-avx2: export ATEN_CPU_CAPABILITY    := avx2
test-avx2: export ONEDNN_MAX_CPU_ISA     := AVX2
test-avx2: export MKL_ENABLE_INSTRUCTIONS := AVX2
test-avx2: test-random

test-slow: setup-tests
	$(BIN)/python -m pytest -m slow --numprocesses 3 --dist loadfile --no-loadscope-reorder

pictures: setup-tests
	PYTHONPATH=workflow/scripts:tests $(BIN)/python tools/take_pictures.py

check: setup-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	PYTHONPATH=workflow/scripts $(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/snakemake --lint
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/main.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

clean:
	rm -rf results/data results/audit results/logs results/runs/*/logs
	rm -rf resources/sample
	rm -rf results/comparison results/learning_curve
	rm -f results/index.html results/course.html results/tour.html results/README.md results/loss_curves.svg
	@find -H results -name model.pt ! -path '*/training/*' -exec echo "kept: {}" \; || true

distclean:
	@find -H results -name model.pt ! -path '*/training/*' -exec echo "trained model: {}" \; || true
	@du -shH $(wildcard results resources .snakemake .venv)
	@for folder in results resources; do if [ -L $$folder ]; then \
	  echo "$$folder is a link: only the link is deleted, and its folder stays."; fi; done
	@read -p "Delete all of it? [y/N] " answer; \
	if [ "$$answer" = y ]; then \
	  rm -rf results resources .snakemake .venv; mkdir -p results; touch results/.gitkeep; \
	else \
	  echo "Nothing is deleted."; \
	fi

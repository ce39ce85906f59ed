# make            installs into .venv what the workflow runs with, and runs it on the built-in sample,
#                 into results/ (CONFIG=configs/wiki.yaml: with an overlay; CORES=4: on 4 cores)
# make test       installs what the tests need too, and runs the tests
# make test-random  the same tests in the random order, and with the random numbers, of TEST_SEED
#                 (default: the time)
# make test-avx2  the same as test-random, on x86 without instructions beyond AVX2
# make test-slow  the tests that take longer: real photographs and neon's numbers (REFERENCE_DATA), SLURM (root, Debian), valid HTML (vnu)
# make demo       installs Gradio, and serves a page to this machine that predicts the faces of a photo, by
#                 the best run of results/ (RUN=results/runs/cnn: by another; also a model file)
# make pictures   takes the pictures of the documents from results/ again, as `make` left it, with Chromium
# make check      formatters, linters, types, import contracts
# make clean      deletes data, label audit, comparison, logs and start page in results/, and the sample;
#                 results/runs with its models, downloads and other folders (results/wiki) stay
# make distclean  deletes all results, downloads and the installation, after a question; where
#                 results or resources is a link, the link alone
# make lock       completes constraints.txt and requirements.lock (UPGRADE=--upgrade: with the newest versions)
# make help       prints this
#
# Settings of the installation, which uses uv if it is on the PATH:
#   PYTHON=python3.12  the Python, 3.11 to 3.13; with uv and another Python, make takes 3.13
#   TORCH=cpu          PyTorch's build for CPUs from PyTorch's own index (TORCH_INDEX: the URL of
#                      another one): a download of 0.2 GB for PyTorch alone, instead of 3 GB
#   LOCK=              the newest versions that requirements.txt allows, instead of those that the
#                      tests ran with, which constraints.txt lists

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

# Snakemake names the user in its log, and keeps files in HOME, as Matplotlib does. The user of a
# container may lack both.
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

# PyTorch comes first: by far the largest download, it shows its progress. From PyTorch's own index
# comes nothing but torch and torchvision, whose builds belong together (--no-deps).
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

# PyTorch's CUDA packages are not listed: they are those that its build names itself.
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

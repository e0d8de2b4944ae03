# The commands of this repository. From a fresh clone, `make tour` and `make test` set up all they need.
#   make tour     the guided tour on real data; writes tour/report.html   (FLAGS=--quick for a short one)
#   make test     lint, format check, types, tests and doctests
#   make doctor   which code path, threads and optional packages are in use
#   make bench    timings against torch.distributions
#   make docs     the manual, as HTML in docs/_build
#   make format   formats the code and applies safe lint fixes
#   make clean    removes everything that these commands made

PYTHON ?= python3
WORKERS ?= 2
FLAGS ?=

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
UNFINISHED := $(VENV)/.unfinished
PIP := $(PY) -m pip --disable-pip-version-check
NATIVE := $(shell find csrc src/reparam/kernels -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp')
OUTPUTS := build dist experiments tour docs/_build docs/api docs/special .mypy_cache .pytest_cache .ruff_cache

# An environment that was moved, or whose Python is gone, is not ready.
$(shell [ "$$(cat $(READY) 2>/dev/null)" = "$(CURDIR)" ] && $(PY) -c '' 2>/dev/null || rm -f $(READY))

.PHONY: help setup tour test doctor bench docs format clean

help:
	@sed -n 's/^#   //p' Makefile

setup: $(READY)

# Installing is marked as unfinished until it has succeeded; what was cut short is made anew.
$(READY): pyproject.toml constraints.txt $(wildcard setup.py) $(NATIVE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	  { echo "reparam needs Python >= 3.10; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) lacks the venv module; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@if [ -e $(UNFINISHED) ] || ! $(PIP) --version >/dev/null 2>&1; then \
	  echo "== Making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); fi
	@touch $(UNFINISHED)
	@echo "== Installing packages and building the native kernels (a few minutes the first time)"
	@$(PIP) install --quiet --constraint constraints.txt setuptools
	@$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev,tour]'
	@echo "$(CURDIR)" > $(READY)
	@rm -f $(UNFINISHED)

tour: $(READY)
	@$(PY) -m reparam.cli tour $(FLAGS)

test: $(READY)
	@echo "== Lint"
	@$(PY) -m ruff check
	@echo "== Format"
	@$(PY) -m ruff format --check
	@echo "== Types"
	@$(PY) -m mypy
	@echo "== Tests"
	@$(PY) -m pytest --numprocesses $(WORKERS) --dist worksteal $(FLAGS)

doctor: $(READY)
	@$(PY) -m reparam.cli doctor

bench: $(READY)
	@$(PY) -m bench $(FLAGS)

docs: $(READY)
	@$(PIP) install --quiet --constraint constraints.txt furo myst-parser sphinx
	@$(PY) -m pytest --quiet tests/reference/test_special_tables.py -k test_page --pages docs/special
	@$(PY) -m sphinx -W --keep-going -b html docs docs/_build

format: $(READY)
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

clean:
	rm -rf $(VENV) $(OUTPUTS)
	find src -name '*.so' -o -name '*.egg-info' -o -name '__pycache__' | xargs rm -rf

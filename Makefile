# Two commands: `make demo` and `make test`. Each first sets up all that it needs: a virtual environment in
# .venv with the versions pinned in requirements.txt, and the base models in $REGRAD_HOME (~/.cache/regrad).

PYTHON ?= python3
PYTEST_FLAGS ?= -n 2 --dist loadfile --no-loadscope-reorder

BIN := .venv/bin
SETUP := .make/setup

.PHONY: demo test setup assets lint format clean
.DELETE_ON_ERROR:

demo: $(SETUP) assets
	@echo "== demo: documents -> bank -> questions, in runs/demo"
	$(BIN)/regrad demo --workdir runs/demo

test: $(SETUP) assets lint
	@echo "== tests"
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

setup: $(SETUP)

assets: $(SETUP)
	@echo "== base models (downloaded once)"
	$(BIN)/regrad fetch all

lint: $(SETUP)
	@echo "== ruff and mypy"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet . || { echo "make: these files are not formatted; run make format" >&2; exit 1; }
	$(BIN)/mypy

format: $(SETUP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	@echo "== removing .venv and caches; runs/ and the base models stay"
	rm -rf .venv .make .pytest_cache .mypy_cache .ruff_cache *.egg-info build
	find regrad_jax tests experiments -name __pycache__ -prune -exec rm -rf {} +

# A stamp without its environment means nothing: set up again.
ifeq ($(wildcard $(BIN)/regrad),)
.PHONY: $(SETUP)
endif

PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
SUPPORTED := sys.version_info[:2] in ((3, 11), (3, 12))

$(SETUP): requirements.txt setup.py
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "make: there is no $(PYTHON); install Python 3.11 or 3.12, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	  exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not ($(SUPPORTED)))' || { \
	  echo "make: needs Python 3.11 or 3.12, but $(PYTHON) is $$("$(PYTHON)" -V 2>&1); name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
	  exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) lacks venv; install it (on Debian and Ubuntu: apt install python3-venv)" >&2; \
	  exit 1; }
	@if ! $(BIN)/python -c 'import sys, pip; sys.exit(not ($(SUPPORTED)))' 2>/dev/null; then \
	  echo "== creating .venv with $$("$(PYTHON)" -V 2>&1)"; \
	  "$(PYTHON)" -m venv --clear .venv; \
	fi
	@echo "== installing requirements.txt into .venv (minutes, the first time)"
	@$(PIP) --requirement requirements.txt || { \
	  echo "make: requirements.txt cannot be installed; check the network and the package index, then run make $(MAKECMDGOALS) again" >&2; \
	  exit 1; }
	@$(PIP) --no-deps --editable .
	@mkdir -p $(@D)
	@touch $@

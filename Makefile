# Every target sets up what it needs. `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
RUN := .venv/bin/

.PHONY: demo test check bench format setup help
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup:
	@$(PYTHON) local/bootstrap.py

demo: setup  ## a generated session through the engine: a summary here, an HTML report in runs/demo
	@$(RUN)kairos demo

check: setup  ## format, lint, types, import contracts: what CI insists on
	@echo "[check] ruff format"; $(RUN)ruff format --check --quiet .
	@echo "[check] ruff lint"; $(RUN)ruff check --quiet .
	@echo "[check] import contracts"; $(RUN)lint-imports --no-cache >/tmp/kairos-imports.$$$$ || { cat /tmp/kairos-imports.$$$$; rm -f /tmp/kairos-imports.$$$$; exit 1; }; rm -f /tmp/kairos-imports.$$$$
	@echo "[check] mypy --strict"; $(RUN)mypy

test: check  ## everything CI runs: the checks above, then the whole test suite
	@echo "[test] pytest"; $(RUN)pytest -n auto -q

bench: setup  ## measure speed against floors and peers in one run; prints a table
	@$(PYTHON) local/bootstrap.py bench
	@$(RUN)python -m benchmarks

format: setup  ## rewrite the code in the house format
	@$(RUN)ruff format --quiet .
	@$(RUN)ruff check --fix --quiet .

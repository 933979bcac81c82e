# What people and tools run. `make` alone prints what there is.

PORT ?= $(or $(TALLYSTICK_PORT),8000)
CUSTOMER ?= 1
PYTHON := .venv/bin/python
CHECKED := app.py auth deploy edge kernel models providers resolvers schema services worker tests
MAKEFLAGS += --no-print-directory

.PHONY: help run test token stop verify bench schema migrate lock lint format clean
.DEFAULT_GOAL := help

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: .venv/installed ## set up, migrate, load the demo bank once, serve; Ctrl-C ends it (PORT=8000)
	@$(PYTHON) -m deploy.run --port $(PORT)

test: lint ## set up and check everything
	@$(PYTHON) -m pytest

lint: .venv/installed ## the checks that run no bank: ruff, mypy, the direction of imports
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy $(CHECKED)
	@.venv/bin/lint-imports

token: .venv/installed ## print an access token of a demo customer (CUSTOMER=1…n or a phone number, PORT=8000)
	@$(PYTHON) -m deploy.token $(CUSTOMER) --port $(PORT)

stop: .venv/installed ## end the bank and the embedded stores of this folder
	@$(PYTHON) -m deploy.stop

verify: .venv/installed ## check the books of the bank that runs here
	@$(PYTHON) -m deploy.verify

bench: .venv/installed ## measure, and print ratios
	@$(PYTHON) -m bench

schema: .venv/installed ## write schema.graphql as the code defines it
	@$(PYTHON) -m deploy.schema

migrate: .venv/installed ## bring TALLYSTICK_OWNER_DATABASE_URL to this version
	@$(PYTHON) -m deploy.migrate

format: .venv/installed ## put the code into its form
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

lock: .venv/installed ## write the lock files from pyproject.toml
	@$(PYTHON) -m deploy.lock

clean: ## end the stores, then remove the environment, the demo bank and all caches
	@if [ -e .venv/installed ]; then $(PYTHON) -m deploy.stop; fi
	@rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that is new enough and can make environments.
.venv/installed: requirements-dev.lock deploy/environment.py
	@for python in python3.13 python3.12 python3.11 python3.14 python3; do \
		if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec $$python -P deploy/environment.py; \
		fi; \
	done; \
	echo "Tallystick needs Python 3.11 or later with its venv module, and found none: install it (on Debian and Ubuntu: apt install python3 python3-venv)" >&2; exit 2

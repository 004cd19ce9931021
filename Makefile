# make demo   set up, then diagnose -> recommend -> adapt -> predict -> evaluate on a sample
# make test   set up, then every check and every quick test
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# one thread a test process: two processes fill two cores, and sums come in one order
THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

# make fuzz   look for bytes and arguments that break the invariant, for FUZZ_SECONDS from the seed FUZZ_SEED
FUZZ_SECONDS ?= 480
FUZZ_SEED ?= 1

.PHONY: setup demo test test-all fuzz check format docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or later is needed: $$($(PYTHON) --version)"; echo "hint: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,ot,hf]'
	@touch $@

demo: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh samples/demo.sh demo

test: setup check
	$(THREADS) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" tests

test-all: setup check
	$(THREADS) $(BIN)/python -m pytest -n 2 --dist worksteal tests

fuzz: setup
	$(THREADS) MDSHIFT_FUZZ=40 MDSHIFT_FUZZ_SECONDS=$$(( $(FUZZ_SECONDS) / 2 )) $(BIN)/python -m pytest -s --hypothesis-seed=$(FUZZ_SEED) \
	  tests/cli/test_invariant.py tests/readers/test_invariant.py

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config .importlinter --no-cache

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# the pages of docs/ that are made from the declarations; a test fails when one is stale
docs: setup
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

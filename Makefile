# Each target is complete from a fresh clone: it makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
# Without this, two PyTorch threads on a busy machine wait for each other most of the time.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo test lint clean

# The runtime alone is enough for the demo, so that it starts fast and never sees torch.
demo: .venv/runtime
	$(BIN)/mhp predict examples/photographer.jpg examples/astronaut.jpg --out output/demo

test: .venv/dev
	$(BIN)/python -m pytest

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/runtime: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

MOBILE := examples/mobile/typescript
.venv/dev: pyproject.toml constraints.txt $(MOBILE)/package-lock.json
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
# Where there is no npm, the tests of the apps' code say so and are skipped.
	! command -v npm >/dev/null || npm ci --prefix $(MOBILE) --omit=optional --ignore-scripts --no-audit --no-fund
	touch $@ .venv/runtime

clean:
	rm -rf .venv output build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Two commands do all the set-up on a machine with git, make and Python 3.11 or newer:
#   make demo   judge a real signed wheel and a tampered copy of it, rehearse a whole release, and grant a licence, offline
#   make test   lint, types, tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# A lock holds everything, so pip has nothing to resolve; an old pip asked to resolve looks beyond what is locked.
LOCKED := install --require-hashes --no-deps -r
PACKAGES := . verify sbom release service

.PHONY: demo rehearse second-opinion test lint types unit test-network test-slow test-browser test-corpus test-detectors bench bench-runtime fuzz lock docs clean

demo: $(VENV)/.release $(VENV)/.demo second-opinion
	@$(BIN)/python tools/demo.py
	@$(BIN)/python -P -m epochly_release rehearse --commit HEAD --out .demo/release
	@$(BIN)/python tools/demo_licence.py

rehearse: $(VENV)/.release second-opinion
	@$(BIN)/python -P -m epochly_release rehearse --attacks

# Asked where npm is; elsewhere the rehearsal says that it was not.
second-opinion:
	@cd release/second-opinion && if command -v npm >/dev/null; then \
	  test node_modules/.package-lock.json -nt package-lock.json || npm ci --ignore-scripts --silent || true; \
	fi

test: lint types unit

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/python -m pytest --watched -n 2 --dist=loadscope --no-loadscope-reorder

test-network: $(VENV)/.dev
	$(BIN)/python -m pytest -m network

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

# Chromium comes from the distribution: `apt-get install chromium`. Without one each test says so and fails.
test-browser: $(VENV)/.dev
	$(BIN)/python -m pytest -m browser tests/service

# Programs that were not written for us, in an environment of their own: the tests above know nothing of that package.
test-corpus: requirements/corpus.txt
	$(MAKE) VENV=.venv-corpus .venv-corpus/.dev
	.venv-corpus/bin/python -m pip --disable-pip-version-check --quiet $(LOCKED) requirements/corpus.txt
	.venv-corpus/bin/python -m pytest -m corpus -s tests/runtime/corpus/test_pyperformance.py

# Detectors of personal data that others made judge what leaves: they want other versions than we do, and are asked from outside.
test-detectors: $(VENV)/.dev requirements/detectors.txt
	$(PYTHON) -m venv .venv-detectors
	.venv-detectors/bin/python -m pip --disable-pip-version-check --quiet $(LOCKED) requirements/detectors.txt
	DETECTORS=$(CURDIR)/.venv-detectors/bin/python $(BIN)/python -m pytest -m detectors tests/network_proof

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

# The interpreters come by PYTHONS, each in an environment of its own: make bench-runtime PYTHONS="python3.11 python3.12"
PYTHONS ?= $(PYTHON)
bench-runtime:
	$(PYTHON) benchmarks/every_python.py $(PYTHONS)

fuzz: $(VENV)/.dev requirements/fuzz.txt
	$(PIP) $(LOCKED) requirements/fuzz.txt
	$(BIN)/python fuzz/run.py

docs: $(VENV)/.dev
	$(BIN)/python tools/write_docs.py
	$(BIN)/python tools/write_telemetry.py

# The development lock holds all of the others, which take its versions: what was tested together is used together. The detectors
# are beside it: they want an older numpy.
lock: $(VENV)/.dev
	cd requirements && for name in dev verify release build service demo fuzz bench corpus detectors; do \
	  ../$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
	    $$(test $$name = dev -o $$name = detectors || echo --constraint dev.txt) \
	    --no-emit-index-url --no-emit-find-links --no-header $$name.in -o $$name.txt || exit 1; \
	done

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.release: requirements/release.txt verify/pyproject.toml sbom/pyproject.toml release/pyproject.toml VERSION | $(VENV)/bin/python
	$(PIP) $(LOCKED) requirements/release.txt
	$(PIP) install --no-deps --no-build-isolation --no-index -e verify -e sbom -e release
	@touch $@

$(VENV)/.demo: requirements/demo.txt pyproject.toml service/pyproject.toml VERSION $(VENV)/.release
	$(PIP) $(LOCKED) requirements/demo.txt
	$(PIP) install --no-deps --no-build-isolation --no-index -e . -e service
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(wildcard */pyproject.toml) VERSION | $(VENV)/bin/python
	$(PIP) $(LOCKED) requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation --no-index $(foreach package,$(PACKAGES),-e ./$(package))
	@touch $@

clean:
	rm -rf $(VENV) release/second-opinion/node_modules .demo .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

# QuantumFlow Lab. `make` lists the targets; another Python: `make setup PYTHON=python3.12`.
PYTHON ?= python3

VENV   := .venv
BIN    := $(VENV)/bin
STATIC := quantumflow_lab/widgets/static/run.js
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
DEMO   := $(BIN)/python notebooks/demo.py

PACKAGES := $(VENV)/.packages
PROJECT  := $(VENV)/.project
MODULES  := js/node_modules/.modules
SIDE     := .venv-iqm/.packages .venv-braket/.packages

# pip looks for maturin on the path.
WITH_MATURIN := PATH="$(CURDIR)/$(BIN):$$PATH"
# One Python for every cargo call, or PyO3 is compiled again for each.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
# Where nothing may be kept, each of the many processes compiles the whole package anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

define need
@command -v $(1) >/dev/null 2>&1 || { echo "make: $(1) is missing; install $(2)" >&2; exit 1; }
endef

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
	    awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

# --- use -------------------------------------------------------------------------

.PHONY: setup demo lab
setup: $(PROJECT) $(STATIC) ## prepare a clone: Python packages, Rust core, front end

# Runs of a clone stay in the clone, unless QFLOW_HOME says otherwise.
lab: export QFLOW_HOME := $(or $(QFLOW_HOME),$(CURDIR)/.qflow)
# The demo has a home of its own and begins it anew: nothing is kept from one to the next,
# nor for the notebooks that `make lab` opens.
demo: export QFLOW_HOME := $(CURDIR)/output/demo/home

demo: setup ## run the first notebook and print its results, times and cost
	@rm -rf "$(QFLOW_HOME)"
	@$(DEMO)

# JupyterLab reads our extension where it is built, so a new build needs no installation.
DATA := $(CURDIR)/quantumflow_lab.data/data
lab: export JUPYTER_PATH := $(DATA)/share/jupyter$(if $(JUPYTER_PATH),:$(JUPYTER_PATH))
lab: export JUPYTER_CONFIG_PATH := $(DATA)/etc/jupyter$(if $(JUPYTER_CONFIG_PATH),:$(JUPYTER_CONFIG_PATH))

lab: setup ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

# --- tests -----------------------------------------------------------------------

.PHONY: test rust-test js-test py-test notebook-test check chaos soak fuzz side
test: rust-test js-test py-test notebook-test ## run every test: Rust, TypeScript, Python, notebooks

rust-test: $(PACKAGES)
	cargo test --workspace --exclude qflow-py --locked

js-test: $(MODULES)
	npm --prefix js test

# Those that press keys or hold a cluster to its speed have the machine alone.
ALONE := $(addprefix tests/,cluster browser)

py-test: setup side
	$(BIN)/pytest -n 2 --dist worksteal $(addprefix --ignore=,$(ALONE))
	$(BIN)/pytest $(ALONE)

side: $(SIDE) ## environments of providers that cannot share ours, for the tests

# The notebooks get a home of their own, which goes when they have run.
notebook-test: setup
ifneq ($(NOTEBOOKS),)
	home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
	    QFLOW_HOME="$$home" $(BIN)/pytest -n 2 --dist loadfile --nbval-lax --nbval-current-env $(NOTEBOOKS)
endif

check: fmt-check ruff mypy stubs tsc clippy audit test soak ## what CI runs: format, lint, types, stubs, tests

chaos: setup ## kill kernels, workers and ingesters, cut the power: KILLS=200 times each
	QFLOW_KILLS=$(or $(KILLS),200) $(BIN)/pytest -q tests/chaos

# How long the scheduler is simulated, and attacked.
SECONDS ?= 60

soak: ## simulate the scheduler for a minute, or SECONDS=600
	cargo run --release --locked --quiet -p qflow-core --example soak -- $(SECONDS)

fuzz: ## send the scheduler what no runner would, for a minute, or SECONDS=600
	cargo run --release --locked --quiet -p qflow-core --example fuzz -- $(SECONDS)

# --- quality ---------------------------------------------------------------------

.PHONY: audit advisories fmt fmt-check lint types stubs rust js ruff clippy mypy tsc
fmt: $(PACKAGES) ## format Python and Rust
	$(BIN)/ruff check --select I --fix --quiet
	$(BIN)/black --quiet .
	cargo fmt --all

fmt-check: $(PACKAGES)
	$(BIN)/black --check --quiet --diff .
	cargo fmt --all --check

lint: ruff clippy ## Ruff and Clippy

types: mypy tsc ## mypy (strict) and tsc (strict)

audit: $(PACKAGES) ## look for holes in the code and in the workflows of CI
	$(BIN)/bandit --quiet --severity-level medium --configfile pyproject.toml --recursive quantumflow_lab
	$(BIN)/zizmor --offline --quiet --no-progress .github

advisories: $(PACKAGES) ## ask the network whether packages have known holes
	$(call need,cargo-deny,it by: cargo install cargo-deny --locked)
	$(BIN)/pip-audit --strict --requirement requirements.lock --disable-pip --no-deps
	cargo deny --locked --config rust/deny.toml check

stubs: $(PROJECT) ## compare _core.pyi with the compiled module
	$(BIN)/python -m mypy.stubtest quantumflow_lab._core

rust: clippy rust-test ## lint and test the Rust crates

js: tsc js-test ## check and test the front end

ruff: $(PACKAGES)
	$(BIN)/ruff check

clippy: $(PACKAGES)
	cargo clippy --workspace --all-targets --locked --quiet -- --deny warnings

mypy: $(PACKAGES)
	$(BIN)/mypy

tsc: $(MODULES)
	npm --prefix js run check

# --- more ------------------------------------------------------------------------

.PHONY: bench screenshots docs site dist lock clean
bench: setup ## print the benchmark table
	$(BIN)/python -m benchmarks

screenshots: setup ## draw the pictures of the README from a real JupyterLab
	$(BIN)/pytest -q tests/browser
	mkdir -p docs/pictures
	cp $(addprefix output/screenshots/,quickstart-*.png live-*.png composer-bell-light.png \
	    dashboard-opened-light.png backends-light.png compare-light.png sidebar-live-light.png) \
	    docs/pictures/

docs: setup ## run the examples of README and docs, and follow their links
	$(BIN)/pytest tests/docs

# Notebooks run once and are cached by their text: `make site NOTEBOOKS_OF_SITE=force` runs
# them anew, `=off` shows them without outputs.
SITE := build/site
NOTEBOOKS_OF_SITE ?= cache

site: setup ## build the documentation into build/site; opens without a network
	$(BIN)/python -m docs._sphinx.pictures
	$(BIN)/python -m docs._sphinx.staging $(SITE)-source
	home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
	    QFLOW_HOME="$$home" QFLOW_SITE_NOTEBOOKS=$(NOTEBOOKS_OF_SITE) $(BIN)/sphinx-build \
	    --quiet --fail-on-warning --keep-going --write-all -c docs -d $(SITE)-doctrees $(SITE)-source $(SITE)
	@echo "$(SITE)/index.html"

dist: setup ## build the sdist, and the wheel from it, into dist/
	rm -rf dist
	$(BIN)/maturin sdist --out dist
	$(WITH_MATURIN) $(BIN)/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz

lock: ## refresh requirements.lock from pyproject.toml (use the oldest Python)
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --upgrade pip
	build/lock/bin/python -m pip install --quiet ".[ibm,dask,service]" --group dev
	{ sed -n '/^#/p' requirements.lock; \
	  build/lock/bin/python -m pip freeze --exclude quantumflow-lab; } >build/requirements.lock
	mv build/requirements.lock requirements.lock
	rm -rf build/lock

clean: ## remove everything that make has made
	rm -rf $(VENV) $(dir $(SIDE)) target build dist output js/node_modules quantumflow_lab/widgets/static
	rm -rf $(DATA)/share/jupyter/labextensions/quantumflow_lab/static
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find quantumflow_lab -name '_core*.so' -delete
	find quantumflow_lab quantumflow_lab_jupyter tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# --- what the targets are made of ------------------------------------------------

$(PACKAGES): requirements.lock
	$(call need,$(PYTHON),Python 3.11 or newer)
	$(call need,cargo,Rust from https://rustup.rs)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) is older than 3.11; try make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "make: $(PYTHON) has no venv; install python3-venv" >&2; exit 1; }
	@echo "Python packages into $(VENV): some minutes the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

# Without dependencies: the locks name what is imported, which is half of what is asked.
.venv-%/.packages: tests/side/%.lock
	$(call need,$(PYTHON),Python 3.11 or newer)
	@echo "Packages of another environment into $(@D)"
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

# Behind the front end: the installation copies JupyterLab's part of it.
$(PROJECT): $(PACKAGES) pyproject.toml Cargo.toml Cargo.lock $(wildcard rust/*/Cargo.toml) \
            $(shell find rust -name '*.rs') | $(STATIC)
	$(call need,cargo,Rust from https://rustup.rs)
	@echo "Rust core into quantumflow_lab: a minute or two the first time"
	@$(WITH_MATURIN) MATURIN_PEP517_ARGS=--locked $(BIN)/python -m pip install --quiet \
	    --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(MODULES): js/package.json js/package-lock.json
	$(call need,npm,Node.js 20 or newer with npm)
	@echo "npm packages into js/node_modules"
	@npm --prefix js ci --no-progress --loglevel=error
	@touch $@

$(STATIC): $(MODULES) js/build.mjs js/tsconfig.json $(shell find js/src -type f)
	@echo "Front end into $(@D)"
	@npm --prefix js run --silent build

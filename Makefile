# The only place where commands are written down. `make help` lists them.
# Needs Python 3.11 or newer and make; everything else is brought along.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SOURCES := $(wildcard app/src/modelrun/engines/batched/csrc/*.[ch])
STAMP  := $(VENV)/.ready
EXTRAS := --extra cluster --extra operator --extra s3 --group dev

# What Python compiles is kept, else each of many processes compiles the same libraries again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test fuzz lint format bench bench-quick bench-peers bench-operator e2e cluster-up cluster-down \
        cluster-status cluster-env image crd clean

help:  ## List what can be done
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Make .venv with everything (.venv/bin/modelrun)

$(STAMP): pyproject.toml uv.lock $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "modelrun needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	         "Say which to take: make setup PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8'
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv sync --quiet --locked $(EXTRAS) --python $(BIN)/python \
	  --reinstall-package modelrun
	@touch $@

run: setup  ## Fit the example on real data on all cores through Dask
	@$(BIN)/modelrun run app/examples/fama-french-rolling.yaml --backend dask

test: setup  ## Run all tests that need no cluster
	@$(BIN)/python -m pytest --ignore=tests/e2e -n 2 --dist loadscope

fuzz: setup  ## Search random panels for differences of the two engines (SECONDS=600, FIRST=seed)
	@PYTHONPATH=tests $(BIN)/python -m engines.random_designs \
	  --seconds $(or $(SECONDS),60) --first $(or $(FIRST),0)

lint: setup  ## Check style, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python charts/generate.py --check

bench: setup  ## Measure against the naive program, side by side (an hour)
	@PYTHONPATH=tests $(BIN)/python -m benchmarks

bench-quick: setup  ## The same for two workloads and the overhead, in three minutes
	@PYTHONPATH=tests $(BIN)/python -m benchmarks --quick

bench-peers: setup  ## The same for other programs, in .venv-peers (ten minutes)
	@UV_PROJECT_ENVIRONMENT=.venv-peers $(BIN)/uv sync --quiet --locked --group peers \
	  --no-default-groups --python $(BIN)/python
	@PYTHONPATH=tests $(BIN)/python -m benchmarks --peers .venv-peers/bin/python

bench-operator: setup  ## 500 runs at once through one operator, on an API server of their own
	@PYTHONPATH=tests $(BIN)/python -m scale

cluster-up:  ## Raise the test cluster: kind where Docker answers, else our own build (root, Go)
	@PYTHONPATH=tests $(PYTHON) -m cluster up

cluster-down:  ## Remove the test cluster and all it left behind
	@PYTHONPATH=tests $(PYTHON) -m cluster down

cluster-status:  ## Show the test cluster and what is left of it
	@PYTHONPATH=tests $(PYTHON) -m cluster status

cluster-env:  ## Print what a shell needs to use the test cluster: eval "$$(make -s cluster-env)"
	@PYTHONPATH=tests $(PYTHON) -m cluster env

image:  ## Build the image with docker, podman or buildah and load it into the test cluster
	@PYTHONPATH=tests $(PYTHON) -m cluster image

e2e: setup  ## Run the tests that need a cluster; raises it and builds the image before
	@PYTHONPATH=tests $(BIN)/python -m cluster e2e
	@MODELRUN_API_SERVER_KUBECONFIG=$$(PYTHONPATH=tests $(BIN)/python -m cluster kubeconfig) \
	  $(BIN)/python -m pytest -q tests/api/test_on_an_api_server.py

format: setup  ## Format and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

crd: setup  ## Write the CRDs and the schema anew from the models
	@$(BIN)/python -m modelrun_api crd --write charts/modelrun/files/crds
	@$(BIN)/python -m modelrun_api schema > app/examples/modelrun.schema.json

clean:  ## Remove what the targets made, except results
	@rm -rf $(VENV) build .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

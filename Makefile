# All that a developer runs; `make` alone lists it. Each target makes the environment that it needs.
#
#   PYTHON=python3.12      the Python to make .venv with (3.10 or later)
#   TORCH_INDEX=<address>  a further package index, for a CPU build of torch where pip finds only the CUDA one
#   JOBS=2                 test processes
#   ARGS=...               more arguments for pytest, the benchmarks or the demo
PYTHON ?= python3
TORCH_INDEX ?=
JOBS ?= 2
ARGS ?=

# Tests run one process per core: threads inside each would only get in each other's way.
export OMP_NUM_THREADS ?= 1

VENV := .venv
BIN := $(VENV)/bin
# pip is renewed first: the one that Python 3.10 brings was still trying versions after six minutes.
# Written when all is installed, so an environment without it is unfinished and is made anew.
# Holds the PYTHON that the environment was made with.
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo graphviz test test-zoo check lint types format docs bench comparison forms lab zoo clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## install, then analyse torchvision's ResNet-50
	$(BIN)/fieldscope analyze torchvision:resnet50 $(ARGS)

graphviz: ## install Graphviz by apt-get, if its dot is missing and that is possible
	@.ci/packages dot=graphviz

test: $(STAMP) graphviz ## the whole test suite, but for the published networks
	$(BIN)/python -m pytest -n $(JOBS) -m "not zoo" $(ARGS)

test-zoo: $(STAMP) ## published networks against the oracle (slow)
	$(BIN)/python -m pytest -n $(JOBS) -m zoo $(ARGS)

check: lint types test ## all that is asked of a change: format, rules, types, tests, examples in the docs

lint: $(STAMP) ## format and rules, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

format: $(STAMP) ## put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP) graphviz ## run the commands shown in README and docs again, draw the pictures, run the tutorial
	$(BIN)/python -m docs.generate
	$(BIN)/python -m docs.pictures
	$(BIN)/python -m docs.notebook

bench: $(STAMP) ## time against a bare forward pass and against the peers
	$(BIN)/python -m benchmarks.speed $(ARGS)
	$(BIN)/python -m benchmarks.supports $(ARGS)
	$(BIN)/python -m benchmarks.frameworks $(ARGS)
	$(BIN)/python -m benchmarks.findings $(ARGS)
	$(BIN)/python -m benchmarks.effective $(ARGS)

comparison: $(STAMP) ## ask other tools about the same networks, and write docs/comparison.md (minutes)
	$(BIN)/python -m benchmarks.comparison $(ARGS)
	$(BIN)/python -m benchmarks.rfa $(ARGS)

forms: $(STAMP) ## analyse networks in all their forms, and write docs/forms.md (minutes)
	$(BIN)/python -m benchmarks.forms $(ARGS)

lab: $(STAMP) ## run the experiments, write docs/experiments.md and the tables of docs/effective.md (half an hour)
	$(BIN)/python -m benchmarks.effects
	$(BIN)/python -m benchmarks.lab --jobs $(JOBS) $(ARGS)

zoo: $(STAMP) ## analyse all of timm and torchvision, and write docs/zoo.csv (long)
	$(BIN)/python -m benchmarks.zoo $(ARGS)

clean: ## remove all that make made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made anew when unfinished, when its Python is gone, and when another PYTHON is asked for by name.
ASKED := $(if $(filter file undefined default,$(origin PYTHON)),,$(PYTHON))
READY := $(shell test -x $(BIN)/python && cat $(STAMP) 2>/dev/null)
ANEW := $(if $(READY),$(if $(ASKED),$(filter-out $(READY),$(ASKED))),yes)

$(STAMP): pyproject.toml requirements/dev.txt requirements/files.txt $(if $(ANEW),FORCE)
	@set -eu; \
	if [ -n "$(ANEW)" ]; then \
	    $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "fieldscope needs Python 3.10 or later, $(PYTHON) is " + sys.version.split()[0] + "\nname another one: make PYTHON=python3.12 ...")'; \
	    rm -rf $(VENV); \
	    $(PYTHON) -m venv $(VENV); \
	    echo $(PYTHON) > $(VENV)/.python; \
	fi; \
	rm -f $@; \
	echo "installing into $(VENV): torch is large, the first time takes a minute or more"; \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade "pip>=25"; \
	$(BIN)/python -m pip install -qq --disable-pip-version-check $(TORCH_INDEX:%=--extra-index-url %) -r requirements/dev.txt; \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps -r requirements/files.txt; \
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	cp $(VENV)/.python $@

FORCE:

# Each target works on a fresh machine with Python 3.11 or later; `make servers` wants Go as well.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
# What `tapewatch generate` writes; `make check` fails when it differs from what is committed.
GENERATED := provisioning docker-compose.yml
MYPY_ARGS ?=
PYTEST_ARGS ?=
# Most tests wait for servers; a file stays in one process, so that its tests share the servers that they start.
PYTEST_WORKERS ?= 2
IMAGES_ARGS ?=

.DEFAULT_GOAL := help
# `check` prints what each step took and ends with pytest: one step after the other, whatever -j says.
.NOTPARALLEL:
.PHONY: help venv generate test check lint types generated findings proofs servers images bench lock up hooks

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## make .venv from requirements.lock

# Only the lock and the project's own metadata decide what is in .venv, so only they make it again.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("tapewatch needs Python 3.11 or later, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

generate: $(STAMP) ## render every file from catalogue.yaml
	$(BIN)/tapewatch generate

# Those marked `alone` play by the clock, twenty times as fast: no other test runs beside them. What nothing is left of
# for one of the two runs (exit code 5) is no failure.
test: $(STAMP) ## run the tests (PYTEST_ARGS="-k name" chooses)
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone" --durations=15 $(PYTEST_ARGS) || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -m alone --durations=15 $(PYTEST_ARGS) || [ $$? -eq 5 ]

# Runs the command $(2), and says how long the step $(1) took. A recipe line stands for one shell.
define step
@echo "== $(1)"; start=$$(date +%s); { $(2); } || { echo "== $(1): FAILED after $$(($$(date +%s) - start)) s"; exit 1; }; \
	echo "== $(1): $$(($$(date +%s) - start)) s"
endef

# pytest runs last, and nothing after it, so that its summary is the last line.
check: lint types generated findings proofs test ## all that CI runs, with what each step took

lint: $(STAMP)
	$(call step,ruff,$(BIN)/ruff check . && $(BIN)/ruff format --check .)

types: $(STAMP)
	$(call step,mypy,$(BIN)/mypy $(MYPY_ARGS))

generated: $(STAMP)
	$(call step,generated files are up to date,$(BIN)/tapewatch generate && scripts/unchanged $(GENERATED))

findings: $(STAMP)
	$(call step,tapewatch check,$(BIN)/tapewatch check)

proofs: $(STAMP)
	$(call step,proofs and mutation test,$(BIN)/tapewatch test --mutate --strict)

servers: $(STAMP) ## build the real Prometheus, promtool, ... for tests (OLDEST=1, BEYOND=1: docs/servers.md)
	@$(BIN)/python scripts/build_servers.py $(if $(OLDEST),--oldest) $(if $(BEYOND),--beyond)

images: $(STAMP) ## pull the stack's images; where no registry answers, make stand-ins (IMAGES_ARGS=--pull replaces them)
	@$(BIN)/python scripts/build_images.py $(IMAGES_ARGS)

bench: $(STAMP) ## run the benchmarks
	$(BIN)/python benchmarks/run.py

lock: $(STAMP) ## write requirements.lock anew from pyproject.toml, with the newest versions
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --all-extras --generate-hashes --upgrade \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" --output-file requirements.lock

up: $(STAMP) ## bring the stack up in containers and wait until it is healthy
	$(BIN)/tapewatch up

hooks: $(STAMP) ## install the git hooks: ruff, and generated files kept up to date
	$(BIN)/pre-commit install

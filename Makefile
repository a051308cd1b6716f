# `make help` lists what there is. PYTHON, VENV, PORT, CALLS, QUICK, FULL, SEED and ARGS may be given: PORT=8123 make run, make test ARGS="-k risk".

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
CALLS ?= 20000
ARGS ?=

PREPARE = @$(PYTHON) scripts/prepare.py $(VENV)
BIN = $(VENV)/bin
# For tools that read the settings but must touch no data.
DRY = CMAST_EMBEDDED=true CMAST_DATABASE_URL=sqlite://:memory: $(BIN)
# uv does not read pip's configuration: it is told of the index, and takes the machine's own certificates.
COMPILE = UV_DEFAULT_INDEX="$${PIP_INDEX_URL:-$$($(CURDIR)/$(BIN)/pip config get global.index-url 2>/dev/null)}" \
  $(CURDIR)/$(BIN)/uv pip compile --system-certs --universal --python-version 3.11 --generate-hashes --quiet --no-header
LOCKS = base production dev

.DEFAULT_GOAL := help
.PHONY: help run test test-sqlite test-postgresql fuzz chaos bench growth check format lock openapi contract

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-24s%s\n", $$1, $$2 }'

# Exported rather than written before the command, so that make starts it without a shell between them.
run: export CMAST_EMBEDDED = true
run: ## Run the register on this machine, with the May 2024 edition and demo people
	$(PREPARE) requirements/base.txt --port $(PORT)
	@$(BIN)/python manage.py serve --port $(PORT) --stop-with-parent

test: ## Run the tests on SQLite and on PostgreSQL
	$(PREPARE) requirements/dev.txt
	@$(BIN)/python -m tests.run $(ARGS)

test-sqlite test-postgresql: test-%: ## Run the tests on one of them
	$(PREPARE) requirements/dev.txt
	@$(BIN)/python -m tests.run $* $(ARGS)

fuzz: ## Call the API with what its OpenAPI document allows and forbids, CALLS=20000 times on each database
	$(PREPARE) requirements/dev.txt
	@CMAST_FUZZ=$(CALLS) $(BIN)/python -m tests.run $(ARGS) tests/contract/test_fuzz.py -rP --durations=3

chaos: ## Send 1,000 reminders while everything breaks; FULL=1 sends 10,000, ARGS=sqlite or no-broker does without servers
	$(PREPARE) requirements/dev.txt
	@$(BIN)/python -m tests.chaos $(ARGS)

bench: ## Measure the API beside the least work that gives the same answers; QUICK=1 takes under three minutes
	$(PREPARE) requirements/dev.txt
	@$(BIN)/python -m benchmarks

growth: ## Measure it while the register grows to a million milestones, and plot docs/growth.svg
	$(PREPARE) requirements/dev.txt
	@$(BIN)/python -m benchmarks.growth

check: ## Lint, types, layers, migrations, OpenAPI document, contract, lock files
	$(PREPARE) requirements/dev.txt
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(DRY)/mypy
	$(DRY)/lint-imports
	$(DRY)/python manage.py makemigrations --check --dry-run
	@file=$$(mktemp) && trap "rm $$file" EXIT && $(DRY)/python manage.py spectacular --validate --fail-on-warn --file $$file \
	  && { diff docs/openapi.yml $$file || { echo "docs/openapi.yml is not up to date: run make openapi"; exit 1; } }
	$(BIN)/python scripts/contract.py
	@folder=$$(mktemp -d) && trap "rm -r $$folder" EXIT && cp -R requirements $$folder && cd $$folder \
	  && for name in $(LOCKS); do $(COMPILE) requirements/$$name.in -o requirements/$$name.txt || exit 1; done \
	  && diff -r $(CURDIR)/requirements requirements || { echo "A lock file is not up to date: run make lock"; exit 1; }

format: ## Format the code and fix what can be fixed
	$(PREPARE) requirements/dev.txt
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## Compile requirements/*.in; what is pinned stays, unless ARGS="--upgrade"
	$(PREPARE) requirements/dev.txt
	for name in $(LOCKS); do $(COMPILE) $(ARGS) requirements/$$name.in -o requirements/$$name.txt || exit 1; done

openapi: ## Write docs/openapi.yml
	$(PREPARE) requirements/dev.txt
	$(DRY)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yml

contract: ## Write docs/contract.txt, what a release promises; refuses what breaks the last one
	$(PREPARE) requirements/dev.txt
	$(BIN)/python scripts/contract.py --write

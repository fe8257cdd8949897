# Tributary. `make` lists what there is. Works with GNU make 3.81 and newer; everything is made under .tributary/ and target/.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

TOOLS := $(CURDIR)/.tributary
SAM := $(TOOLS)/venv-sam/bin
LAKE := $(TOOLS)/venv-lake/bin
STACK := python3 tests/local/stack.py
FUNCTIONS := $(notdir $(wildcard functions/*))

# Given, a port must be free; not given, a free one is taken if 4566 is not.
PORT_OPTION := $(if $(PORT),--port $(PORT))
# x86_64 or arm64; not given, the processor of this machine.
ARCHITECTURE_OPTION := $(if $(ARCHITECTURE),--$(subst x86_64,x86-64,$(ARCHITECTURE)))

export SAM_CLI_TELEMETRY := 0
export PARAMETERS

.PHONY: help
help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1	/' | awk -F '\t' '{printf "  make %-16s %s\n", $$1, $$2}'
	@echo
	@echo '  PORT=4567                 of the local AWS (up, demo, test)'
	@echo '  PARAMETERS="Name=value"   of the stack on the local AWS (up, demo, test)'
	@echo '  ARCHITECTURE=arm64        to build for another processor than this one (build)'

.PHONY: demo
demo: up ## the whole journey: files dropped, rows read back, a month's campaign report; leaves everything running
	@eval "$$($(STACK) env)"; $(LAKE)/python tests/local/demo.py

.PHONY: up
up: port cargo tools build ## start the local AWS and deploy the stack to it; prints the outputs
	@$(STACK) up $(PORT_OPTION)

.PHONY: down
down: python ## stop what `make up` and the tests started
	@$(STACK) down
	@tests/local/container.sh stop

.PHONY: report
report: tools ## the campaign report of the stack that runs, made and opened: FROM=2026-10-24 TO=2026-11-22
	@variables=$$($(STACK) env); eval "$$variables"; $(LAKE)/python tests/local/report.py $(FROM) $(TO)

.PHONY: replay
replay: tools ## through again: QUARANTINED=dataset|all, LANDED=prefix (ACTION=list|try|run) or HELD=dataset (ACTION=list|release|drop)
	@variables=$$($(STACK) env); eval "$$variables"; \
	if [ -n "$(QUARANTINED)" ]; then set -- quarantined "$(QUARANTINED)" "$(ACTION)" "$(FROM)" "$(TO)" "$(OBJECT)" "$(REASON)"; \
	elif [ -n "$(LANDED)" ]; then set -- landed "$(LANDED)" "$(ACTION)" "$(FROM)" "$(TO)" "$(DATASETS)"; \
	else set -- held "$(HELD)" "$(ACTION)" "$(FROM)" "$(TO)" "$(OBJECT)"; fi; \
	$(LAKE)/python tests/local/replay.py "$$@"

.PHONY: incidents
incidents: tools ## what is wrong with data: STATE=all DATASET= FROM= TO=; ACK=id, MUTE=id HOURS=8, UNMUTE=id or CLOSE=id, BY=name
	@variables=$$($(STACK) env); eval "$$variables"; \
	if [ -n "$(ACK)" ]; then set -- acknowledge "$(ACK)" "$(BY)"; \
	elif [ -n "$(MUTE)" ]; then set -- mute "$(MUTE)" "$(HOURS)" "$(BY)"; \
	elif [ -n "$(UNMUTE)" ]; then set -- unmute "$(UNMUTE)" "$(BY)"; \
	elif [ -n "$(CLOSE)" ]; then set -- close "$(CLOSE)" "$(BY)"; \
	else set -- list "$(STATE)" "$(DATASET)" "$(FROM)" "$(TO)"; fi; \
	$(LAKE)/python tests/local/incidents.py "$$@"

.PHONY: downtime
downtime: tools ## for how long data was bad, by domain, dataset and day: FROM=2026-10-24 TO=2026-11-22
	@variables=$$($(STACK) env); eval "$$variables"; $(LAKE)/python tests/local/incidents.py downtime "$(FROM)" "$(TO)"

.PHONY: env
env: python ## print what points a shell at the stack: eval "$(make -s env)"
	@$(STACK) env

.PHONY: invoke
invoke: tools ## run a function in a container: FUNCTION=announce EVENT=events/announce/run-committed.json
	@variables=$$($(STACK) env); eval "$$variables"; $(LAKE)/python tests/local/invoke.py $(FUNCTION) $(EVENT)

.PHONY: test
test: tools ## checks, unit, property and end-to-end tests
	@PORT=$(PORT) tests/local/test.sh

.PHONY: check
check: cargo tools ## formatting, lints, contracts and template
	@cargo fmt --all --check
	@cargo clippy --quiet --workspace --all-targets -- --deny warnings
	@$(LAKE)/python tests/python/validate_contracts.py
	@AWS_DEFAULT_REGION=us-east-1 $(SAM)/sam validate --lint --template template.yaml
	@$(SAM)/cfn-lint template.yaml
	@$(LAKE)/python -m unittest discover --quiet --start-directory tests/cost
	@$(LAKE)/python -m unittest discover --quiet --start-directory tests/bench
	@python3 tests/local/check_sizes.py
	@echo 'check: all good'

# The build refuses first what must not follow the versions that are recorded.
.PHONY: record-contracts
record-contracts: cargo ## record the contracts as they are now, once their versions were raised
	@UPDATE_RECORDS=1 cargo test --quiet --workspace --lib every_contract_is_recorded
	@git status --short -- shared/contracts 2>/dev/null || true

.PHONY: build
build: cargo tools ## build every function for Lambda
	@PATH="$(LAKE):$$PATH" cargo lambda build --release $(ARCHITECTURE_OPTION) $(addprefix --package ,$(FUNCTIONS))

# The CSV alone is on standard output; `make` itself and the build speak on standard error. The binary: target/release/backtest.
.PHONY: backtest
backtest: cargo ## judge every point of a CSV (series,timestamp,value) by those before it: FILE=series.csv|- SETTINGS=settings.json
	@[ -n "$(FILE)" ] || { echo 'make backtest FILE=series.csv (columns series, timestamp, value); FILE=- reads standard input' >&2; exit 2; }
	@cargo build --quiet --release --package detect --bin backtest >&2
	@"$${CARGO_TARGET_DIR:-target}/release/backtest" $(if $(SETTINGS),--settings "$(SETTINGS)") "$(FILE)"

.PHONY: bench-detectors
bench-detectors: cargo ## the detectors against those of others, on fleets made from seeds that nothing was tuned on
	@cargo build --quiet --release --package detect --bin bench-detectors >&2
	@"$${CARGO_TARGET_DIR:-target}/release/bench-detectors" $(ARGUMENTS)

# The summary alone is on standard output. The binary: target/release/dry-run.
.PHONY: dry-run
dry-run: cargo ## a local file through decode, govern and Parquet, without AWS: SOURCE=segment|google-ads|database FILE=… OUT=folder KEY=
	@[ -n "$(SOURCE)" ] && [ -n "$(FILE)" ] || { echo 'make dry-run SOURCE=segment|google-ads|database FILE=… [OUT=folder] [KEY=key in the landing bucket]' >&2; exit 2; }
	@cargo build --quiet --release --package dry-run >&2
	@binary="$${CARGO_TARGET_DIR:-target}/release/dry-run"; echo "$$binary --source $(SOURCE)$(if $(OUT), --out $(OUT))$(if $(KEY), --as $(KEY)) $(FILE)" >&2; \
	"$$binary" --source "$(SOURCE)" $(if $(OUT),--out "$(OUT)") $(if $(KEY),--as "$(KEY)") "$(FILE)"

.PHONY: bench
bench: cargo python ## the same job by Tributary, DuckDB, Polars, PyArrow and chDB, side by side: ARGUMENTS="--rounds 5 --inputs segment"
	@cargo build --quiet --release --package dry-run --package end-to-end --bin dry-run --bin generate >&2
	@python3 tests/local/tools.py bench
	@$(TOOLS)/venv-bench/bin/python tests/bench/bench.py $(ARGUMENTS)

.PHONY: count-instructions
count-instructions: cargo python ## where the work goes, counted by callgrind: ARGUMENTS="--inputs segment"
	@cargo build --quiet --release --package dry-run --package end-to-end --bin dry-run --bin generate --config 'profile.release.package.dry-run.strip="none"' >&2
	@python3 tests/local/tools.py bench
	@$(TOOLS)/venv-bench/bin/python tests/bench/instructions.py $(ARGUMENTS)

.PHONY: measure-functions
measure-functions: tools ## start, memory and size of every function, on the stack that runs: ARGUMENTS="--json FILE"
	@variables=$$($(STACK) env); eval "$$variables"; $(LAKE)/python tests/local/measure_functions.py $(ARGUMENTS)

.PHONY: cost
cost: tools ## what it costs: ARGUMENTS="--events-a-day 5e6 --path api --batch 20", nothing for the whole page
	@$(LAKE)/python tests/cost $(ARGUMENTS)

.PHONY: measure-costs
measure-costs: tools ## renew the numbers that costs are reckoned with, on the stack that `make demo` left: ARGUMENTS=--dry
	@variables=$$($(STACK) env); eval "$$variables"; $(LAKE)/python tests/cost/measure_stack.py $(ARGUMENTS)

.PHONY: tools
tools: python ## install the tools, pinned, under .tributary/
	@python3 tests/local/tools.py

.PHONY: clean
clean: ## remove everything that make made (tools, state, builds)
	@if [ -d .tributary ]; then $(MAKE) down; fi
	@rm -rf .tributary .aws-sam target
	@find tests -name __pycache__ -type d -prune -exec rm -rf {} +

# What would stop `up` at its end is said before the long steps begin.
.PHONY: port
port: python
	@$(STACK) port $(PORT_OPTION)

.PHONY: python
python:
	@command -v python3 >/dev/null || { echo 'python3 is not installed; 3.10 or newer is needed' >&2; exit 1; }

.PHONY: cargo
cargo:
	@command -v cargo >/dev/null || { echo 'cargo is not installed; get Rust from https://rustup.rs' >&2; exit 1; }

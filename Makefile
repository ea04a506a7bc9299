# The short commands. `make help` lists them.

CARGO ?= cargo
RACECHECK = $(CARGO) run --quiet --release -p racecheck-cli --bin racecheck --

.PHONY: help demo test instructions lint msrv oracle matrix published bench crates install

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /	/' | expand -t 12

demo: ## find a race in a program of testdata/, and none in its twin
	$(RACECHECK) run --edition 2024 testdata/std/condvar_race.rs; test $$? -eq 66
	$(RACECHECK) run --edition 2024 testdata/std/condvar_clean.rs

test: ## all tests
	$(CARGO) test --workspace
	$(CARGO) test -p racecheck --no-default-features --test off

instructions: ## the runtime's hottest entry points against their recorded costs (COUNTS=--record records them)
	$(CARGO) build -p racecheck-cli
	$(CARGO) run -p racecheck-bench -- $(or $(COUNTS),--instructions)

lint: ## formatting and clippy, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

msrv: ## the toolchain is the oldest one that is supported, or newer
	$(CARGO) metadata --no-deps --format-version 1 > /dev/null
	$(CARGO) check --workspace

oracle: ## a million generated programs against the brute-force model (minutes)
	RACECHECK_ORACLE_PROGRAMS=1000000 $(CARGO) test --release -p racecheck-engine --test oracle -- --nocapture

matrix: ## testdata at all opt-levels, with panic=abort and LTO, 50 runs each (hours)
	RACECHECK_MATRIX=full $(CARGO) test --release -p racecheck-cli --test testdata

crates: ## published crates' own tests and RustSec programs under racecheck (hours, needs the registry)
	$(CARGO) build --release -p racecheck-cli -p racecheck-suites
	target/release/racecheck-suites --json target/suites.json; suites=$$?; \
	target/release/racecheck-suites rustsec --json target/rustsec.json && exit $$suites

published: ## two published crates switched to the shim, with and without an edge (needs the registry)
	crates/sync/published/run.sh target/published

bench: ## time and memory beside native code and LLVM's runtime (BENCH="--debug", "--scaling", "sort json")
	$(CARGO) build --release -p racecheck-cli
	$(CARGO) run --release -p racecheck-bench -- $(BENCH)

install: ## racecheck and cargo-racecheck into cargo's bin folder
	$(CARGO) install --path cli --locked

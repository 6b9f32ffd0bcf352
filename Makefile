# What a developer and CI run. `make help` lists it.

CARGO ?= cargo
PYTHON ?= python3
SECONDS ?= 30

.PHONY: help test e2e lint bench demo fuzz

help: ## Show this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 8

test: ## Unit, property and integration tests; needs Rust and a C compiler only
	$(CARGO) test --locked --no-fail-fast

e2e: ## The real program with a real Prometheus and the vendor's own clients (Python, Node); fetches all
	$(CARGO) build --locked --release
	$(PYTHON) tests/e2e/run.py

lint: ## Formatting, clippy and documentation, warnings as errors
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

bench: ## The benchmarks, as ratios within one run
	$(CARGO) bench --locked

fuzz: ## Every fuzz target for SECONDS seconds (30); needs a C++ compiler, fetches cargo-fuzz
	SECONDS_EACH=$(SECONDS) scripts/fuzz.sh

demo: ## The whole pipeline on a simulated cloud, on 127.0.0.1:10112
	$(CARGO) run --locked --release -- demo

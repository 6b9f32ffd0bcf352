# What a developer and CI run. `make help` lists it.

CARGO ?= cargo
PYTHON ?= python3

.PHONY: help test e2e lint bench bench-reading soak demo

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
	$(CARGO) bench --locked --bench render --bench ingest

bench-reading: ## Requests and freshness of each way of reading; DAY=1 for the whole day, ROWS="v3 region 400"
	$(CARGO) bench --locked --bench reading -- $(if $(DAY),day) $(ROWS)

soak: ## All crash points, 200 stops and kills of the real program, a simulated day of 1,000 functions
	CRASH_POINTS=all $(CARGO) test --locked --test crash_points -- --nocapture
	$(CARGO) test --locked --test soak -- --nocapture --test-threads=1

demo: ## The whole pipeline on a simulated cloud, on 127.0.0.1:10112
	$(CARGO) run --locked --release -- demo

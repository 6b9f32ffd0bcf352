# What a developer and CI run. `make help` lists it.

CARGO ?= cargo
PYTHON ?= python3
SECONDS ?= 30

# Stories that `make sim` plays, and the seed of the first.
SEEDS ?= 200
START ?= 1

# Of the program that the end-to-end checks start.
PROFILE ?= release

.PHONY: help test sim sim-commit sim-mutants e2e lint bench bench-reading soak fuzz deny sbom reproducible demo \
	screenshots dashboards-screenshots hardening deb static package-check

help: ## Show this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 8

test: ## Unit, property and integration tests; needs Rust and a C compiler only
	$(CARGO) test --locked --workspace --no-fail-fast

sim: ## Deterministic simulation: SEEDS=200 stories from START=1 on; docs/SIMULATION.md
	SIM_SEEDS=$(SEEDS) SIM_START=$(START) $(CARGO) test --quiet --locked --test story stories_end_exact -- --nocapture

sim-commit: ## 200 stories chosen by the present commit
	$(MAKE) sim SEEDS=200 START=$$(printf '%d' 0x$$(git rev-parse --short=8 HEAD))

sim-mutants: ## Plants fourteen faults, one after the other, and plays stories until each is found
	$(PYTHON) scripts/sim-mutants.py

e2e: ## The real program with a real Prometheus and the vendor's own clients (Python, Node); fetches all
	$(CARGO) build --locked --profile $(PROFILE)
	SCF_E2E_BINARY="$(CURDIR)/target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/scf-exporter" \
		$(PYTHON) tests/e2e/run.py

lint: ## Formatting, clippy and documentation, warnings as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

bench: ## What a row and a scrape cost beside other libraries, as ratios within one run; fetches peers (pip, go)
	$(CARGO) bench --locked --bench ingest --bench scrape

bench-reading: ## Requests and freshness of each way of reading; ROWS="v3 function 400" for some rows
	$(CARGO) bench --locked --bench reading -- $(ROWS)

soak: ## All crash points, 200 stops and kills of the real program, a simulated day of 1,000 functions
	CRASH_POINTS=all $(CARGO) test --locked --test crash_points -- --nocapture
	$(CARGO) test --locked --test soak -- --nocapture --test-threads=1

fuzz: ## Every fuzz target for SECONDS seconds (30); needs a C++ compiler, fetches cargo-fuzz
	SECONDS_EACH=$(SECONDS) scripts/fuzz.sh

deny: ## Licences, sources, bans and known vulnerabilities of all dependencies; builds cargo-deny
	scripts/deny.sh

sbom: ## All that a build is made of, as CycloneDX, into target/; builds cargo-cyclonedx
	scripts/sbom.sh

reproducible: ## Builds the commit twice, in two places, and compares the programs
	scripts/reproducible.sh

hardening: ## Attacks from outside, row by row, against the real program; the table of docs/SECURITY.md
	$(CARGO) build --locked --release
	$(PYTHON) tests/hardening/run.py

deb: ## The Debian package, into target/debian/; builds cargo-deb
	$(CARGO) build --locked --release
	scripts/deb.sh

static: ## A static program, as in the image, started in an empty root; fetches musl's headers
	scripts/static.sh

.PHONY: chart
chart: ## The chart, packed into target/dist/; its README and the manifests of deploy/kubernetes anew; fetches Helm
	scripts/chart-readme.sh
	scripts/manifests.sh
	"$$(scripts/get-helm.sh)" package deploy/helm/scf-exporter --destination target/dist

package-check: deb ## Chart, unit, manual pages, completions, and the Debian package, installed and purged
	$(PYTHON) tests/e2e/run.py chart: manifests: pages: completions: unit: image: release: deb:

demo: ## The whole pipeline on a simulated cloud, on 127.0.0.1:10112
	$(CARGO) run --locked --release -- demo

screenshots: ## The pictures of the status page in docs/images; fetches Chromium
	$(CARGO) build --locked --release
	$(PYTHON) scripts/screenshots.py

dashboards-screenshots: ## The pictures of the dashboards in docs/images, after five minutes of traffic; fetches Prometheus, Grafana's components (npm) and Chromium
	$(CARGO) build --locked --release
	$(PYTHON) scripts/dashboards-screenshots.py

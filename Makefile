# `make demo` shows the main job on this machine alone; `make test` runs every check. Both fetch Go if it is missing.

export CARGO_TERM_COLOR ?= auto
GO = $(shell tests/tools/go.sh)
ISOLATED = tests/tools/isolated.sh
PROGRAMS = target/programs

.PHONY: help demo test lint unit interop go bench install clean

help: ## What can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: need ## Show the main job on a tailnet that exists on this machine only; KEEP=1 leaves it running
	ROAM_MCP_GO=$(GO) cargo build --locked
	$(MAKE) programs
	$(if $(KEEP),,$(ISOLATED)) $(PROGRAMS)/demo -tailnet $(PROGRAMS)/tailnet -roam-mcp target/debug/roam-mcp \
		-graph docs/garden.json $(if $(KEEP),-keep)

test: need lint interop unit go ## Every check: format, lints, docs, unit and integration tests, other people's clients, both Go modules

lint:
	cargo fmt --check
	ROAM_MCP_GO=$(GO) cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings
	ROAM_MCP_GO=$(GO) RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

unit: programs
	cargo test --locked --no-default-features
	ROAM_MCP_GO=$(GO) cargo test --locked --no-run
	ROAM_MCP_GO=$(GO) ROAM_MCP_TEST_TAILNET=$(CURDIR)/$(PROGRAMS)/tailnet $(ISOLATED) cargo test --locked --offline

interop: ## A client that nobody here wrote, over stdio
	ROAM_MCP_GO=$(GO) cargo build --locked
	node=$$(tests/tools/node.sh) && export PATH="$$node:$$PATH" ROAM_MCP=$(CURDIR)/target/debug/roam-mcp && \
		cd tests/interop && npm ci --no-audit --no-fund && $(CURDIR)/$(ISOLATED) npm test

go:
	@for module in vendor/libtailscale tests/tailnet; do \
		tags=$$(cat $$module/tags); echo "$$module: gofmt, vet, test"; \
		(cd $$module && test -z "$$($$($(GO) env GOROOT)/bin/gofmt -l .)" && $(GO) vet -tags=$$tags ./... && \
			$(CURDIR)/$(ISOLATED) $(GO) test -trimpath -tags=$$tags ./...) || exit 1; \
	done

bench: need ## Measure the graph, and the node against a plain Go server (minutes; wants a quiet machine)
	ROAM_MCP_GO=$(GO) cargo build --locked --release --bin roam-mcp --example bench_graph --example bench_access \
		--example bench_stdio --example bench_node
	target/release/examples/bench_graph 1000000 50000 - docs/PERFORMANCE.md
	target/release/examples/bench_access docs/PERFORMANCE.md
	target/release/examples/bench_stdio --program target/release/roam-mcp --write docs/PERFORMANCE.md
	$(MAKE) programs
	$(ISOLATED) $(PROGRAMS)/bench -tailnet $(PROGRAMS)/tailnet -baseline $(PROGRAMS)/baseline \
		-roam-mcp target/release/roam-mcp -bench-node target/release/examples/bench_node \
		-graph docs/garden.json -write docs/PERFORMANCE.md

install: need ## Install roam-mcp for this user
	ROAM_MCP_GO=$(GO) cargo install --locked --path .

.PHONY: programs need
programs:
	@mkdir -p $(PROGRAMS)
	cd tests/tailnet && $(GO) build -o $(CURDIR)/$(PROGRAMS)/tailnet . && \
		$(GO) build -o $(CURDIR)/$(PROGRAMS)/ ./baseline ./bench ./demo

need:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing: install gcc or clang (Debian: apt install build-essential)"; exit 1; }
	@tests/tools/go.sh >/dev/null

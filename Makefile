# SPDX-License-Identifier: GPL-2.0-only

.PHONY: help run check-fast check check-all mutants bench packages mail series-apply series-export
help: ## say what can be made and selected
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '%s\n' '' \
		'  ARMS="stock patched"   the kernels under test; also first-N, with N patches' \
		'                         of the series, and mutant-NAME of tests/mutants; upstream,' \
		'                         Linux 7.3, and upstream-fixed, with its series; each also' \
		'                         as ARM+NAME, with guests/configs/NAME.config' \
		'  SCENARIOS=""           folders of guests/, default all' \
		'  ACCEL=auto             kvm, tcg, icount, or auto: kvm where it can run Xen, else tcg' \
		'  JOBS=$(shell nproc)                 compilers at once, default one a processor' \
		'  XEN=stock              the hypervisor: stock, of Debian 13; stock-4.17, of Debian 12;' \
		'                         patched, 4.17 with xen-patches; patched-off, without the counters' \
		'  PARTS=everything       what check-all runs: some of the parts that tests/check lists' \
		'  TORTURE=60             for how many seconds each guest of SCENARIOS=torture works' \
		'  BASE=linux-6.12        what the patches are for: linux-6.12, linux-7.3 or xen-4.17' \
		'  REFRESH=0              1 looks for newer packages on the mirror'

run: ## build both arms, boot Xen and the guests, print the table
	@scripts/run

check-fast: ## test what needs no boot: scripts, patches, their round trip
	@tests/check fast

check: ## and the fuzzers, the mutants and the scenarios
	@tests/check all

check-all: ## and what takes hours: patch by patch, other machines, memory pressure, torture
	@tests/check $(or $(PARTS),everything)

mutants: ## break the Xen code on purpose, and see the scenarios fail
	@tests/mutants/run

packages: ## try the series on the kernels that Debian has now
	@tests/packages

bench: ## count what workloads cost each arm: instructions, entries into the hypervisor
	@scripts/bench

series-apply: ## make the git tree build/BASE, one commit a patch
	@scripts/series apply $(BASE)

series-export: ## write its commits back to the patches
	@scripts/series export $(BASE)

mail: ## write the numbered patches and their cover letter to build/mail
	@rm -rf build/mail
	@scripts/series mail $(BASE) build/mail

BASE ?= linux-6.12

export ARMS SCENARIOS ACCEL JOBS XEN REFRESH TORTURE

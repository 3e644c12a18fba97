# SPDX-License-Identifier: GPL-2.0-only

.PHONY: help list new run bench figures check-fast check check-all lint mutants native-loops packages mail export series-apply series-export

help: ## say what can be made and selected
	@awk -F ':.*## ' '/^## / { print substr($$0, 4) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '%s\n' 'What a run takes (make run ARMS="stock patched" SCENARIOS=boot):' \
		'  BASE=7.3               run Linux 7.3, as it comes and with its series, instead of 6.12' \
		'  ARMS="stock patched"   the kernels under test. Also upstream, Linux 7.3 as it comes,' \
		'                         and upstream-fixed, upstream-fast and patched-7.3, with sets' \
		'                         of its series; first-N, with N patches of the series;' \
		'                         mutant-NAME of tests/mutants. ARM+NAME is the arm with' \
		'                         kernel/options/NAME.config' \
		'  SCENARIOS=…            names or groups of "make list"; or default, those in no group,' \
		'                         which a run takes without SCENARIOS=' \
		'  KERNEL=PATH            your own kernel as the arm "tree": a source tree, or a bzImage.' \
		'                         With an empty ARMS= it is the only arm, and a source tree' \
		'                         runs as dom0, too' \
		'  XEN=stock              the hypervisor: stock, of Debian 13; stock-4.17, of Debian 12;' \
		'                         patched, 4.17 with xen-patches; patched-off, without the' \
		'                         counters; patched-debug, with its own checks; patched-shadow,' \
		'                         for live migration; first-N, with N patches; mutant-NAME of' \
		'                         tests/mutants/xen; or the path of your own, a source tree or' \
		'                         a binary' \
		'  ACCEL=auto             kvm, tcg, icount, or auto: kvm where it can run Xen, else tcg' \
		'  TORTURE=60             for how many seconds each guest of SCENARIOS=torture works' \
		'  TRINITY=60             for how many seconds the guest of SCENARIOS=trinity works' \
		'What else there is to set:' \
		'  JOBS=$(shell nproc)                 compilers at once, default one a processor' \
		'  PARTS=everything       what check-all runs: some of the parts that tests/check lists' \
		'  BASE=linux-6.12        what the patches are for: linux-6.12, linux-7.3 or xen-4.17' \
		'  TO=…                   for whose package make export writes: qubes, debian or xcp-ng' \
		'  REFRESH=0              1 looks for newer packages on the mirror'

## Scenarios:
run: ## build what is missing, boot Xen, dom0 and the guests, print the table
	@scripts/run

list: ## list the scenarios
	@scripts/scenarios list

new: ## make the scenario NAME=, which builds and passes
	@scripts/scenarios new $(NAME)

figures: ## write the figures of RUN= into README, docs and the cover letter
	@scripts/figures write $(RUN)

bench: ## count what workloads cost each arm; with XEN="first-0 first-5 …", each hypervisor
	@$(if $(XEN),scripts/bench-xen $(XEN),scripts/bench)

## Tests:
check-fast: ## test what needs no boot: scripts, patches, xenbatch
	@tests/check fast

check: ## check-fast, and the fuzzers, most mutants and the scenarios
	@tests/check all

check-all: ## check, and what takes hours: each patch, other machines, memory, torture
	@tests/check $(or $(PARTS),everything)

lint: ## say what .clang-format would change in the C that has changed since SINCE=
	@scripts/lint-changes $(SINCE)

mutants: ## break the Xen code on purpose, and see the scenarios fail
	@tests/mutants/run

native-loops: ## time ways to change page table entries on this processor, without a kernel
	@tests/native-loops/run

packages: ## try the series on the kernels that Debian has now
	@tests/packages

## Patches:
series-apply: ## make the git tree build/BASE, one commit a patch
	@scripts/series apply $(BASE)

series-export: ## write its commits back to the patches
	@scripts/series export $(BASE)

mail: ## write the numbered patches and their cover letter to build/mail
	@rm -rf build/mail
	@scripts/series mail $(BASE) build/mail

export: ## write what the package of TO= takes, qubes, debian or xcp-ng, to build/export
	@scripts/export "$(TO)" $(BASE)

BASE ?= linux-6.12
SINCE ?= HEAD

# Export only variables that are set: for scripts/run, an empty ARMS= differs from none.
$(foreach name,BASE ARMS SCENARIOS KERNEL XEN ACCEL JOBS REFRESH TORTURE TRINITY SEED, \
	$(if $(filter-out undefined,$(origin $(name))),$(eval export $(name))))

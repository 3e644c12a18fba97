# SPDX-License-Identifier: GPL-2.0-only

.PHONY: help list new run dom0-shell deb bench figures check-fast check check-all lint mutants native-loops packages mail export series-apply series-export

help: ## say what can be made and selected
	@awk -F ':.*## ' '/^## / { print substr($$0, 4) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '%s\n' 'What a run takes (make run ARMS="upstream patched-7.3" SCENARIOS=boot):' \
		'  BASE=6.12              run Linux 6.12, as it comes and with its series, instead of 7.3' \
		'  ARMS="upstream stock"  the kernels under test:' \
		'                           upstream, stock: Linux 7.3, and 6.12, as they come;' \
		'                           patched-7.3, patched: with the series;' \
		'                           upstream-fixed, upstream-fast: 7.3 with sets of its series;' \
		'                           first-N: 6.12 with N patches; set-NAME, set-7.3-NAME: 6.12,' \
		'                           or 7.3, with the sets up to NAME;' \
		'                           mutant-7.3-NAME, mutant-NAME: broken by tests/mutants.' \
		'                         ARM+NAME is the arm with kernel/options/NAME.config' \
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
		'  TORTURE=60             for how many seconds each of SCENARIOS=torture works' \
		'  TRINITY=60             for how many seconds the guest of SCENARIOS=trinity works' \
		'  DOM0=stock             the kernel of dom0, an arm; or debian: dom0 is a whole Debian' \
		'                         with systemd; or both: DOM0="stock debian"' \
		'  SEED=N                 repeats what l1-permissions or random-ops did, which print seeds' \
		'  TRACES=no              leaves out the guests that make bench traces' \
		'  VCPUS=4                how many vCPUs each guest has, if not what its scenario says. With' \
		'                         fewer than that, most scenarios fail' \
		'  CMDLINE=preempt=lazy   what the command line of each guest has, too' \
		'What else there is to set:' \
		'  JOBS=$(shell nproc)                 compilers at once, default one a processor' \
		'  PARTS=everything       what check-all runs: some of the parts that tests/check lists' \
		'  BASE=linux-7.3         what the patches are for: linux-7.3, linux-6.12 or xen-4.17. For' \
		'                         make mutants, packages and check-all: 6.12, the default, or 7.3;' \
		'                         the part boots is for 6.12 alone' \
		'  MATRIX=subset          which lines of tests/matrix.table the part matrix runs, or full' \
		'  TO=…                   for whose package make export writes: qubes, debian or xcp-ng' \
		'  REFRESH=0              1 looks for newer packages on the mirror'

## Scenarios:
run: ## build what is missing, boot Xen, dom0 and the guests, print the table
	@scripts/run

dom0-shell: ## boot a Debian as dom0, to type at: its console is here, its ssh on SSH_PORT=2222
	@scripts/run shell

deb: ## make Debian packages of the kernel of BASE= in build/deb; CONFIG=ours, amd64 or cloud-amd64
	@folder=$$(scripts/build-deb) && rm -rf build/deb && cp -r "$$folder" build/deb && ls build/deb

list: ## list the scenarios
	@scripts/scenarios list

new: ## make the scenario NAME=, which builds and passes
	@scripts/scenarios new $(NAME)

figures: ## write the figures of RUN= into README, docs and the cover letters
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
	@scripts/series apply $(PATCHES)

series-export: ## write its commits back to the patches
	@scripts/series export $(PATCHES)

mail: ## write the numbered patches and their cover letters to build/mail
	@rm -rf build/mail
	@scripts/series mail $(PATCHES) build/mail

export: ## write what the package of TO= takes, qubes, debian or xcp-ng, to build/export
	@scripts/export "$(TO)" $(PATCHES)
PATCHES = $(or $(BASE),linux-7.3)
SINCE ?= HEAD

# SPDX-License-Identifier: GPL-2.0-only

.PHONY: help list new run dom0-shell deb bench bench-dom0 figures check-fast check check-all lint mutants native-loops packages mail export series-apply series-export

help: ## list the targets and the variables
	@awk -F ':.*## ' '/^## / { print substr($$0, 4) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '%s\n' 'Variables of a run (make run ARMS="upstream patched-7.3" SCENARIOS=boot):' \
		'  BASE=6.12              run Linux 6.12, as it comes and with its series, instead of 7.3' \
		'  ARMS="upstream stock"  the kernels under test:' \
		'                           upstream, stock: Linux 7.3, and 6.12, as they come;' \
		'                           patched-7.3, patched: with the series;' \
		'                           upstream-fixed, upstream-fast: 7.3 with sets of its series;' \
		'                           first-N, first-7.3-N: 6.12, or 7.3, with the first N patches;' \
		'                           set-NAME, set-7.3-NAME: with the sets up to NAME;' \
		'                           mutant-7.3-NAME, mutant-NAME: broken by tests/mutants.' \
		'                         ARM+NAME is the arm with kernel/options/NAME.config' \
		'  SCENARIOS=…            names or groups of "make list"; or default: all in no group,' \
		'                         which is what a run without SCENARIOS= runs' \
		'  KERNEL=PATH            your own kernel as the arm "tree": a source tree, or a bzImage.' \
		'                         With an empty ARMS= it is the only arm, and a source tree' \
		'                         runs as dom0, too' \
		'  XEN=patched            the hypervisor: stock, of Debian 13, by default; stock-4.17, of Debian 12;' \
		'                         patched, 4.17 with xen-patches; patched-off, without the' \
		'                         counters; patched-debug, with its own checks; patched-shadow,' \
		'                         for live migration; first-N, with N patches; mutant-NAME of' \
		'                         tests/mutants/xen; or the path of your own, a source tree or' \
		'                         a binary' \
		'  ACCEL=tcg              kvm, tcg, icount, or by default auto: kvm where it can run Xen, else tcg' \
		'  TORTURE=600            seconds that each scenario of SCENARIOS=torture works, by default 60' \
		'  TRINITY=600            seconds that the guest of SCENARIOS=trinity works, by default 60' \
		'  DOM0=debian            dom0 is a whole Debian with systemd; or an arm, whose kernel dom0' \
		'                         runs, by default that with the whole series; or both:' \
		'                         DOM0="stock debian"' \
		'  SEED=N                 seed of l1-permissions and random-ops, which print theirs' \
		'  TRACES=no              leave out the traced guests of the group bench' \
		'  PVSHIM=yes             each guest runs in a PVH container, on the hypervisor xen-shim' \
		'  VCPUS=4                vCPUs of each guest, instead of the number in its scenario. With' \
		'                         fewer vCPUs than its scenario says, most scenarios fail' \
		'  CMDLINE=preempt=lazy   added to the kernel command line of each guest' \
		'Other variables:' \
		'  JOBS=$(shell nproc)                 parallel compilers; default: one for each processor' \
		'  PARTS="rt key"         what check-all runs: some of the parts that tests/check lists, by' \
		'                         default everything' \
		'  BASE=7.3               what the patches are for: 7.3, 6.12 or xen-4.17. For make mutants,' \
		'                         packages and check-all: 6.12, the default, or 7.3' \
		'  MATRIX=full            the part matrix runs all lines of tests/matrix.table, by default a subset' \
		'  TO=…                   the package that make export writes for: qubes, debian, xcp-ng' \
		'  REFRESH=1              look for newer packages on the mirror'

## Scenarios:
run: ## build what is missing, boot Xen, dom0 and the guests, print the table
	@scripts/run

dom0-shell: ## boot a Debian as dom0, with its console in this terminal and ssh on SSH_PORT=2222
	@scripts/run shell

deb: ## make Debian packages of the kernel of BASE= in build/deb; CONFIG=ours, amd64 or cloud-amd64
	@folder=$$(scripts/build-deb) && rm -rf build/deb && cp -r "$$folder" build/deb && ls build/deb

list: ## list the scenarios
	@scripts/scenarios list

new: ## create the scenario NAME=, a template that builds and passes
	@scripts/scenarios new $(NAME)

figures: ## write the figures of RUN= into README, docs and the cover letters
	@scripts/figures write $(RUN)

bench: ## count what workloads cost each arm; with XEN="first-0 first-5 …", each hypervisor
	@$(if $(XEN),scripts/bench-xen $(XEN),scripts/bench)

bench-dom0: ## count what dom0 pays to map memory, and to create, save and restore guests
	@scripts/bench-dom0

## Tests:
check-fast: ## test what needs no boot: scripts, patches, xenbatch
	@tests/check fast

check: ## check-fast, and the fuzzers, most mutants and the scenarios
	@tests/check all

check-all: ## check, and what takes hours: each patch, other machines, memory, torture
	@tests/check $(or $(PARTS),everything)

lint: ## say what .clang-format would change in the C that has changed since SINCE=
	@scripts/lint-changes $(SINCE)

mutants: ## boot kernels that are broken on purpose, and check that scenarios fail
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

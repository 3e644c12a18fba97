# SPDX-License-Identifier: GPL-2.0-only
#
# For the Makefile of a scenario that is a kernel for type = "pv". It sets kernel, the name of
# the kernel and of its C file, and includes this file. "make O=FOLDER" builds FOLDER/$(kernel)
# of $(kernel).c and the scenario's entry.S, which includes pv_kernel.S. Needs gcc, and Xen's
# public headers from libxen-dev.

O ?= ../../build

# Where the domain builder maps the guest's memory, from its page frame 0 on.
VIRT_BASE := 0xffffffff80000000

# The newest interface that libxen-dev of Debian 12 and 13 both have.
CPPFLAGS := -I../include -DVIRT_BASE=$(VIRT_BASE) -D__XEN_INTERFACE_VERSION__=0x00040e00
# The kernel uses no FPU. A trap's frame goes onto the stack in use, so there must be no
# red zone. There is no library with memset, so no loop may become a call of it.
CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Wno-missing-field-initializers -Werror \
	-ffreestanding -fno-pic -mcmodel=kernel -mgeneral-regs-only -mno-red-zone \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	-fno-tree-loop-distribute-patterns
LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-Ttext-segment=$(VIRT_BASE)

$(O)/$(kernel): $(kernel).c entry.S Makefile ../include/pv_kernel.h ../include/pv_kernel.S ../include/pv_kernel.mk
	@mkdir -p $(O)
	gcc $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(kernel).c entry.S

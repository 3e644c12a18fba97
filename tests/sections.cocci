// SPDX-License-Identifier: GPL-2.0-only
/// For tests/sections: marks each entry into a lazy MMU section with the function that
/// enters, and each walk of a page table in a section with the callback that it calls.
// Options: --no-includes

@@
identifier fn;
expression mm, addr, end, ptep;
@@
 fn(...)
 {
 <...
(
-arch_enter_lazy_mmu_mode()
+section_of(fn)
|
-lazy_mmu_mode_enable()
+section_of(fn)
|
-lazy_mmu_mode_enable_with_ptes(mm, addr, end, ptep)
+section_of(fn)
)
 ...>
 }

@@
expression mm, addr, size, data;
identifier fn;
@@
(
-apply_to_page_range(mm, addr, size, fn, data)
+section_of(fn)
|
-apply_to_existing_page_range(mm, addr, size, fn, data)
+section_of(fn)
)

// SPDX-License-Identifier: GPL-2.0-only
/// Keeps the state of lazy MMU sections in a local variable.
///
/// A function that enters lazy MMU mode gets the variable, as the last of its
/// declarations; each of its enter()s sets it, and each of its leave()s takes it.
/// They are called lazy_mmu_mode_enable() and lazy_mmu_mode_disable() since Linux 7.0.
/// It converts the callers for the interface patch, and those of another kernel
/// that the series is carried to:
///
///     spatch --sp-file lazy_mmu_state.cocci --in-place --very-quiet --no-show-diff FILE...
///
/// An architecture's own functions, and whoever leaves a section that it did not
/// enter, are for people to convert: without a section's enter() nothing is touched.
// Options: --no-includes

@enters@
identifier fn;
identifier enter = {arch_enter_lazy_mmu_mode, lazy_mmu_mode_enable};
@@
 fn(...)
 {
 <+...
-enter();
+lazy_mmu_state = enter();
 ...+>
 }

@leaves@
identifier enters.fn;
identifier leave = {arch_leave_lazy_mmu_mode, lazy_mmu_mode_disable};
@@
 fn(...)
 {
 <+...
-leave();
+leave(lazy_mmu_state);
 ...+>
 }

// A block inside of the function may begin with declarations, too. Macros that
// declare have to be known, to be told from calls.
@inner exists@
declarer name LIST_HEAD, DEFINE_MAX_SEQ, XA_STATE;
identifier enters.fn;
declaration D;
statement S;
position p;
@@
 fn(...)
 {
 ... when any
 {
 ... when any
 D@p
 S
 ... when any
 }
 ... when any
 }

@declares exists@
declarer name LIST_HEAD, DEFINE_MAX_SEQ, XA_STATE;
identifier enters.fn;
declaration D;
statement S;
position p != inner.p;
@@
 fn(...)
 {
 ... when any
 D@p
+lazy_mmu_state_t lazy_mmu_state;
 S
 ... when any
 }

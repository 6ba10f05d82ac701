/* base/atomic.h - C11 atomics with the order in the name.
 *
 * The name at the call shows what is ordered, a lint asks which rule of the
 * file it serves, and a debug build may give up the CPU at every ordered
 * access (yield points), which makes rare interleavings common.
 *
 *   _rlx     no order             _acq  pairs with _rel of the other side
 *   _acqrel  both                 _seq  part of one total order (store-load)
 *
 * A plain access to a shared field means "protected otherwise", and the field
 * says by what.
 */
#ifndef WEFT_BASE_ATOMIC_H
#define WEFT_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>

#if WEFT_DEBUG_LEVEL >= 2
void weft__chaos_point(void);
#define WEFT_CHAOS_POINT() weft__chaos_point()
#else
#define WEFT_CHAOS_POINT() ((void)0)
#endif

#define load_rlx(p)      atomic_load_explicit((p), memory_order_relaxed)
#define store_rlx(p, v)  atomic_store_explicit((p), (v), memory_order_relaxed)
#define add_rlx(p, v)    atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define sub_rlx(p, v)    atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define or_rlx(p, v)     atomic_fetch_or_explicit((p), (v), memory_order_relaxed)

#define load_acq(p) \
	(WEFT_CHAOS_POINT(), atomic_load_explicit((p), memory_order_acquire))
#define load_seq(p) \
	(WEFT_CHAOS_POINT(), atomic_load_explicit((p), memory_order_seq_cst))
#define store_rel(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_store_explicit((p), (v), memory_order_release))

/* An exchange, which is what compilers make of it on one CPU anyway.  On another
 * they use a store and rely on the next load_seq, which qemu (7.2 at least) lets
 * pass; the store of an exchange it does not. */
#define store_seq(p, v) \
	(WEFT_CHAOS_POINT(), \
	 (void)atomic_exchange_explicit((p), (v), memory_order_seq_cst))
#define xchg_acq(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_exchange_explicit((p), (v), memory_order_acquire))
#define xchg_rel(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_exchange_explicit((p), (v), memory_order_release))
#define xchg_acqrel(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_exchange_explicit((p), (v), memory_order_acq_rel))
#define xchg_seq(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_exchange_explicit((p), (v), memory_order_seq_cst))
#define add_acqrel(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_fetch_add_explicit((p), (v), memory_order_acq_rel))
#define add_seq(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_fetch_add_explicit((p), (v), memory_order_seq_cst))
#define or_seq(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_fetch_or_explicit((p), (v), memory_order_seq_cst))
#define and_seq(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_fetch_and_explicit((p), (v), memory_order_seq_cst))
#define sub_acqrel(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel))
#define sub_seq(p, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_fetch_sub_explicit((p), (v), memory_order_seq_cst))

/* *e is the expected value; on failure it holds what was found (relaxed). */
#define cas_rlx(p, e, v) \
	atomic_compare_exchange_strong_explicit((p), (e), (v), \
		memory_order_relaxed, memory_order_relaxed)
#define cas_acq(p, e, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_compare_exchange_strong_explicit((p), (e), (v), \
		memory_order_acquire, memory_order_relaxed))
#define cas_rel(p, e, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_compare_exchange_strong_explicit((p), (e), (v), \
		memory_order_release, memory_order_relaxed))
#define cas_acqrel(p, e, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_compare_exchange_strong_explicit((p), (e), (v), \
		memory_order_acq_rel, memory_order_relaxed))
#define cas_seq(p, e, v) \
	(WEFT_CHAOS_POINT(), \
	 atomic_compare_exchange_strong_explicit((p), (e), (v), \
		memory_order_seq_cst, memory_order_relaxed))

#endif

/* sync/tokens.h - readers that leave a mark near their worker.
 *
 * A lock with many readers has a ticket, a number never used before, and each
 * reader writes it into a slot of its worker's own row, where no other worker
 * writes.  After "BRAVO - Biased Locking for Reader-Writer Locks" (Dice, Kogan
 * 2019), but tokens are anonymous: a ticket in any slot stands for some reader,
 * so a reader may move to another worker.
 *
 * A token of a reader that was discarded stays: its ticket goes with the lock,
 * so it only keeps others out of the slot.
 *
 * Ordering
 *   K1  slot: CAS-seq by the reader before it looks at the lock (seq) for its
 *       ticket / load-seq by who gathers, after it took the ticket away from
 *       the lock (CAS-seq).  A reader whose slot was found empty sees that its
 *       ticket is gone.
 *   K2  slot: CAS-release by the reader that leaves / load-seq, which acquires,
 *       by who gathers.  It sees what the reader did.
 */
#ifndef WEFT_SYNC_TOKENS_H
#define WEFT_SYNC_TOKENS_H

#include "base/base.h"
#include "base/atomic.h"

struct worker;

enum { TOKEN_ROWS = 64, TOKEN_SLOTS = 16, TOKEN_PROBES = 4 };

typedef _Atomic uint32_t token_slot;

/* One line each; workers choose it by their address, threads all the same. */
struct token_row {
	CACHE_ALIGNED token_slot slot[TOKEN_SLOTS];
};
extern struct token_row weft__token_rows[TOKEN_ROWS];

/* A new ticket; 0 once in 2^32: none. */
uint32_t weft__ticket_number(void);

/* Take every token of a ticket, which no lock has any more; how many. */
uint64_t weft__tokens_gather(uint32_t ticket);

static ALWAYS_INLINE token_slot *token_slot_of(const struct worker *w,
					       uint32_t ticket, unsigned probe)
{
	uint64_t h = (uint64_t)(uintptr_t)w * UINT64_C(0x9e3779b97f4a7c15);

	return &weft__token_rows[h >> 58].slot[(ticket + probe) % TOKEN_SLOTS];
}
_Static_assert(TOKEN_ROWS == 1 << (64 - 58), "the hash has as many values");

/* False: the slot is another's. */
static ALWAYS_INLINE bool token_leave(token_slot *slot, uint32_t ticket)
{
	uint32_t old = 0;

	return !load_rlx(slot) && cas_seq(slot, &old, ticket);      /* K1 */
}

/* False: no such token is there. */
static ALWAYS_INLINE bool token_fetch(token_slot *slot, uint32_t ticket)
{
	uint32_t old = ticket;

	return load_rlx(slot) == ticket && cas_rel(slot, &old, 0);  /* K2 */
}

#endif

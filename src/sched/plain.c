/* sched/plain.c - which plain threads may act on what routines wait for.
 *
 * weft_run says "deadlock" only when nobody outside can wake a routine.  A plain
 * thread is known once it has used anything of weft's: it may hold a lock, owe a
 * value, or do the same again.  It is known before the first effect of its first
 * call (weft__known in park.h), so that a routine that sees the effect, and waits
 * for more, is not taken for stuck; and it stays so until the thread ends.  Who
 * starts a runtime, or a run, is known, too: others may run when that is over.
 *
 * Invariants
 *   K1  alive counts the known threads, but for weft's own: those act for
 *       somebody else, who is counted as long as they are under way.
 *   K2  weft__plain_threads is set during a run if a plain thread has used
 *       anything since its begin, or had before and was alive then.  The caller
 *       of weft_run waits for its end, and does not count.  Another run's begin
 *       may take it back for a moment, so the verdict asks alive, too.
 *
 * Ordering
 *   K3  alive: RMW seq, then store-seq of plain_threads by a thread that becomes
 *       known / store-seq of plain_threads, then load-seq of alive by weft_run.
 *       If it missed the thread, the thread's store comes after its own.
 */
#include "base/base.h"
#include "base/atomic.h"
#include "sched/park.h"

#include <limits.h>
#include <pthread.h>

_Atomic uint32_t weft__plain_threads, weft__plain_timed;

/* Calls of thread_ended; one that is known in another's may have as many. */
enum { ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS / 2 };

static _Atomic uint32_t alive;                                  /* K1 */
static pthread_key_t last_words;
static _Atomic bool have_key;

/* The calling thread. */
static _Thread_local enum { UNKNOWN, COUNTED, OURS } standing;

/* Destructors of other keys may act, and ours was made before: it comes again
 * after them. */
static void thread_ended(void *arg)
{
	uintptr_t round = (uintptr_t)arg;

	if (round < ROUNDS && load_rlx(&have_key) &&
	    !pthread_setspecific(last_words, (void *)(round + 1)))
		return;
	standing = UNKNOWN;
	sub_seq(&alive, 1);                                         /* K3 */
}

__attribute__((constructor)) static void make_key(void)
{
	store_rlx(&have_key, !pthread_key_create(&last_words, thread_ended));
}

/* The library may be unloaded before its threads end. */
__attribute__((destructor)) static void drop_key(void)
{
	/* At exit there may be threads that still go on, and its number may
	 * become another's. */
	if (load_rlx(&have_key)) {
		store_rlx(&have_key, false);
		pthread_key_delete(last_words);
	}
}

/* Without a key, or memory for its value, it is taken to live for ever. */
static NOINLINE void become_known(void)
{
	standing = COUNTED;
	add_seq(&alive, 1);                                         /* K3 */
	if (load_rlx(&have_key))
		(void)pthread_setspecific(last_words, (void *)(uintptr_t)1);
	store_seq(&weft__plain_threads, 1);                         /* K3 */
}

/* Nothing in here switches, so the thread's own state may be addressed. */
NOINLINE void weft__plain_act(void)
{
	if (unlikely(standing == UNKNOWN))
		become_known();
	else if (unlikely(!load_rlx(&weft__plain_threads)))
		store_rlx(&weft__plain_threads, 1);
}

void weft__plain_ours(void)
{
	standing = OURS;
}

/* One that is known, besides the caller of weft_run, who waits. */
static bool others_alive(void)
{
	return load_seq(&alive) > (standing == COUNTED);            /* K3 */
}

void weft__plain_run_begins(void)
{
	store_seq(&weft__plain_threads, 0);                         /* K3 */
	if (others_alive())
		store_rlx(&weft__plain_threads, 1);
}

bool weft__plain_may_act(void)
{
	return load_rlx(&weft__plain_threads) || others_alive();
}

void weft__plain_forked(void)
{
	store_rlx(&weft__plain_timed, 0);
	if (standing == OURS)
		standing = UNKNOWN;
	store_rlx(&alive, standing == COUNTED);
}

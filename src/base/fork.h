/* base/fork.h - keeping what all of the process shares whole over a fork.
 *
 * Only the thread that forks lives on in the child.  What other threads held
 * at that moment would stay held there for ever, half done; so whoever keeps
 * state of the whole process has a hook:
 *
 *   hold      before the fork: take the locks
 *   release   after it, in the parent: give them back
 *   child     after it, in the child: give them back, and forget what belonged
 *             to threads that are no more.  NULL: release does that.
 *
 * Signals are blocked meanwhile, on the thread that forks.
 *
 * Invariant
 *   Y1  hooks are called in the order of their ranks, hold from the first to
 *       the last, the others back again.  A file that takes another's lock
 *       under its own has the lower rank.
 */
#ifndef WEFT_BASE_FORK_H
#define WEFT_BASE_FORK_H

enum fork_rank {
	FORK_SIGNALS,           /* process/signal.c, and channels under it */
	FORK_LOCKGRAPH,
	FORK_CORO,
	FORK_DESC,
	FORK_RUNTIMES,
	FORK_OUTSIDE,           /* records of plain threads */
	FORK_RECORDS,
	FORK_RANKS
};

struct fork_hook {
	void (*hold)(void);
	void (*release)(void);
	void (*child)(void);
};

/* Once per rank, before there are threads: by a constructor. */
void weft__fork_add(enum fork_rank rank, const struct fork_hook *hook);

/* At the end of a file. */
#define FORK_HOOK(rank, hold_, release_, child_) \
	__attribute__((constructor)) static void fork_hook_add(void) \
	{ \
		static const struct fork_hook hook = { \
			.hold = (hold_), .release = (release_), \
			.child = (child_), \
		}; \
		weft__fork_add(rank, &hook); \
	}

#endif

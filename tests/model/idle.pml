/* model/idle.pml - the idle protocol of sched/idle.h.
 *
 * WORKERS workers and one plain thread that injects ITEMS routines; the first two
 * arm timers, and one may keep its worker.  Sequentially consistent, as all
 * accesses marked D1 and D2 are.
 *
 *   inject     length of the shared queue
 *   ring[w]    length of w's ring: stealable by all
 *   due[w]     deadline in w's heap: FAR is none, smaller is earlier
 *
 * Time passes (`now` grows) only when nothing else can happen, so a sleeper with
 * a deadline wakes late rather than never.
 *
 * Claims
 *   - whenever nothing can happen but that time passes, no routine is queued and
 *     no timer is due: never do all workers sleep while work is published;
 *   - in the end every routine ran and every timer fired;
 *   - S1 and S2 as assertions.
 *
 * Each of these breaks one rule, and must be refuted:
 *   SKIP_LAST_LOOK   a worker sleeps without looking again
 *   SKIP_LAST_SEARCH S3: the last searcher that finds work looks at nothing
 *   SKIP_AGAIN       a last look that finds work does not search again
 *   SKIP_ARMED       S4: whoever arms an earlier timer wakes nobody
 *   SKIP_DUTY        S7: the timed sleeper keeps the duty to itself
 *   SKIP_SLEEPERS    the publisher looks before it publishes
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef ITEMS
#define ITEMS 2
#endif
#define NONE    255
#define FAR     9
#define ALL(v)  v = 0; do :: v < WORKERS ->
#define END(v)  v++ :: else -> break od; v = 0

byte inject, ran, now = 0;
byte ring[WORKERS];
byte due[WORKERS] = FAR;
byte armed, fired;
bool published;

/* struct idle */
byte sleepers, searchers;
bool listed[WORKERS], searching[WORKERS], duty[WORKERS], token[WORKERS];
byte timed = NONE;
byte timed_until = FAR;
byte hogged;            /* workers that run a routine which never ends */

inline first_due(f)
{
	d_step {
		f = FAR;
		ALL(k)
			if :: due[k] < f -> f = due[k] :: else fi;
		END(k)
	}
}

inline see_work(yes)
{
	/* one source after another, as the code does */
	yes = inject > 0;
	ALL(j)
		if :: ring[j] > 0 -> yes = true :: else fi;
	END(j)
}

inline unlist_now(v)
{
	if
	:: timed == v -> timed = NONE; timed_until = FAR
	:: else
	fi;
	listed[v] = false;
	sleepers--
}

/* S5: the timed one last */
inline pop(v)
{
	v = NONE;
	ALL(k)
		if :: listed[k] && timed != k && v == NONE -> v = k :: else fi;
	END(k);
	if :: v == NONE && timed != NONE -> v = timed :: else fi;
	if :: v != NONE -> unlist_now(v) :: else fi
}

inline hand(v)
{
	if
	:: v != NONE ->
		searching[v] = true; searchers++;
		assert(!token[v]);
		token[v] = true
	:: else
	fi
}

inline wake_slow()
{
	atomic {
		if
		:: searchers == 0 -> pop(k2); hand(k2)
		:: else
		fi;
		k2 = 0
	}
}

inline idle_wake()
{
	if
	:: sleepers != 0 ->
		if :: searchers == 0 -> wake_slow() :: else fi
	:: else
	fi
}

inline wake_one()
{
	atomic { pop(k2); hand(k2); k2 = 0 }
}

inline timer_armed(at)
{
#ifndef SKIP_ARMED
	if
	:: sleepers != 0 && at < timed_until ->
		atomic {
			if
			:: at < timed_until ->
				if
				:: timed != NONE ->
					k2 = timed; unlist_now(k2)
				:: else -> pop(k2)
				fi;
				hand(k2); k2 = 0
			:: else
			fi
		}
	:: else
	fi
#else
	skip
#endif
}

active proctype outside()
{
	byte k, k2, n;

	do
	:: n < ITEMS ->
		n++;
#ifdef SKIP_SLEEPERS
		if
		:: sleepers != 0 && searchers == 0 -> inject++; wake_slow()
		:: else -> inject++
		fi
#else
		inject++;
		idle_wake()
#endif
	:: else -> break
	od;
	published = true
}

/* Timers that are due fire; what they ready goes to the worker's ring, which
 * stands for its next slot, too: it is then run by this worker at once. */
inline run_timers()
{
	atomic {
		ALL(k)
			if
			:: due[k] <= now -> due[k] = FAR; fired++; got = 2
			:: else
			fi;
		END(k)
	}
}

inline look()
{
	got = 0;
	atomic {
		if
		:: ring[me] > 0 -> ring[me]--; got = 1
		:: ring[me] == 0 && inject > 0 ->
			/* one to run, one more into the ring */
			inject--; got = 1;
			if :: inject > 0 -> inject--; ring[me]++ :: else fi
		:: else
		fi
	}
	if :: !got -> run_timers() :: else fi
}

inline steal()
{
	ALL(j)
		atomic {
			if
			:: !got && j != me && ring[j] > 0 ->
				ring[j]--; got = 1
			:: else
			fi
		}
	END(j)
}

/* What was got runs.  The first two routines may arm timers, the second the earlier
 * one.  One routine may compute for ever, or the one that a timer woke may stay
 * busy for ever, which yields: own queues and timers are seen. */
inline work()
{
	if
	:: got == 1 ->
		atomic {
			ran++; n = ran;
			if
			:: n <= 2 && due[me] == FAR -> due[me] = 4 - n; arm = true; armed++
			:: arm = false
			fi
		}
		if :: arm -> timer_armed(due[me]) :: else fi;
		if
		:: atomic { hogged == 0 -> hogged = 1; hard = true }
		:: skip
		fi
	:: got == 2 ->
		atomic {
			if :: hogged == 0 -> hogged = 1; hog = true :: else fi
		}
	:: else
	fi
}



active [WORKERS] proctype worker()
{
	byte me = _pid - 1, k, k2, j, n, got, until;
	byte first;
	bool yes, hog, hard, arm;


again:
	look();
	if
	:: !got && !searching[me] ->
		if
		:: 2 * searchers < WORKERS - sleepers ->
			atomic { searching[me] = true; searchers++ }
		:: else
		fi
	:: else
	fi;
	if :: !got && searching[me] -> steal() :: else fi;
	if
	:: got ->
		/* search_found */
		if
		:: searching[me] ->
			searching[me] = false;
			atomic {
				assert(searchers > 0);
				searchers--; yes = searchers == 0
			}
#ifndef SKIP_LAST_SEARCH
			if
			:: yes && sleepers != 0 ->
				see_work(yes);
				if :: yes -> wake_slow() :: else fi
			:: else
			fi
#endif
		:: else
		fi;
#ifndef SKIP_DUTY
		if
		:: duty[me] ->
			duty[me] = false;
			if
			:: sleepers != 0 ->
				first_due(first);
				if :: first < timed_until -> wake_one() :: else fi
			:: else
			fi
		:: else
		fi;
#endif
		work();
		got = 0;
		if :: hog -> goto busy :: hard -> goto end_hard :: else fi;
		goto again
	:: else
	fi;

	/* idle_sleep */
	first_due(first);
	atomic {
		token[me] = false;
		if
		:: first != FAR && timed == NONE ->
			timed = me; timed_until = first; until = first
		:: else -> until = FAR
		fi;
		duty[me] = until != FAR;
		listed[me] = true;
		sleepers++;
		assert(sleepers <= WORKERS);
		if
		:: searching[me] -> searching[me] = false; searchers--
		:: else
		fi
	}
#ifndef SKIP_LAST_LOOK
	first_due(first);
	yes = first < timed_until;
	if :: !yes -> see_work(yes) :: else fi;
	if
	:: yes ->
		atomic {
			if
			:: listed[me] ->
				unlist_now(me);
#ifndef SKIP_AGAIN
				searching[me] = true; searchers++
#endif
			:: else -> yes = false
			fi
		}
		if :: yes -> goto again :: else fi
	:: else
	fi;
#endif
end_asleep:
	if
	:: token[me] -> token[me] = false
	:: until <= now && !token[me] ->
		atomic {
			if
			:: listed[me] -> unlist_now(me); goto again
			:: else
			fi
		}
		goto end_asleep
	fi;
	goto again;

	/* A routine that only yields: its own worker's queues and timers, and the
	 * inject queue now and then. */
end_busy:
busy:
	if
	:: atomic { ring[me] > 0 -> ring[me]--; ran++ }
	:: atomic { inject > 0 -> inject--; ran++ }
	:: atomic { due[me] <= now -> due[me] = FAR; fired++ }
	fi;
	goto busy;

	/* A routine that computes for ever: the others have to do everything. */
end_hard:
	false
}

/* Time passes when all else has come to rest. */
active proctype clock()
{
	byte k;
end:
	do
	:: timeout ->
		/* Everybody sleeps or is busy: nothing published is left. */
		d_step {
			assert(inject == 0);
			ALL(k)
				assert(ring[k] == 0);
				assert(due[k] > now);
			END(k)
		}
		if
		:: now < FAR - 1 -> now++
		:: else -> break
		fi
	od;
	/* The end of time: nothing may be left. */
	assert(published);
	assert(inject == 0);
	assert(ran == ITEMS);
	assert(fired == armed)
}

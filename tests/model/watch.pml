/* model/watch.pml - sleeping in the poller: S8 of sched/idle.h, X1 to X8 of
 * sched/watch.h, E4 of poll/poller.h.
 *
 * WORKERS workers, a thread that injects ITEMS routines, one that opens the poller
 * and then makes EVENTS events.  No timers: watching the poller is the only duty.
 *
 *   inject    length of the shared queue
 *   events    what the poller would tell now
 *   kicked    a kick that nobody has taken yet
 *
 * Claims
 *   - when nothing can happen any more, no routine is queued, no event untold, and
 *     nobody asleep who was woken;
 *   - one thread at a time waits in the poller.
 *
 * Each of these breaks one rule, and must be refuted:
 *   SKIP_TOKEN    X8: the sleeper does not look at its token once it may ask
 *   SKIP_TURN     X8: nor while it waits until it may
 *   SKIP_OPENED   X5: who opens the poller wakes nobody
 *   SKIP_KICK     S8: a waker only sets the token
 *   SKIP_WAIT     S8: who has events and was popped does not deliver them
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef ITEMS
#define ITEMS 1
#endif
#ifndef EVENTS
#define EVENTS 2
#endif
#define NONE    255
#define ALL(v)  v = 0; do :: v < WORKERS ->
#define END(v)  v++ :: else -> break od; v = 0

byte inject, ran, told, events;
bool open, kicked, asking;
byte waiting;           /* threads in the poller's wait */
byte sleepers, timed = NONE;
bool listed[WORKERS], in_poller[WORKERS], token[WORKERS];

inline unlist_now(v)
{
	if :: timed == v -> timed = NONE :: else fi;
	listed[v] = false;
	sleepers--
}

/* The timed one last, or, for who opens the poller, first. */
inline pop(v, timed_first)
{
	v = NONE;
	if :: timed_first && timed != NONE -> v = timed :: else fi;
	ALL(k)
		if :: listed[k] && timed != k && v == NONE -> v = k :: else fi;
	END(k);
	if :: v == NONE && timed != NONE -> v = timed :: else fi;
	if :: v != NONE -> unlist_now(v) :: else fi
}

/* in_poller is read before the token is set: after it, it may change. */
inline hand(v, inside)
{
	if
	:: v != NONE ->
		inside = in_poller[v];
		token[v] = true;
#ifndef SKIP_KICK
		if :: inside -> kicked = true :: else fi
#endif
	:: else
	fi
}

active proctype outside()
{
	byte k, v, n;
	bool inside;

	do
	:: n < ITEMS ->
		n++;
		inject++;
		if
		:: sleepers != 0 ->
			atomic { pop(v, false) }
			hand(v, inside)
		:: else
		fi
	:: else -> break
	od
}

active proctype opener()
{
	byte k, v, n;
	bool inside;

	open = true;
#ifndef SKIP_OPENED
	atomic { pop(v, true) }
	hand(v, inside);
#endif
	do
	:: n < EVENTS -> n++; events++
	:: else -> break
	od
}

/* What the poller has, kicks aside. */
inline fetch()
{
	atomic { got = events; events = 0; kicked = false }
}

active [WORKERS] proctype worker()
{
	byte me = _pid - 2, k, got;
	bool yes;

again:
	if
	:: atomic { inject > 0 -> inject--; ran++ }
		goto again
	:: else
	fi;
	/* A search asks without waiting. */
	if
	:: atomic { open && !asking -> asking = true }
		fetch();
		asking = false;
		told = told + got;
		if :: got > 0 -> got = 0; goto again :: else fi
	:: skip
	fi;

	token[me] = false;
	atomic {
		in_poller[me] = false;
		if
		:: timed == NONE && open -> timed = me; in_poller[me] = true
		:: else
		fi;
		listed[me] = true;
		sleepers++
	}
	/* the last look */
	yes = open && timed == NONE;
	if :: inject > 0 -> yes = true :: else fi;
	if
	:: yes ->
		atomic {
			if
			:: listed[me] -> unlist_now(me)
			:: else -> yes = false
			fi
		}
		if :: yes -> goto again :: else fi
	:: else
	fi;
	if :: in_poller[me] -> goto poller :: else fi;
end_futex:
	token[me] -> token[me] = false;
	goto again;

poller:
	if :: token[me] -> token[me] = false; goto again :: else fi;
end_turn:
	if
	:: atomic { !asking -> asking = true }
#ifndef SKIP_TURN
	:: token[me] -> token[me] = false; goto again
#endif
	fi;
#ifndef SKIP_TOKEN
	if :: token[me] -> token[me] = false; asking = false; goto again :: else fi;
#endif
	waiting++;
	assert(waiting == 1);
end_wait:
	atomic {
		kicked || events > 0;
		got = events; events = 0; kicked = false
	}
	waiting--;
	asking = false;
	if :: got == 0 -> goto poller :: else fi;
	atomic {
		if
		:: listed[me] -> unlist_now(me); yes = true
		:: else -> yes = false
		fi
	}
#ifdef SKIP_WAIT
	if :: !yes -> got = 0 :: else fi;
#endif
	if :: !yes -> token[me] -> token[me] = false :: else fi;
	told = told + got;
	got = 0;
	goto again
}

active proctype rest()
{
	byte k;
end:
	do
	:: timeout ->
		assert(inject == 0);
		assert(ran == ITEMS);
		assert(events == 0);
		assert(told == EVENTS);
		ALL(k)
			assert(!token[k]);
		END(k);
		break
	od
}

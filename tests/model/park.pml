/* model/park.pml - park, ready, deadline, permit and join.
 *
 * One routine waits, in one of three ways, on one of two workers.  It keeps the
 * object's lock until its context is saved, i.e. until the worker runs its
 * commit; a waker, a second waker and a timer contend for the wait.
 *
 *   CHAN    a waiter in an object's queue, popped under its lock (sched/park.h)
 *   PERMIT  the handle's lock, PARKED and PERMIT bits (sched/permit.c)
 *   JOIN    the handle's lock, joiner and ENDED (sched/join.c)
 *
 * Claims
 *   - two workers never run the routine at once, and it is queued once (P1 P2);
 *   - nobody touches the wait after its frame is gone (P3);
 *   - no wakeup is lost: it ends, with a value or a permit if one was left, and
 *     without if the deadline claimed it (P5);
 *   - the record is retired once (E3).
 *
 * Each of these breaks one rule, and must be refuted:
 *   UNLOCK_EARLY  the lock is released before the context is saved (P1)
 *   NO_CLAIM      a waker that finds the wait does not claim it (P2)
 *   NO_STOP       the parker does not wait for its timer (timers.h, M3)
 *   NO_PERMIT     an unpark that loses the claim leaves nothing (U2, U3)
 *   NO_FORGET     a joiner that gave up is not taken out (E4)
 */
#if !defined(CHAN) && !defined(PERMIT) && !defined(JOIN)
#define CHAN
#endif

bool lock;              /* the object's, or the handle's bit */
bool saved;             /* the routine's context is valid    */
bool frame;             /* its wait exists                   */
bool claim;             /* wait.claim                        */
bool queued;            /* in a run queue                    */
byte running = 1;       /* how many workers run it           */
byte result;            /* 0 none, 1 woken, 2 timed out      */

bool waiting;           /* CHAN: the waiter is linked; PERMIT: PARKED;
			 * JOIN: joiner is set */
bool permit, ended, retired;
byte value, got;        /* handed over, taken home */
byte wakes;             /* wakers that are through */

bool heap_lock, armed, owner;
bool over;              /* the routine is through */

#define TAKE(l) atomic { !l -> l = true }
#define DROP(l) l = false

inline try_claim(yes)
{
	atomic { assert(frame); yes = !claim; claim = true }
}

inline ready()
{
	atomic {
		assert(frame);
		assert(!queued);
		queued = true
	}
}

/* The timer of the wait: fire runs with the heap's lock held. */
active proctype timer()
{
	bool mine;
end:
	TAKE(heap_lock);
	if
	:: armed ->
		armed = false;
		try_claim(mine);
		if
		:: mine -> assert(frame); result = 2; ready()
		:: else
		fi;
		atomic { assert(frame); owner = false };
		DROP(heap_lock)
	:: !armed && over -> DROP(heap_lock)
	:: !armed && !over -> atomic { DROP(heap_lock); (armed || over) };
		goto end
	fi
}

inline stop_timer()
{
#ifndef NO_STOP
	if
	:: owner ->
		TAKE(heap_lock);
		if :: owner -> armed = false; owner = false :: else fi;
		DROP(heap_lock)
	:: else
	fi
#else
	armed = false
#endif
}

#ifdef CHAN
#define WAKERS 2
#endif
#ifdef PERMIT
#define WAKERS 2
#endif
#ifdef JOIN
#define WAKERS 1
#endif

active [WAKERS] proctype waker()
{
	bool mine;

	TAKE(lock);
#ifdef CHAN
	/* Send to a channel of room 2: a waiter first. */
	if
	:: waiting ->
		waiting = false;
#ifdef NO_CLAIM
		mine = true;
#else
		try_claim(mine);
#endif
		if
		:: mine -> assert(frame); result = 1; got++; ready()
		:: else -> value++
		fi
	:: else -> value++
	fi;
	DROP(lock);
#endif
#ifdef PERMIT
	mine = false;
	if
	:: waiting ->
#ifdef NO_CLAIM
		mine = true
#else
		try_claim(mine)
#endif
	:: else
	fi;
	if
	:: mine ->
		waiting = false;
		DROP(lock);
		assert(frame); result = 1;
		ready()
	:: else ->
#ifndef NO_PERMIT
		permit = true;
#endif
		DROP(lock)
	fi;
#endif
#ifdef JOIN
	/* The end of the routine that is joined. */
	mine = false;
	if
	:: waiting ->
#ifdef NO_CLAIM
		mine = true
#else
		try_claim(mine)
#endif
	:: else
	fi;
	if
	:: mine ->
		assert(frame); got = 1; result = 1;
		assert(!retired); retired = true;
		waiting = false;
		DROP(lock);
		ready()
	:: else ->
		waiting = false;
		ended = true;
		DROP(lock)
	fi;
#endif
	atomic { wakes++ }
}

/* Two workers: the one that the routine was on runs its commit once the context
 * is saved, the other one may take it from the queue meanwhile. */
bool commit;

inline resume_it()
{
	atomic {
		queued -> queued = false;
		assert(saved);          /* else two threads are on one stack */
		running++;
		assert(running == 1);
		saved = false
	}
}

active proctype routine()
{
	byte tries;
	bool woken;

again:
	woken = false;
	TAKE(lock);
#ifdef CHAN
	if
	:: value > 0 -> value--; got++; DROP(lock); goto done
	:: else
	fi;
#endif
#ifdef PERMIT
	if
	:: permit -> permit = false; DROP(lock); woken = true; goto done
	:: else
	fi;
#endif
#ifdef JOIN
	if
	:: ended -> assert(!retired); retired = true; got = 1; DROP(lock); goto done
	:: else
	fi;
	assert(!waiting);       /* -ESRCH: somebody joins it already */
#endif
	atomic { frame = true; claim = false; result = 0; waiting = true };
#ifdef UNLOCK_EARLY
	DROP(lock);
#endif
	/* Saved; the commit of the worker follows at once or late. */
	atomic { saved = true; running--; commit = true };
	resume_it();
	stop_timer();
	if
	:: result == 2 ->
		/* The deadline: withdraw; a permit may have come. */
#if defined(CHAN) || defined(PERMIT) || !defined(NO_FORGET)
		TAKE(lock);
		waiting = false;
#ifdef PERMIT
		woken = permit;
		permit = false;
#endif
		DROP(lock);
#endif
		frame = false;
		tries++;
		if
		:: woken
		:: else -> goto again
		fi
	:: else -> assert(result == 1); woken = true; frame = false
	fi;
done:
	over = true;
	(wakes == WAKERS);
#ifdef CHAN
	assert(got >= 1 && got + value == WAKERS);
#endif
#ifdef PERMIT
	assert(woken);
#endif
#ifdef JOIN
	assert(got == 1 && retired);
#endif
}

active proctype worker()
{
end:
	do
	:: atomic { commit -> commit = false };
		/* The timer first, then the lock. */
		if
		:: TAKE(heap_lock); armed = true; owner = true; DROP(heap_lock)
		:: skip         /* no deadline this time */
		fi;
#ifndef UNLOCK_EARLY
		DROP(lock)
#endif
	od
}

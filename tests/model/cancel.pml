/* model/cancel.pml - waits that several may end: a waker, a deadline, a cancel.
 *
 * RUN   One routine waits several times for one object, on two workers.  Its
 *       worker opens the claim once the context is saved and before it releases
 *       the object's lock; two wakers, the timer and a canceller, who holds
 *       nothing but the routine's handle, contend for it (sched/park.h: P1 to
 *       P6, W1, W4; sched/cancel.h: N2).
 * STOP  The run ends while it waits, and a waker and a canceller are plain
 *       threads (sched/discard.c).
 *
 * Claims
 *   - each wait is claimed by one, and its routine readied once (P2 P4);
 *   - nobody touches a wait after its frame is gone (P3);
 *   - no cancel is lost: what waits is woken, or sees it before it waits again
 *     (else the last wait without a deadline is an invalid end state);
 *   - no value is lost or doubled (P5);
 *   - a discard leaves no open claim, nothing linked, and nobody at work.
 *
 * Each of these breaks one rule, and must be refuted:
 *   NO_LOOK       the parker does not look for a cancel after it has opened (W4)
 *   LOOK_EARLY    it looks before (W4: a load that overtakes its store)
 *   CANCEL_LATE   the canceller looks at the claim before it has told (W4)
 *   OPEN_EARLY    the wait opens before the context is saved (P6)
 *   OPEN_LATE     it opens after the object's lock was released (P6)
 *   TOUCH_FIRST   the canceller looks at the wait before it has claimed (P2)
 *   NO_CAS        the claim is a load and a store (W1)
 *   NO_STOP       the parker does not wait for its timer (timers.h, M3)
 *   NO_SEAL       STOP: a discard only takes the wait out of its queue
 *   READY_LATE    STOP: the canceller readies after it released the handle
 */
#if !defined(RUN) && !defined(STOP)
#define RUN
#endif

#define WAITS 3         /* more than are woken: only a cancel ends the last */
#define WAKERS 2
#define WOKEN 1
#define TIMED 2
#define CANCELED 3

bool lock, handle;      /* the object's, the routine's            */
byte claim;             /* of the record: odd is open              */
bool cancel;            /* on the record                           */
byte at;                /* r->wait: the wait it is in, by number   */
byte frame;             /* the wait that exists, 0: none           */
byte linked;            /* the wait in the object's queue          */
byte opened[WAITS + 1]; /* wait.open                               */
byte wins[WAITS + 1];   /* how many have claimed it                */
byte result;
byte value, got;        /* left in the object, taken home          */

#define TAKE(l) atomic { !l -> l = true }
#define DROP(l) l = false

inline won(it)
{
	wins[it]++;
	assert(wins[it] == 1)
}

/* By one who knows the wait. */
inline try_claim(it, mine)
{
	atomic { assert(frame == it); seen = claim; mine = false };
#ifndef NO_CAS
	atomic {
		if
		:: claim == opened[it] -> claim++; mine = true; won(it)
		:: else
		fi
	}
#else
	if
	:: seen == opened[it] ->
		atomic { claim = seen + 1; mine = true; won(it) }
	:: else
	fi
#endif
}

#ifdef RUN

bool saved, queued, commit, over;
byte running = 1, wakes;
bool heap;              /* the lock of the timers */
byte armed, owner;

inline ready(it)
{
	atomic {
		assert(frame == it);
		assert(saved);          /* else two threads are on one stack */
		assert(!queued);
		queued = true
	}
}

active [WAKERS] proctype waker()
{
	byte it, seen;
	bool mine;

	TAKE(lock);
	if
	:: linked ->
		atomic { it = linked; linked = 0 };
		try_claim(it, mine);
		if
		:: mine ->
			atomic { assert(frame == it); result = WOKEN };
			DROP(lock);
			ready(it)
		:: else -> value++; DROP(lock)
		fi
	:: else -> value++; DROP(lock)
	fi;
	wakes++
}

active proctype timer()
{
	byte it, seen;
	bool mine;
end:
	atomic { (armed || over) && !heap ->
		if
		:: over && !armed -> goto done
		:: else -> heap = true; it = armed; armed = 0
		fi
	};
	try_claim(it, mine);
	if
	:: mine -> atomic { assert(frame == it); result = TIMED }; ready(it)
	:: else
	fi;
	atomic { assert(frame == it); owner = 0 };
	DROP(heap);
	goto end;
done:
	skip
}

active proctype canceller()
{
	byte seen, it;
	bool mine;

	TAKE(handle);
#ifndef CANCEL_LATE
	cancel = true;
#endif
	seen = claim;
#ifdef CANCEL_LATE
	cancel = true;
#endif
#ifdef TOUCH_FIRST
	it = at;
	if :: seen % 2 -> assert(frame == it) :: else fi;
#endif
	atomic {
		mine = seen % 2 == 1 && claim == seen;
		if :: mine -> claim++; won(at) :: else fi
	};
	if
	:: mine ->
		it = at;
		atomic { assert(frame == it); result = CANCELED }
	:: else
	fi;
	DROP(handle);
	if :: mine -> ready(it) :: else fi
}

inline resume_it()
{
	atomic {
		queued -> queued = false;
		running++;
		assert(running == 1);
		saved = false
	}
}

inline stop_timer()
{
#ifndef NO_STOP
	if
	:: owner ->
		TAKE(heap);
		if :: owner -> armed = 0; owner = 0 :: else fi;
		DROP(heap)
	:: else
	fi
#else
	armed = 0
#endif
}

/* What the worker does for the one who left: weft__wait_open and a commit. */
inline open_wait(n, told)
{
	byte before;

	told = false;
#ifdef LOOK_EARLY
	told = cancel;
#endif
	before = claim + 1;
	atomic { assert(frame == n); opened[n] = before };
	if
	:: TAKE(heap);
		atomic { assert(frame == n); armed = n; owner = n };
		claim = before;
		DROP(heap)
	:: claim = before       /* no deadline this time */
	fi;
#ifndef NO_LOOK
#ifndef LOOK_EARLY
	told = cancel;
#endif
#endif
	atomic {
		told = told && claim == before;
		if :: told -> claim++; won(n) :: else fi
	};
	if
	:: told -> atomic { assert(frame == n); result = CANCELED }
	:: else
	fi
}

active proctype worker()
{
	byte n;
	bool told;
end:
	do
	:: atomic { commit -> commit = false; n = at };
#ifdef OPEN_LATE
		DROP(lock);
		open_wait(n, told);
#else
#ifndef OPEN_EARLY
		open_wait(n, told);
#endif
		DROP(lock);
#endif
		if :: told -> ready(n); told = false :: else fi
	od
}

active proctype routine()
{
	byte n;
	bool told;

	do
	:: n == WAITS -> break
	:: else ->
		n++;
		if :: cancel -> break :: else fi;
		TAKE(lock);
		if
		:: value > 0 -> value--; got++; DROP(lock); goto next
		:: else
		fi;
		atomic { frame = n; at = n; linked = n; result = 0 };
#ifdef OPEN_EARLY
		open_wait(n, told);
		if :: told -> ready(n) :: else fi;
#endif
		atomic { saved = true; running--; commit = true };
		resume_it();
		stop_timer();
		if
		:: result == WOKEN -> got++
		:: else ->
			assert(result);
			TAKE(lock);
			if :: linked == n -> linked = 0 :: else fi;
			DROP(lock)
		fi;
		frame = 0;
		if :: result == CANCELED -> assert(cancel); break :: else fi;
next:
		skip
	od;
	over = true;
	(wakes == WAKERS);
	assert(got + value == WAKERS);
	assert(!linked)
}

#endif

#ifdef STOP

bool live = true, runtime = true;
bool runnable, expired;         /* its state and reason */
byte outside;

init
{
	atomic {
		claim = 1; at = 1; frame = 1; linked = 1; opened[1] = 1;
		run discard(); run waker(); run canceller()
	}
}

/* From outside the runtime. */
inline ready(it)
{
	assert(frame == it);            /* whose is it? */
	outside++;
	runnable = true;
	assert(runtime);                /* its inject queue */
	outside--
}

proctype waker()
{
	byte it, seen;
	bool mine;

	TAKE(lock);
	if
	:: linked ->
		atomic { it = linked; linked = 0 };
		try_claim(it, mine)
	:: else
	fi;
	DROP(lock);
	if
	:: mine -> assert(frame == it); result = WOKEN; ready(it)
	:: else
	fi
}

proctype canceller()
{
	byte seen;
	bool mine;

	if
	:: atomic { !handle && live -> handle = true }
	:: !live -> goto stale
	fi;
	cancel = true;
	seen = claim;
	atomic {
		mine = seen % 2 == 1 && claim == seen;
		if :: mine -> claim++; won(at) :: else fi
	};
	if
	:: mine -> atomic { assert(frame == at); result = CANCELED; expired = true }
	:: else
	fi;
#ifdef READY_LATE
	DROP(handle);
	if :: mine -> ready(at) :: else fi;
#else
	if :: mine -> ready(at) :: else fi;
	DROP(handle);
#endif
stale:
	skip
}

inline withdraw(was)
{
	TAKE(lock);
	was = linked == at;
	linked = 0;
	DROP(lock)
}

proctype discard()
{
	bool was;

#ifndef NO_SEAL
	TAKE(handle);
	atomic {
		if
		:: claim % 2 -> claim++; won(at); expired = true; runnable = true
		:: else
		fi
	};
	DROP(handle);
#endif
	if
	:: !runnable ->
		withdraw(was);
		if
		:: was -> goto out
		:: else -> (runnable)
		fi
	:: else
	fi;
	if :: expired -> withdraw(was) :: else fi;
out:
	(outside == 0);
	TAKE(handle);
	assert(claim % 2 == 0);
	live = false;
	DROP(handle);
	atomic { frame = 0; runtime = false };
	assert(!linked)
}

#endif

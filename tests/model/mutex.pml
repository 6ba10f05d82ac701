/* model/mutex.pml - the mutex (sync/mutex.c): its word, its list, who is woken.
 *
 * Three use it: one locks twice, one gives up when its deadline passes, one is
 * moved into the list by a signal (sync/cond.c).  The word is LOCKED, BUSY and
 * WOKEN; each step that is one atomic access there is one step here.
 *
 * Claims
 *   - one at a time has it;
 *   - nobody waits for ever (I3: no wakeup is lost), and all flags are clear in
 *     the end;
 *   - who has had it last may free it: nobody touches it after that.
 *
 * Each of these breaks one rule, and must be refuted:
 *   STALE_WOKEN   who drops BUSY writes WOKEN as he found it (I2)
 *   FREE_UNDER    unlock frees it while another holds BUSY (I2)
 *   NO_WAKE       unlock wakes nobody because it was woken for before (I4: the
 *                 one woken leaves WOKEN set when it waits again)
 *   FREE_FIRST    unlock frees it, then looks whether somebody waits, as may be
 *                 done where a collector keeps the memory
 */
#define USERS 3
#define NONE  9

bool L, B, W;                   /* the word */
byte list[USERS], n;            /* BUSY */
bool linked[USERS];             /* BUSY */
bool moved[USERS], claimed[USERS], starved[USERS];
bool up[USERS];                 /* readied */
byte grant[USERS];              /* 1 try, 2 held, 3 timed out */
byte inside, refs = USERS;
bool freed;

#define TOUCH assert(!freed)

inline append(i)
{
	list[n] = i; n++; linked[i] = true
}

inline prepend(i)
{
	k = n;
	do
	:: k > 0 -> list[k] = list[k - 1]; k--
	:: else -> break
	od;
	list[0] = i; n++; linked[i] = true
}

inline unlink(i)
{
	k = 0;
	do
	:: list[k] == i -> break
	:: else -> k++
	od;
	do
	:: k + 1 < n -> list[k] = list[k + 1]; k++
	:: else -> break
	od;
	n--; linked[i] = false
}

/* The first who still waits, claimed; NONE. */
inline claim_first()
{
	p = NONE;
	do
	:: p != NONE || n == 0 -> break
	:: else ->
		p = list[0];
		unlink(p);
		if
		:: claimed[p] && !moved[p] -> p = NONE
		:: else -> claimed[p] = true
		fi
	od
}

inline unlock()
{
	do
	:: atomic { L && !B && (W || n == 0) -> TOUCH; L = false }; break
#ifdef FREE_FIRST
	:: atomic { L && !B -> TOUCH; L = false };
		atomic { TOUCH; n == 0 || W }; break
#endif
#ifdef FREE_UNDER
	:: atomic { L && B -> TOUCH; L = false }; break
#endif
	:: atomic { L && !B && !W && n > 0 -> TOUCH; B = true };
		d_step { claim_first() };
		if
		:: p == NONE ->
			atomic { TOUCH; B = false; L = false; W = false }
		:: p != NONE && starved[p] ->
			grant[p] = 2;
			atomic { TOUCH; B = false };
			up[p] = true
		:: else ->
			grant[p] = 1;
			atomic { TOUCH; B = false; L = false; W = true };
			up[p] = true
		fi;
		break
	od
}

/* contend: `again` says that WOKEN is there for us. */
inline lock()
{
	do
	:: atomic { !L -> TOUCH; L = true;
		    if :: again -> W = false :: else fi };
		got = true; break
	:: atomic { L && !B -> TOUCH; B = true };
		d_step {
			claimed[me] = false; moved[me] = false; up[me] = false;
			if
			:: again -> starved[me] = true; prepend(me)
			:: else -> append(me)
			fi
		};
		/* the context is saved */
#ifdef NO_WAKE
		atomic { TOUCH; B = false };
#else
		atomic { TOUCH; B = false;
			 if :: again -> W = false :: else fi };
#endif
		if
		:: up[me]
		:: atomic { timed && !claimed[me] -> claimed[me] = true;
			    grant[me] = 3; up[me] = true }
		fi;
		if
		:: grant[me] == 2 -> got = true; break
		:: grant[me] == 1 -> again = true
		:: grant[me] == 3 ->
			atomic { !B -> TOUCH; B = true };
			d_step { if :: linked[me] -> unlink(me) :: else fi };
			atomic { TOUCH; B = false };
			got = false; break
		fi
	od
}

inline critical()
{
	inside++;
	assert(inside == 1);
	inside--
}

/* The last reference is given up under the mutex. */
inline leave()
{
	refs--;
	last = refs == 0;
	unlock();
	if
	:: last -> freed = true; assert(!L && !B && n == 0)
	:: else
	fi
}

proctype twice(byte me)
{
	bool again, got, timed, last;
	byte p, k;

	lock();
	critical();
	unlock();
	again = false;
	starved[me] = false;
	lock();
	critical();
	leave()
}

proctype patient(byte me)
{
	bool again, got, timed = true, last;
	byte p, k;

	lock();
	if
	:: got -> critical(); unlock()
	:: else
	fi;
	timed = false; again = false;
	starved[me] = false;
	lock();
	leave()
}

/* Waits in a cond until it is moved. */
proctype signalled(byte me)
{
	bool again, got, timed, last;
	byte p, k;

	up[me];
	if
	:: grant[me] == 2
	:: grant[me] == 1 -> again = true; lock()
	fi;
	critical();
	leave()
}

proctype signal(byte who)
{
	bool woken, was;
	byte p = NONE, k;

	atomic { !B -> TOUCH; B = true; was = W; woken = !L && !W };
	d_step {
		claimed[who] = true; moved[who] = true; append(who);
		if :: woken -> claim_first() :: else fi
	};
	if
	:: p != NONE -> grant[p] = 1
	:: else
	fi;
#ifdef STALE_WOKEN
	atomic { TOUCH; B = false; W = was || woken };
#else
	atomic { TOUCH; B = false; W = W || woken };
#endif
	if
	:: p != NONE -> up[p] = true
	:: else
	fi
}

init {
	atomic {
		run twice(0);
		run patient(1);
		run signalled(2);
		run signal(2)
	}
}

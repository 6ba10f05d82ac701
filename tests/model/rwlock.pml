/* model/rwlock.pml - the rwlock (sync/rwlock.c): its word, tickets and tokens.
 *
 * Two read, one of them twice, each time leaving from any worker's row, and two
 * write, one of which gives up if it has to wait for readers for too long.  Each step that
 * is one atomic access there is one step here; those who wait are counted, since
 * who holds BUSY owns the list.  The gate is a lock with a queue.
 *
 * Claims
 *   - a writer is alone (I4);
 *   - nobody waits for ever (I3), no runlock finds that nobody reads, and all is
 *     zero in the end;
 *   - who has had it last may free it: nobody touches it after that.
 *
 * Each of these breaks one rule, and must be refuted:
 *   NO_LOOK    a reader does not look for its ticket once it is in the slot (R2)
 *   NO_COUNT   who takes the ticket away does not count its tokens (I4)
 *   NO_STOP    nothing is added to the count while somebody waits (I2)
 *   BOTH_PASS  who takes BUSY passes the lock on, though another is about to (I3)
 *   NONE_PASS  who holds BUSY drops it, though the last left under it (I3)
 *   GATE_LAST  who has written gives up the gate after the lock
 *   SUBTRACT   a ticket comes though somebody is counted (I4)
 */
#define ROWS 2
#define TICKETS 2

byte ticket, tickets, count;            /* the word */
bool writer, waiters, busy, moving;
bool gate;
byte slot[ROWS];
byte readers, writers;                  /* BUSY: who waits */
byte readers_go, writers_go;            /* granted */
byte reading, writing;
byte refs = 4, out;
bool freed;

#define TOUCH assert(!freed)

/* From a word with BUSY clear; the guard is the caller's. */
inline take_busy()
{
	TOUCH;
	elsewhere = waiters && !writer && count == 1;
#ifdef BOTH_PASS
	elsewhere = false;
#endif
#ifndef NO_STOP
	if
	:: !writer && !waiters -> count++
	:: else
	fi;
#endif
	t = ticket; ticket = 0; moving = t != 0;
	busy = true; waiters = true
}

/* After it. */
inline tokens()
{
	if
	:: t != 0 ->
		k = 0; found = 0;
		do
		:: k < ROWS ->
			atomic {
				if
				:: slot[k] == t -> slot[k] = 0; found++
				:: else
				fi;
				k++
			}
		:: else -> break
		od;
#ifdef NO_COUNT
		found = 0;
#endif
		atomic { TOUCH; count = count + found; moving = false }
	:: else
	fi
}

#ifdef NO_STOP
#define STOP 0
#else
#define STOP 1
#endif

inline let_writer()
{
	writers--; writers_go++; writer = true; waiters = readers > 0; count = 0
}

inline let_readers()
{
	count = readers; readers_go = readers_go + readers; readers = 0;
	writer = false; waiters = writers > 0;
	if
	:: waiters -> count = count + STOP
	:: else
	fi
}

/* BUSY is ours, and the lock. */
inline pass(to_readers)
{
	atomic {
		TOUCH;
		if
		:: to_readers && readers > 0 -> let_readers()
		:: !(to_readers && readers > 0) && writers > 0 -> let_writer()
		:: !(to_readers && readers > 0) && writers == 0 ->
			let_readers()
		fi;
		busy = false
	}
}

/* One CAS: the list is the holder's. */
inline settle()
{
	atomic {
		TOUCH;
		if
		:: writer -> waiters = readers + writers > 0; busy = false
		:: !writer && elsewhere -> busy = false
#ifdef NONE_PASS
		:: !writer && !elsewhere && count == STOP -> busy = false
#else
		:: !writer && !elsewhere && count == STOP ->
			if
			:: writers > 0 -> let_writer()
			:: else -> let_readers()
			fi;
			busy = false
#endif
		:: !writer && !elsewhere && count > STOP && writers == 0 ->
			count = count + readers - STOP;
			readers_go = readers_go + readers;
			readers = 0; waiters = false; busy = false
		:: !writer && !elsewhere && count > STOP && writers > 0 ->
			busy = false
		fi
	}
}

inline rlock(row)
{
	do
	:: atomic { !writer && !waiters && ticket != 0 -> TOUCH; t = ticket };
		if
		:: atomic { slot[row] == 0 -> slot[row] = t };
#ifdef NO_LOOK
			break
#else
			if
			:: atomic { ticket == t -> TOUCH }; break
			:: atomic { ticket != t -> TOUCH };
				if
				:: atomic { slot[row] == t -> slot[row] = 0 }
				:: atomic { slot[row] != t -> skip }; break
				fi
			fi
#endif
		:: atomic { slot[row] != 0 && ticket == t -> take_busy() };
			tokens();
			atomic { TOUCH; count++ };
			settle();
			break
		:: slot[row] != 0 && ticket != t
		fi
	:: atomic { !writer && !waiters && ticket == 0 -> TOUCH; count++ };
		break
	:: atomic { !writer && !waiters && ticket == 0 && tickets < TICKETS &&
#ifdef SUBTRACT
		    true
#else
		    count == 0
#endif
		    -> TOUCH; tickets++; ticket = tickets }
	:: atomic { (writer || waiters) && !busy -> take_busy() };
		tokens();
		readers++;
		settle();
		atomic { readers_go > 0 -> readers_go-- };
		break
	od
}

/* A count was seen, and no MOVING. */
inline uncount()
{
	atomic { TOUCH; assert(count > 0); count--;
		 last = waiters && !busy && count == STOP };
	if
	:: last ->
		atomic { !busy -> TOUCH; busy = true };
		pass(false)
	:: else
	fi
}

inline runlock(row)
{
	do
	:: atomic { t = ticket; TOUCH;
		    done = count > 0 && !moving };
		if
		:: done -> uncount(); break
		:: !done && t != 0 ->
			if
			:: atomic { slot[row] == t -> slot[row] = 0 }; break
			:: atomic { slot[row] != t && ticket == t ->
				    take_busy() };
				tokens();
				atomic { TOUCH; assert(count > STOP); count-- };
				settle();
				break
			:: slot[row] != t && ticket != t
			fi
		:: !done && t == 0 ->
			atomic { moving || count > 0 || ticket != 0 }
		fi
	od
}

/* Who gives up its reference last frees it: one who writes, or one who reads
 * after the others who read are out. */
proctype reads(byte laps)
{
	byte t, k, found;
	bool elsewhere, last, done, free;

	do
	:: laps > 0 ->
		if
		:: rlock(0)
		:: rlock(1)
		fi;
		reading++;
		assert(writing == 0);
		laps--;
		reading--;
		if
		:: laps == 0 ->
			atomic { refs--; free = refs == 0 && out == 1 }
		:: else
		fi;
		if
		:: runlock(0)
		:: runlock(1)
		fi
	:: else -> break
	od;
	out++;
	if
	:: free -> freed = true
	:: else
	fi
}

inline lock()
{
	atomic { !gate -> TOUCH; gate = true };
	do
	:: atomic { !writer && !waiters && ticket == 0 && count == 0 ->
		    TOUCH; writer = true }; got = true; break
	:: atomic { !busy && (writer || waiters || ticket != 0 || count > 0) ->
		    take_busy() };
		tokens();
		if
		:: atomic { !writer && !elsewhere && count == STOP ->
			    TOUCH; writer = true; count = 0;
			    waiters = readers > 0; busy = false };
			got = true
		:: atomic { writer || elsewhere || count > STOP ->
			    writers++ };
			settle();
			if
			:: atomic { writers_go > 0 -> writers_go-- };
				got = true
			:: atomic { timed && writers_go == 0 && !busy &&
				    waiters -> take_busy() };
				tokens();
				if
				:: writers > 0 -> writers--; settle();
					got = false
				:: else -> settle();
					atomic { writers_go > 0 ->
						 writers_go-- };
					got = true
				fi
			fi
		fi;
		break
	od
}

inline unlock()
{
#ifndef GATE_LAST
	atomic { TOUCH; gate = false };
#endif
	if
	:: atomic { !waiters -> TOUCH; writer = false }
	:: atomic { waiters && !busy -> take_busy() };
		pass(true)
	fi
#ifdef GATE_LAST
	;
	atomic { TOUCH; gate = false }
#endif
}

proctype writes(bool timed)
{
	byte t, k, found;
	bool elsewhere, got, free;

	lock();
	if
	:: !got ->
		atomic { TOUCH; gate = false };
		timed = false;
		lock()
	:: else
	fi;
	writing++;
	assert(writing == 1 && reading == 0);
	writing--;
	refs--;
	free = refs == 0;
	unlock();
	if
	:: free -> freed = true
	:: else
	fi
}

init {
	atomic {
		run reads(2);
		run reads(1);
		run writes(false);
		run writes(true)
	};
	_nr_pr == 1;
	assert(!writer && !waiters && !busy && count == 0 && writing == 0);
	assert(!gate && !moving && readers == 0 && writers == 0);
	assert(slot[0] != ticket || ticket == 0);
	assert(slot[1] != ticket || ticket == 0)
}

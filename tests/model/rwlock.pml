/* model/rwlock.pml - the rwlock (sync/rwlock.c): its word, tickets and tokens.
 *
 * Two read twice, each time leaving from any worker's row, and one or two write.
 * Each step that is one atomic access there is one step here; those who wait are
 * counted, since who holds BUSY owns the lists.
 *
 * Claims
 *   - a writer is alone (I4);
 *   - nobody waits for ever (I2), no runlock finds that nobody reads, and all is
 *     zero in the end.
 *
 * Each of these breaks one rule, and must be refuted:
 *   NO_LOOK    a reader does not look for its ticket once it is in the slot (R2)
 *   NO_COUNT   who takes the ticket away does not count its tokens (I4)
 *   LAST_OUT   the last reader does not take BUSY while somebody waits (I2)
 */
#define ROWS 2
#define TICKETS 2

byte ticket, tickets, count;            /* the word */
bool writer, waiters, busy;
byte slot[ROWS];
byte readers, writers;                  /* BUSY: who waits */
byte readers_go, writers_go;            /* granted */
byte reading, writing;

/* From a word with BUSY clear; the guard is the caller's. */
inline take_busy()
{
	busy = true; waiters = true; t = ticket; ticket = 0
}

/* After it. */
inline tokens()
{
#ifndef NO_COUNT
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
		count = count + found
	:: else
	fi
#else
	skip
#endif
}

/* Both in one step: the lists are the holder's, the word a last access. */
inline settle()
{
	atomic {
		if
		:: !writer && writers == 0 ->
			count = count + readers;
			readers_go = readers_go + readers;
			readers = 0
		:: else
		fi;
		waiters = readers + writers > 0;
		busy = false
	}
}

inline let_writer()
{
	writers--; writers_go++; writer = true
}

inline let_readers()
{
	count = readers; readers_go = readers_go + readers; readers = 0
}

inline pass(to_readers)
{
	atomic {
		count = 0; writer = false;
		if
		:: to_readers && readers > 0 -> let_readers()
		:: !(to_readers && readers > 0) && writers > 0 -> let_writer()
		:: !(to_readers && readers > 0) && writers == 0 ->
			let_readers()
		fi;
		waiters = readers + writers > 0;
		busy = false
	}
}

inline rlock(row)
{
	do
	:: atomic { !writer && !waiters && ticket != 0 -> t = ticket };
		if
		:: atomic { slot[row] == 0 -> slot[row] = t };
#ifdef NO_LOOK
			break
#else
			if
			:: ticket == t -> break
			:: else ->
				if
				:: atomic { slot[row] == t -> slot[row] = 0 }
				:: atomic { slot[row] != t -> skip }; break
				fi
			fi
#endif
		:: atomic { slot[row] != 0 && !writer && !waiters &&
			    ticket == t -> count++ };
			break
		:: ticket != t || writer || waiters
		fi
	:: atomic { !writer && !waiters && ticket == 0 -> count++;
		    if
		    :: tickets < TICKETS -> tickets++; ticket = tickets
		    :: skip
		    fi };
		break
	:: atomic { (writer || waiters) && !busy -> take_busy() };
		tokens();
		readers++;
		busy = false;
		atomic { readers_go > 0 -> readers_go-- };
		break
	od
}

inline runlock(row)
{
	t = ticket;
	do
	:: atomic { t != 0 && slot[row] == t -> slot[row] = 0 }; break
	:: else ->
		if
		:: atomic { count > 1 || (count > 0 && !waiters) -> count-- };
			break
#ifdef LAST_OUT
		:: atomic { count == 1 && !busy -> count-- }; break
#endif
		:: atomic { !(count > 1 || (count > 0 && !waiters)) && !busy ->
			    assert(count > 0 || ticket != 0); take_busy() };
			tokens();
			do
			:: atomic { count > 1 -> count-- }; settle(); break
			:: count <= 1 -> assert(count == 1); pass(false); break
			od;
			break
		:: t != ticket -> t = ticket
		fi
	od
}

proctype reads()
{
	byte t, k, found, laps = 2;

	do
	:: laps > 0 ->
		if
		:: rlock(0)
		:: rlock(1)
		fi;
		reading++;
		assert(writing == 0);
		reading--;
		if
		:: runlock(0)
		:: runlock(1)
		fi;
		laps--
	:: else -> break
	od
}

proctype writes()
{
	byte t, k, found;

	do
	:: atomic { !writer && !waiters && ticket == 0 && count == 0 ->
		    writer = true };
		break
	:: atomic { !busy && (writer || waiters || ticket != 0 || count > 0) ->
		    take_busy() };
		tokens();
		if
		:: atomic { !writer && count == 0 ->
			    writer = true; waiters = false; busy = false }
		:: atomic { writer || count > 0 -> writers++ };
			busy = false;
			atomic { writers_go > 0 -> writers_go-- }
		fi;
		break
	od;
	writing++;
	assert(writing == 1 && reading == 0);
	writing--;
	if
	:: atomic { !waiters -> writer = false }
	:: atomic { waiters && !busy -> take_busy() };
		pass(true)
	fi
}

init {
	atomic {
		run reads();
		run reads();
		run writes();
		run writes()
	};
	_nr_pr == 1;
	assert(!writer && !waiters && !busy && count == 0 && writing == 0);
	assert(slot[0] != ticket || ticket == 0);
	assert(slot[1] != ticket || ticket == 0)
}

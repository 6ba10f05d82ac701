/* scope/supervise.c - routines that are started again when they fail.
 *
 * Only public calls.  One for one: a scope of keepers, each of which starts its
 * routine in a scope of its own and waits for its end.  One for all: one scope
 * at a time, whose first failure cancels and joins everybody; then the next.
 *
 * Invariants
 *   V1  a failure beyond the intensity ends the supervision: given_up is then
 *       the first such error, and nobody is started again.
 *   V2  who has ended for good stays ended, also when all others start again.
 */
#include "base/base.h"
#include "base/atomic.h"
#include "base/spinlock.h"
#include "sched/park.h"

#include <weft/routine.h>
#include <weft/scope.h>
#include <weft/supervise.h>
#include <weft/time.h>

enum { INTENSITY_MAX = 1 << 20, ENDED_WELL = -ECHILD };

struct crew;

struct member {
	const weft_supervised *who;
	struct crew *crew;
	int err;                        /* of its last run                  */
	bool again;                     /* that run calls for another       */
	bool ended;                     /* V2 */
};

struct crew {
	const weft_supervision *how;
	weft_scope scope;
	struct spinlock lock;
	weft_time *started;             /* lock: a ring of `intensity` times */
	size_t starts;                  /* lock: how many were ever put there */
	_Atomic int given_up;           /* V1 */
	size_t n;
	struct member member[];
};

/* May there be one more start?  Counts it. */
static bool admit(struct crew *c)
{
	const weft_supervision *how = c->how;
	weft_time now = weft_now(), *oldest;
	bool fine;

	if (!how->intensity)
		return false;
	spin_lock(&c->lock);
	oldest = &c->started[c->starts % how->intensity];
	fine = c->starts < how->intensity || now - *oldest > how->period;
	if (fine) {
		*oldest = now;
		c->starts++;
	}
	spin_unlock(&c->lock);
	return fine;
}

static bool wants_again(const weft_supervised *who, int err)
{
	return who->restart == WEFT_RESTART_ALWAYS ||
	       (who->restart == WEFT_RESTART_FAILED && err < 0);
}

/* The supervised routine itself. */
static int run(void *arg)
{
	struct member *m = arg;

	if (m->who->name)
		weft_name_set(m->who->name);    /* without memory: nameless */
	return m->who->fn(m->who->arg);
}

/* Run m once in a routine of its own.  What ends because the caller is
 * cancelled does not count. */
static void run_once(struct member *m)
{
	weft_scope s;
	int err = weft_scope_begin(&s, WEFT_FOREVER), start;

	if (!err) {
		start = weft_scope_go(&s, run, m);
		err = weft_scope_end(&s);
		if (start)
			err = start;
	}
	m->err = err;
	m->again = !weft_cancelled() && wants_again(m->who, err);
	if (m->again && m->crew->how->report)
		m->crew->how->report(m->crew->how->context, m->who, err);
}

static void give_up(struct crew *c, int err)
{
	int none = 0;

	if (err >= 0)
		err = ENDED_WELL;
	cas_rlx(&c->given_up, &none, err);
	weft_scope_cancel(&c->scope, err);
}

/* One for one. */
static int keep(void *arg)
{
	struct member *m = arg;

	for (;;) {
		run_once(m);
		if (!m->again)
			return 0;
		if (!admit(m->crew)) {
			give_up(m->crew, m->err);
			return 0;
		}
	}
}

/* One for all: the first one that calls for another start ends the round. */
static int take_part(void *arg)
{
	struct member *m = arg;

	run_once(m);
	m->ended = !m->again && !weft_cancelled();
	return m->again ? m->err < 0 ? m->err : ENDED_WELL : 0;
}

static int round_of(struct crew *c, int (*fn)(void *))
{
	int err = weft_scope_begin(&c->scope, WEFT_FOREVER), end;

	if (err)
		return err;
	for (size_t i = 0; i < c->n && !err; i++)
		if (!c->member[i].ended)
			err = weft_scope_go(&c->scope, fn, &c->member[i]);
	/* One that has failed already may be why another could not start. */
	if (err && err != -ECANCELED)
		weft_scope_cancel(&c->scope, err);
	end = weft_scope_end(&c->scope);
	return end;
}

static int supervise(struct crew *c)
{
	int err;

	if (c->how->strategy == WEFT_ONE_FOR_ONE) {
		err = round_of(c, keep);
		return load_rlx(&c->given_up) ? load_rlx(&c->given_up) : err;
	}
	do {
		err = round_of(c, take_part);
	} while (err < 0 && !weft_cancelled() && admit(c));
	return weft_cancelled() ? -ECANCELED : err;
}

static int check(const weft_supervised *who, size_t n,
		 const weft_supervision *how)
{
	if ((!who && n) || how->intensity > INTENSITY_MAX ||
	    (how->intensity && how->period <= 0) ||
	    (how->strategy != WEFT_ONE_FOR_ONE &&
	     how->strategy != WEFT_ONE_FOR_ALL))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!who[i].fn || who[i].restart < WEFT_RESTART_FAILED ||
		    who[i].restart > WEFT_RESTART_NEVER)
			return -EINVAL;
	return 0;
}

static void drop_crew(void *arg)
{
	struct crew *c = arg;

	free(c->started);
	free(c);
}

int weft_supervise(const weft_supervised *who, size_t n,
		   const weft_supervision *how)
{
	static const weft_supervision usual = {
		.intensity = 3, .period = 5 * WEFT_S,
	};
	struct crew *c;
	struct hold h;
	int err;

	if (!how)
		how = &usual;
	err = check(who, n, how);
	if (err)
		return err;
	if (n > (SIZE_MAX - sizeof *c) / sizeof c->member[0])
		return -ENOMEM;
	c = calloc(1, sizeof *c + n * sizeof c->member[0]);
	if (!c)
		return -ENOMEM;
	c->how = how;
	c->n = n;
	c->started = calloc(how->intensity ? how->intensity : 1,
			    sizeof *c->started);
	err = -ENOMEM;
	if (c->started) {
		for (size_t i = 0; i < n; i++) {
			c->member[i].who = &who[i];
			c->member[i].crew = c;
		}
		weft__hold(&h, drop_crew, c);
		err = supervise(c);
		weft__hold_end(&h);
	}
	drop_crew(c);
	return err;
}

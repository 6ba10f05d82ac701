/* file/op.c - see op.h. */
#include "file/op.h"
#include "sched/blocking.h"

#include <weft/routine.h>

struct job {
	const struct file_op *op;
	uint32_t generation;
	_Atomic uint32_t told;          /* it is to end: blocking.h          */
	ssize_t result;
};

/* --- here and on the pool -------------------------------------------------------- */

/* Signals of others do not end it. */
static ssize_t make_early(const struct file_op *op, _Atomic uint32_t *told)
{
	ssize_t r;

	do
		r = op->direct(&op->q);
	while (r == -EINTR && !load_rlx(told));
	return r == -EINTR ? -ECANCELED : r;
}

static ssize_t direct(const struct file_op *op)
{
	_Atomic uint32_t never = 0;
	uint32_t generation;
	ssize_t r;

	if (op->early)
		return make_early(op, &never);
	if (!op->on_fd)
		return op->direct(&op->q);
	r = weft__desc_enter(op->q.fd, &generation);                /* F1 */
	if (r < 0)
		return r;
	r = op->direct(&op->q);
	weft__desc_leave(op->q.fd);
	return r;
}

static void *early_job(void *arg)
{
	struct job *j = arg;

	j->result = make_early(j->op, &j->told);
	return NULL;
}

static void *pool_job(void *arg)
{
	struct job *j = arg;
	const struct file_op *op = j->op;

	if (op->on_fd) {
		j->result = weft__desc_enter_as(op->q.fd, j->generation);
		if (j->result < 0)
			return NULL;
	}
	j->result = op->direct(&op->q);
	if (op->on_fd)
		weft__desc_leave(op->q.fd);                         /* F1 */
	return NULL;
}

static ssize_t on_pool(const struct file_op *op)
{
	struct job j = { .op = op };
	int err;

	if (op->on_fd) {
		err = weft__desc_enter(op->q.fd, &j.generation);
		if (err)
			return err;
		weft__desc_leave(op->q.fd);
	}
	if (op->early)
		err = weft__blocking_early(early_job, &j, &j.told);
	else
		err = weft_blocking(pool_job, &j, NULL);
	if (err == -EAGAIN || err == -ENOMEM)
		return direct(op);      /* no thread to be had: so be it */
	return err ? err : j.result;
}

/* --- on the ring ------------------------------------------------------------------- */

static void over(const struct ring_request *q, int32_t result)
{
	(void)result;
	weft__desc_leave(q->fd);                                    /* F1 */
}

/* Told by now, should the caller be discarded. */
static void opened(const struct ring_request *q, int32_t result)
{
	*(int *)q->to = result;
}

/* False: the ring does not take it. */
static bool on_ring(struct worker *w, const struct file_op *op, ssize_t *result)
{
	submit_over *told = op->opens ? opened : op->on_fd ? over : NULL;
	uint32_t generation;
	int32_t answer;
	int err = weft__sysfile_fault(op->call, op->q.fd);

	if (!err && op->on_fd)
		err = weft__desc_enter(op->q.fd, &generation);      /* F1 */
	if (err) {
		*result = err;
		return err < 0;         /* a limit is for who can keep it */
	}
	if (!weft__submit(&w, &op->q, op->early, told, &answer)) {
		if (op->on_fd)
			weft__desc_leave(op->q.fd);
		return false;
	}
	*result = answer;
	return answer != -EINTR;        /* nobody cancelled it: once more */
}

/* --- either --------------------------------------------------------------------------- */

ssize_t weft__file_go(const struct file_op *op)
{
	struct worker *w = weft__worker();
	ssize_t r;

	if (!w)
		return direct(op);
	if (op->q.op < RING_OPS && weft__submit_has(&w, op->q.op) &&
	    on_ring(w, op, &r))
		return r;
	return on_pool(op);
}

ssize_t weft__file_do(const struct file_op *op)
{
	if (weft__cancelled(weft__worker()))
		return -ECANCELED;
	return weft__file_go(op);
}

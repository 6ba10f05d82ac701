/* support/sides.h - who waits for a descriptor, for the tests of I/O. */
#ifndef WEFT_SUPPORT_SIDES_H
#define WEFT_SUPPORT_SIDES_H

#include "support/fds.h"

#include <poll.h>

/* More than buffers take. */
enum { BLOCK = 1 << 20 };

struct side {
	int fd;
	char byte;
	ssize_t got;
	size_t went;                    /* of what it writes                */
	weft_time deadline;
	long thread;                    /* on which it began                */
	atomic_int done;
	atomic_bool going;
};

__attribute__((unused))
static int reads(void *arg)
{
	struct side *s = arg;

	s->thread = thread_id();
	s->going = true;
	s->got = weft_read(s->fd, &s->byte, 1, s->deadline);
	s->done++;
	return 0;
}

__attribute__((unused))
static int writes(void *arg)
{
	static const char block[BLOCK];
	struct side *s = arg;

	s->going = true;
	s->got = weft_write_all(s->fd, block, sizeof block, &s->went,
				s->deadline);
	s->done++;
	return 0;
}

__attribute__((unused))
static int polls_in(void *arg)
{
	struct side *s = arg;

	s->going = true;
	s->got = weft_poll(s->fd, POLLIN, s->deadline);
	s->done++;
	return 0;
}

__attribute__((unused))
static int polls_out(void *arg)
{
	struct side *s = arg;

	s->going = true;
	s->got = weft_poll(s->fd, POLLOUT, s->deadline);
	s->done++;
	return 0;
}

/* Who passes on what comes, until the end of it. */
struct relay {
	int out, in;
	ssize_t n;
};

__attribute__((unused))
static int relays(void *arg)
{
	struct relay *r = arg;

	r->n = weft_copy(r->out, r->in);
	CHECK_EQ(weft_close(r->out), 0);
	return 0;
}

#endif

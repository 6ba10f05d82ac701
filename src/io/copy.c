/* io/copy.c - from one descriptor to another.
 *
 * From a file to a socket the kernel does it (sendfile), by the worker when the
 * bytes are in memory and by the pool when they may not be; to another file,
 * by the pool.  That takes a target that does not block: one of ours, or one
 * with O_NONBLOCK.  Everything else goes through a buffer, which is not on the
 * routine's stack.
 */
#include "base/base.h"
#include "io/io.h"

#include <fcntl.h>
#include <limits.h>
#include <weft/io.h>

enum {
	BUFFER = 64 * 1024,
	CHUNK = 256 * 1024,             /* of one sendfile */
};

enum way { WAY_BUFFER, WAY_SOCKET, WAY_FILE };

struct send {
	int out, in;
	uint32_t out_generation, in_generation;
	off_t *off;
	size_t n;
	weft_time deadline;
	ssize_t result;
};

/* A descriptor and which file it is. */
static int look_at(int fd, uint32_t *generation)
{
	int err = weft__desc_enter(fd, generation);

	if (!err)
		weft__desc_leave(fd);
	return err;
}

/* With both numbers kept, by a thread that stays. */
static ssize_t send_now(struct send *s)
{
	ssize_t r = weft__desc_enter_as(s->in, s->in_generation);

	if (r)
		return r;
	r = weft__desc_enter_as(s->out, s->out_generation);
	if (!r) {
		r = weft__sys_sendfile(s->out, s->in, s->off,
				       s->n < CHUNK ? s->n : CHUNK);
		weft__desc_leave(s->out);
	}
	weft__desc_leave(s->in);
	return r;
}

static ssize_t try_send(int fd, void *p)
{
	struct send *s = p;
	struct sys_hush h;
	ssize_t r;

	(void)fd;
	if (likely(weft__watch_deaf(weft__worker())))
		return send_now(s);
	weft__sys_hush_begin(&h);
	r = send_now(s);
	weft__sys_hush_end(&h, r == -EPIPE);
	return r;
}

static void *send_call(void *p)
{
	struct send *s = p;

	s->result = try_send(s->out, s);
	return NULL;
}

static ssize_t send_on_pool(struct send *s)
{
	int err = weft__io_pool(send_call, s, s->deadline);

	return err ? err : s->result;
}

/* The position of the file, moved or only asked for. */
static off_t seek(const struct send *s, off_t off, int whence)
{
	off_t at = weft__desc_enter_as(s->in, s->in_generation);

	if (at)
		return at;
	at = weft__sys_seek(s->in, off, whence);
	weft__desc_leave(s->in);
	return at;
}

static ssize_t probe(const struct send *s, off_t at)
{
	char c;
	struct iovec v = { &c, 1 };

	return weft__sys_preadv(s->in, &v, 1, at, RWF_NOWAIT);
}

/* Are the next bytes in memory, as far as their first and last can tell? */
static bool in_memory(const struct send *s)
{
	size_t n = s->n < CHUNK ? s->n : CHUNK;
	off_t at = s->off ? *s->off : seek(s, 0, SEEK_CUR);
	struct stat st;
	ssize_t r;

	if (at < 0 || weft__desc_enter_as(s->in, s->in_generation))
		return false;
	r = probe(s, at);
	if (r >= 0)
		r = probe(s, at + (off_t)n - 1);
	if (r == 0)
		r = weft__sys_fstat(s->in, &st) < 0 || st.st_size <= at ? 0 :
		    probe(s, st.st_size - 1);
	weft__desc_leave(s->in);
	return r >= 0;
}

static ssize_t send_chunk(struct send *s, enum way way)
{
	ssize_t r;
	int err;

	if (way == WAY_FILE)
		return send_on_pool(s);
	if (in_memory(s))
		return weft__desc_do(s->out, DESC_OUT, try_send, s, 0,
				     s->deadline);
	for (;;) {
		r = send_on_pool(s);
		if (r != -EAGAIN || s->deadline == WEFT_NOWAIT)
			return r;
		/* Room for less than this takes is no room, and yet told of. */
		if (weft__clock() >= weft__desc_until(s->out, DESC_OUT,
						      s->deadline))
			return -ETIMEDOUT;
		err = weft_poll(s->out, POLLOUT, s->deadline);
		if (err < 0)
			return err;
	}
}

static enum way way_of(const struct send *s)
{
	int kind = weft__desc_kind(s->out), flags;

	if (weft__desc_kind(s->in) != DESC_FILE)
		return WAY_BUFFER;
	if (kind == DESC_FILE)
		return WAY_FILE;
	if (weft__desc_enter_as(s->out, s->out_generation))
		return WAY_BUFFER;
	flags = weft__sys_flags(s->out);
	weft__desc_leave(s->out);
	return flags > 0 && flags & O_NONBLOCK ? WAY_SOCKET : WAY_BUFFER;
}

/* --- through a buffer --------------------------------------------------------- */

struct place_read {
	int fd;
	uint32_t generation;
	struct iovec v;
	off_t off;
	ssize_t result;
};

static ssize_t place_read_now(const struct place_read *p, int flags)
{
	ssize_t r = weft__desc_enter_as(p->fd, p->generation);

	if (r)
		return r;
	r = weft__sys_preadv(p->fd, &p->v, 1, p->off, flags);
	weft__desc_leave(p->fd);
	return r;
}

static void *place_read_call(void *arg)
{
	struct place_read *p = arg;

	p->result = place_read_now(p, 0);
	return NULL;
}

static ssize_t read_at(const struct send *s, char *buf, size_t n, off_t off)
{
	struct place_read p = { s->in, s->in_generation, { buf, n }, off, 0 };
	ssize_t r = place_read_now(&p, RWF_NOWAIT);
	int err;

	if (r != -EAGAIN && !io_unsure(r))
		return r;
	err = weft__io_pool(place_read_call, &p, s->deadline);
	return err ? err : p.result;
}

/* Of a file: what could not be written is not taken from it. */
static ssize_t pass_from_file(struct send *s, char *buf)
{
	off_t at = s->off ? *s->off : seek(s, 0, SEEK_CUR);
	size_t size = s->n < BUFFER ? s->n : BUFFER, went;
	ssize_t r = at < 0 ? at : read_at(s, buf, size, at);
	int err;

	if (r <= 0)
		return r;
	err = weft__io_write_all_as(s->out, &s->out_generation, buf, (size_t)r,
				    &went, s->deadline);
	if (s->off)
		*s->off = at + (off_t)went;
	else
		seek(s, at + (off_t)went, SEEK_SET);
	return went ? (ssize_t)went : err;
}

static ssize_t pass(struct send *s, char *buf)
{
	size_t size = s->n < BUFFER ? s->n : BUFFER;
	ssize_t r = weft__io_read_as(s->in, &s->in_generation, buf, size,
				     s->deadline);
	int err;

	if (r <= 0)
		return r;
	err = weft__io_write_all_as(s->out, &s->out_generation, buf, (size_t)r,
				    NULL, s->deadline);
	return err ? err : r;
}

static ssize_t pass_chunk(struct send *s, char **buf)
{
	if (!*buf)
		*buf = malloc(BUFFER);
	if (!*buf)
		return -ENOMEM;
	if (weft__desc_kind(s->in) == DESC_FILE)
		return pass_from_file(s, *buf);
	return pass(s, *buf);
}

/* --- all of it ------------------------------------------------------------------- */

static bool cannot(ssize_t r)
{
	return r == -EINVAL || r == -ENOSYS || r == -EOPNOTSUPP;
}

/* *err: why it ended before n bytes; 0 at the end of `in`. */
static size_t send_all(struct send *s, size_t n, int *err)
{
	enum way way = WAY_BUFFER;
	char *buf = NULL;
	struct hold h;
	size_t went = 0;
	ssize_t r = 0;

	*err = look_at(s->in, &s->in_generation);
	if (!*err)
		*err = look_at(s->out, &s->out_generation);
	if (!*err)
		way = way_of(s);
	weft__hold(&h, weft__hold_free, &buf);
	while (!*err && went < n) {
		s->n = n - went;
		r = way == WAY_BUFFER ? pass_chunk(s, &buf)
				      : send_chunk(s, way);
		if (way != WAY_BUFFER && cannot(r)) {
			way = WAY_BUFFER;
			continue;
		}
		if (r <= 0) {
			*err = (int)r;
			break;
		}
		went += (size_t)r;
	}
	weft__hold_end(&h);
	free(buf);
	return went;
}

ssize_t weft_sendfile(int out, int in, off_t *off, size_t n,
		      weft_time deadline)
{
	struct send s = { .out = out, .in = in, .off = off,
			  .deadline = deadline };
	int err = io_cancelled(deadline);
	int kind = weft__desc_kind(in);
	size_t went;

	if (kind >= 0 && kind != DESC_FILE)
		kind = off ? -ESPIPE : -EINVAL;
	if (kind < 0 || err)
		return kind < 0 ? kind : err;
	went = send_all(&s, n < SSIZE_MAX ? n : SSIZE_MAX, &err);
	return went ? (ssize_t)went : err;
}

ssize_t weft_copy(int out, int in)
{
	struct send s = { .out = out, .in = in, .deadline = WEFT_FOREVER };
	int err = io_cancelled(WEFT_FOREVER);
	size_t went;

	if (err)
		return err;
	went = send_all(&s, SSIZE_MAX, &err);
	return err ? err : (ssize_t)went;
}

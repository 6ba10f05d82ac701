/* SPDX-License-Identifier: MIT */
/* weft/bufio.h - buffered reading, by lines too, and buffered writing.
 *
 * A weft_bufio has two halves that share nothing: one routine may read while
 * another writes, but each half is one routine's at a time.  It owns neither
 * the descriptor nor what io functions it was given: weft_bufio_fini frees the
 * buffers, no more, and what was not flushed is lost.
 *
 * Buffers are made by the first call that needs them and of the size given at
 * the start, unless the caller lends his (weft_bufio_lend).
 *
 * Deadlines are those of the call underneath (weft/io.h); a call that finds
 * what it wants in the buffer does not wait, and is no cancel point then.
 *
 * Errors stick: once the stream has ended or failed, every call that would read
 * says so again, when the buffer is empty; once a write failed, every call of
 * the writing half does.  -EAGAIN, -ETIMEDOUT, -ECANCELED and -ENOMEM do not
 * stick: nothing was lost, and the next call goes on where this one stopped.
 *
 * Errors of all calls that read or write: those of weft_read and weft_write,
 * and -ENOMEM.
 */
#ifndef WEFT_BUFIO_H
#define WEFT_BUFIO_H

#include <weft/base.h>

#include <stdarg.h>

/* What a stream is made of, with the meaning of weft_read and weft_write. */
typedef ssize_t weft_bufio_read_fn(void *arg, void *buf, size_t n,
				   weft_time deadline);
typedef ssize_t weft_bufio_write_fn(void *arg, const void *buf, size_t n,
				    weft_time deadline);

/* One half; private. */
struct weft_bufio_half {
	char *weft__buf;
	size_t weft__size, weft__begin, weft__end;
	int weft__err, weft__lent;
};

typedef struct weft_bufio {
	weft_bufio_read_fn *weft__read;
	weft_bufio_write_fn *weft__write;
	void *weft__arg;
	struct weft_bufio_half weft__in, weft__out;
} weft_bufio;

/* Room in each direction when no size is given. */
#define WEFT_BUFIO_SIZE ((size_t)8192)

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Buffer fd, with buffers of `size` bytes (0: WEFT_BUFIO_SIZE; the longest line
 * that can be read).  Never parks or fails.
 */
WEFT_API void weft_bufio_init(weft_bufio *b, int fd, size_t size);

/**
 * Buffer what read and write do with arg, such as a TLS connection.  Either may
 * be NULL: that half then says -EBADF.
 */
WEFT_API void weft_bufio_init_io(weft_bufio *b, weft_bufio_read_fn *read,
				 weft_bufio_write_fn *write, void *arg,
				 size_t size);

/**
 * Use the caller's memory, which stays his and must outlive b, instead of
 * making buffers; NULL: make that one.  Of `in` one byte is not used.  Before
 * the first read or write only, else -EBUSY; -EINVAL: one is too small (16).
 */
WEFT_API int weft_bufio_lend(weft_bufio *b, void *in, size_t in_size,
			     void *out, size_t out_size);

/**
 * Free the buffers.  What was not flushed is lost, what was not read too; the
 * descriptor stays open.  b may be set up again.
 */
WEFT_API void weft_bufio_fini(weft_bufio *b);

/* --- reading ---------------------------------------------------------------- */

/** How many bytes can be had without waiting. */
WEFT_API size_t weft_bufio_buffered(const weft_bufio *b);

/**
 * Read once, into the buffer: how many bytes came; 0 at the end of the stream.
 * -ENOBUFS: the buffer is full.
 */
WEFT_API ssize_t weft_bufio_fill(weft_bufio *b, weft_time deadline);

/**
 * See what comes next without taking it: at least n bytes, *data, *len of them
 * (all that are buffered), until the next call of the reading half.  WEFT_EOF:
 * the stream ends before; *data and *len are then what is left.  -EMSGSIZE: n is
 * more than the buffer holds.
 */
WEFT_API int weft_bufio_peek(weft_bufio *b, size_t n, char **data, size_t *len,
			     weft_time deadline);

/** Take n bytes and forget them.  0, or WEFT_EOF when there were fewer. */
WEFT_API int weft_bufio_skip(weft_bufio *b, size_t n, weft_time deadline);

/**
 * Take up to n bytes: what is there, at least one; 0 at the end of the stream.
 * Large reads go past the buffer.
 */
WEFT_API ssize_t weft_bufio_read(weft_bufio *b, void *buf, size_t n,
				 weft_time deadline);

/** Take exactly n bytes, as weft_read_full. */
WEFT_API WEFT_NODISCARD int weft_bufio_read_full(weft_bufio *b, void *buf,
						 size_t n, size_t *done,
						 weft_time deadline);

/**
 * Take a line: *line is where it is, without its "\n" or "\r\n" and with a 0 in
 * place of it, *len (NULL: not wanted) its length; there until the next call of
 * the reading half, and the caller may write in it.  A last line without an end
 * is a line.  0, or WEFT_EOF when no more comes.  -EMSGSIZE: no end of line in a
 * full buffer; nothing is taken.
 */
WEFT_API WEFT_NODISCARD int weft_bufio_read_line(weft_bufio *b, char **line,
						 size_t *len,
						 weft_time deadline);

/**
 * Take everything up to and with the next byte delim: *data, *len, there until
 * the next call of the reading half.  WEFT_EOF: the stream ends before that;
 * what is left stays and weft_bufio_read gives it.  -EMSGSIZE: no delim in a
 * full buffer; nothing is taken.
 */
WEFT_API WEFT_NODISCARD int weft_bufio_read_until(weft_bufio *b, char delim,
						  char **data, size_t *len,
						  weft_time deadline);

/* --- writing ---------------------------------------------------------------- */

/** How many bytes wait for a flush. */
WEFT_API size_t weft_bufio_pending(const weft_bufio *b);

/**
 * Put n bytes in the buffer, writing out what it holds when it is full; large
 * writes go past it.  n, or how many were taken before an error, or the error
 * when none was.
 */
WEFT_API ssize_t weft_bufio_write(weft_bufio *b, const void *data, size_t n,
				  weft_time deadline);

/** weft_bufio_write of a string, without its end. */
WEFT_API ssize_t weft_bufio_puts(weft_bufio *b, const char *s,
				 weft_time deadline);

/**
 * weft_bufio_write of a text made as by printf(3).  Errors also: -EINVAL, when
 * vsnprintf(3) cannot make it.
 */
WEFT_API ssize_t weft_bufio_printf(weft_bufio *b, weft_time deadline,
				   const char *format, ...)
	__attribute__((format(printf, 3, 4)));
WEFT_API ssize_t weft_bufio_vprintf(weft_bufio *b, weft_time deadline,
				    const char *format, va_list ap)
	__attribute__((format(printf, 3, 0)));

/** Write out what is buffered.  0, or an error; what did not go stays. */
WEFT_API WEFT_NODISCARD int weft_bufio_flush(weft_bufio *b, weft_time deadline);

#ifdef __cplusplus
}
#endif

#endif

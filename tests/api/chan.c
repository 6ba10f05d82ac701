/* api/chan.c - what one party alone sees of a channel: making, buffering,
 * deadlines, closing, batches. */
#include "support/promise.h"

#include <errno.h>

TestSuite(chan, .timeout = 120);

/* --- making ----------------------------------------------------------------- */

Test(chan, refuses_sizes_beyond_ptrdiff_max)
{
	cr_expect_null(weft_chan_new(SIZE_MAX, 0));
	cr_expect_null(weft_chan_new((size_t)PTRDIFF_MAX + 1, 0));
	cr_expect_null(weft_chan_new((size_t)PTRDIFF_MAX + 1, WEFT_UNBOUNDED));
	cr_expect_null(weft_chan_new(8, SIZE_MAX / 8));
	cr_expect_null(weft_chan_new(8, SIZE_MAX / 8 + 2));
	cr_expect_null(weft_chan_new(SIZE_MAX / 2, 3));
	cr_expect_null(weft_chan_new(1, PTRDIFF_MAX));
	cr_expect_null(weft_chan_new(1, SIZE_MAX - 1));
}

Test(chan, says_its_capacity_and_length)
{
	static const size_t cap[] = { 0, 1, 3, 1000, WEFT_UNBOUNDED };

	for (int i = 0; i < 5; i++) {
		weft_chan *c = weft_chan_new(sizeof(int), cap[i]);

		cr_assert_not_null(c);
		cr_expect_eq(weft_chan_cap(c), cap[i]);
		cr_expect_eq(weft_chan_len(c), 0);
		weft_chan_unref(c);
	}
	cr_expect_eq(weft_chan_cap(NULL), 0);
	cr_expect_eq(weft_chan_len(NULL), 0);
}

Test(chan, references_are_counted_and_null_is_fine)
{
	weft_chan *c = weft_chan_new(4, 2);
	int v = 5;

	cr_assert_not_null(c);
	cr_expect(weft_chan_ref(c) == c);
	weft_chan_unref(c);
	cr_expect_eq(weft_chan_send(c, &v), 0);
	weft_chan_unref(c);
	cr_expect_null(weft_chan_ref(NULL));
	weft_chan_unref(NULL);
}

/* --- one side ---------------------------------------------------------------- */

static int buffer_body(void *arg)
{
	static const size_t sizes[] = { 1, 2, 3, 4, 8, 12, 16, 100, 5000 };
	static const size_t caps[] = { 1, 2, 7, WEFT_UNBOUNDED };
	unsigned char in[5000], out[5001];

	(void)arg;
	for (size_t s = 0; s < 9; s++)
	for (size_t k = 0; k < 4; k++) {
		weft_chan *c = weft_chan_new(sizes[s], caps[k]);
		size_t fill = caps[k] < 300 ? caps[k] : 300;
		unsigned put = 0, got = 0;

		PROMISE(c);
		for (int lap = 0; lap < 3; lap++) {
			for (size_t i = 0; i < fill; i++) {
				memset(in, (int)(put++ & 0xff), sizes[s]);
				PROMISE(weft_chan_send(c, in) == 0);
			}
			PROMISE(weft_chan_len(c) == fill);
			if (caps[k] != WEFT_UNBOUNDED)
				PROMISE(weft_chan_try_send(c, in) == -EAGAIN);
			for (size_t i = 0; i < fill - (lap == 1); i++) {
				memset(out, 0xee, sizeof out);
				PROMISE(weft_chan_recv(c, out) == 0);
				for (size_t b = 0; b < sizes[s]; b++)
					PROMISE(out[b] == (got & 0xff));
				PROMISE(out[sizes[s]] == 0xee);
				got++;
			}
			if (lap == 1) {
				PROMISE(weft_chan_try_recv(c, NULL) == 0);
				got++;
			}
		}
		PROMISE(weft_chan_try_recv(c, out) == -EAGAIN);
		weft_chan_unref(c);
	}
	return 0;
}

Test(chan, buffer_is_first_in_first_out_at_every_size)
{
	anywhere(buffer_body);
}

static int zero_size_body(void *arg)
{
	weft_chan *c = weft_chan_new(0, SIZE_MAX - 1);
	char untouched = 7;

	(void)arg;
	PROMISE(c && weft_chan_cap(c) == SIZE_MAX - 1);
	for (int i = 0; i < 1000; i++)
		PROMISE(weft_chan_send(c, i % 2 ? &untouched : NULL) == 0);
	PROMISE(weft_chan_len(c) == 1000);
	for (int i = 0; i < 998; i++)
		PROMISE(weft_chan_recv(c, i % 2 ? &untouched : NULL) == 0);
	PROMISE(weft_chan_recv_many(c, NULL, 9, WEFT_NOWAIT) == 2);
	PROMISE(weft_chan_try_recv(c, &untouched) == -EAGAIN);
	PROMISE(weft_chan_close(c) == 0);
	PROMISE(weft_chan_try_recv(c, &untouched) == -EPIPE);
	PROMISE(untouched == 7);
	weft_chan_unref(c);
	c = weft_chan_new(0, WEFT_UNBOUNDED);
	PROMISE(c);
	for (int i = 0; i < 5000; i++)
		PROMISE(weft_chan_send(c, NULL) == 0);
	PROMISE(weft_chan_len(c) == 5000);
	weft_chan_unref(c);
	return 0;
}

Test(chan, zero_size_elements_only_count)
{
	anywhere(zero_size_body);
}

static int null_elem_body(void *arg)
{
	weft_chan *c = weft_chan_new(sizeof(long), 4);
	long v = -1;

	(void)arg;
	PROMISE(c && weft_chan_send(c, NULL) == 0);
	PROMISE(weft_chan_recv(c, &v) == 0 && v == 0);
	PROMISE(weft_chan_send_many(c, NULL, 3, WEFT_NOWAIT) == 3);
	PROMISE(weft_chan_recv(c, NULL) == 0);
	PROMISE(weft_chan_recv_many(c, NULL, 5, WEFT_NOWAIT) == 2);
	PROMISE(weft_chan_len(c) == 0);
	weft_chan_unref(c);
	return 0;
}

Test(chan, null_sends_zeroes_and_drops)
{
	anywhere(null_elem_body);
}

static int deadlines_body(void *arg)
{
	weft_chan *c = weft_chan_new(sizeof(int), 1);
	int v = 1;

	(void)arg;
	PROMISE(c);
	/* ready: done, however late */
	PROMISE(weft_chan_send_until(c, &v, -1) == 0);
	PROMISE(weft_chan_send_until(c, &v, WEFT_NOWAIT) == -EAGAIN);
	PROMISE(weft_chan_send_until(c, &v, -1) == -ETIMEDOUT);
	PROMISE(weft_chan_send_until(c, &v, INT64_MIN) == -ETIMEDOUT);
	PROMISE(weft_chan_send_until(c, &v, 1) == -ETIMEDOUT);
	PROMISE(weft_chan_send_until(c, &v, weft_in(WEFT_MS)) == -ETIMEDOUT);
	PROMISE(weft_chan_send_many(c, &v, 1, weft_now()) == -ETIMEDOUT);
	PROMISE(weft_chan_send_many(c, &v, 1, WEFT_NOWAIT) == -EAGAIN);
	PROMISE(weft_chan_len(c) == 1);
	v = 0;
	PROMISE(weft_chan_recv_until(c, &v, -1) == 0 && v == 1);
	v = 77;
	PROMISE(weft_chan_recv_until(c, &v, WEFT_NOWAIT) == -EAGAIN);
	PROMISE(weft_chan_recv_until(c, &v, -1) == -ETIMEDOUT);
	PROMISE(weft_chan_recv_until(c, &v, weft_in(WEFT_MS)) == -ETIMEDOUT);
	PROMISE(weft_chan_recv_many(c, &v, 1, 1) == -ETIMEDOUT);
	PROMISE(weft_chan_recv_many(c, &v, 1, WEFT_NOWAIT) == -EAGAIN);
	PROMISE(weft_chan_try_recv(c, &v) == -EAGAIN);
	PROMISE(v == 77);
	/* closed wins over a past deadline */
	PROMISE(weft_chan_close(c) == 0);
	PROMISE(weft_chan_send_until(c, &v, -1) == -EPIPE);
	PROMISE(weft_chan_send_until(c, &v, WEFT_NOWAIT) == -EPIPE);
	PROMISE(weft_chan_recv_until(c, &v, -1) == -EPIPE && v == 0);
	weft_chan_unref(c);
	return 0;
}

Test(chan, what_is_ready_is_done_even_late_the_rest_times_out)
{
	anywhere(deadlines_body);
}

static int timeout_is_not_early_body(void *arg)
{
	weft_chan *c = weft_chan_new(sizeof(int), 0);
	weft_time end = weft_in(3 * WEFT_MS);
	int v = 9;

	(void)arg;
	PROMISE(c);
	PROMISE(weft_chan_recv_until(c, &v, end) == -ETIMEDOUT);
	PROMISE(weft_now() >= end && v == 9);
	end = weft_in(3 * WEFT_MS);
	PROMISE(weft_chan_send_until(c, &v, end) == -ETIMEDOUT);
	PROMISE(weft_now() >= end);
	/* those who gave up are not in the way */
	PROMISE(weft_chan_try_recv(c, &v) == -EAGAIN);
	PROMISE(weft_chan_try_send(c, &v) == -EAGAIN);
	weft_chan_unref(c);
	return 0;
}

Test(chan, timeouts_are_never_early)
{
	anywhere(timeout_is_not_early_body);
}

static int close_body(void *arg)
{
	weft_chan *c = weft_chan_new(sizeof(int), 3);
	int v[5] = { 1, 2, 3, 4, 5 };

	(void)arg;
	PROMISE(c && weft_chan_close(NULL) == -EINVAL);
	PROMISE(weft_chan_send(c, &v[0]) == 0 && weft_chan_send(c, &v[1]) == 0);
	PROMISE(weft_chan_close(c) == 0);
	PROMISE(weft_chan_close(c) == -EALREADY);
	PROMISE(weft_chan_len(c) == 2);
	PROMISE(weft_chan_send(c, &v[2]) == -EPIPE);
	PROMISE(weft_chan_try_send(c, &v[2]) == -EPIPE);
	PROMISE(weft_chan_send_many(c, v, 2, WEFT_FOREVER) == -EPIPE);
	PROMISE(weft_chan_recv(c, &v[4]) == 0 && v[4] == 1);
	PROMISE(weft_chan_try_recv(c, &v[4]) == 0 && v[4] == 2);
	PROMISE(weft_chan_recv(c, &v[4]) == -EPIPE && v[4] == 0);
	v[4] = 8;
	PROMISE(weft_chan_try_recv(c, &v[4]) == -EPIPE && v[4] == 0);
	v[4] = 8;
	PROMISE(weft_chan_recv_many(c, v, 5, WEFT_FOREVER) == -EPIPE);
	PROMISE(weft_chan_recv(c, NULL) == -EPIPE);
	weft_chan_unref(c);
	return 0;
}

Test(chan, recv_on_closed_and_drained_zeroes_and_gives_epipe)
{
	anywhere(close_body);
}

static int nil_body(void *arg)
{
	int v = 3;

	(void)arg;
	PROMISE(weft_chan_try_send(NULL, &v) == -EAGAIN);
	PROMISE(weft_chan_try_recv(NULL, &v) == -EAGAIN);
	PROMISE(weft_chan_send_until(NULL, &v, WEFT_NOWAIT) == -EAGAIN);
	PROMISE(weft_chan_recv_until(NULL, &v, WEFT_NOWAIT) == -EAGAIN);
	PROMISE(weft_chan_send_until(NULL, &v, -5) == -ETIMEDOUT);
	PROMISE(weft_chan_recv_until(NULL, &v, weft_in(WEFT_MS)) == -ETIMEDOUT);
	PROMISE(weft_chan_send_many(NULL, &v, 1, WEFT_NOWAIT) == -EAGAIN);
	PROMISE(weft_chan_recv_many(NULL, &v, 1, weft_in(9)) == -ETIMEDOUT);
	PROMISE(weft_chan_recv_many(NULL, &v, 0, WEFT_FOREVER) == 0);
	PROMISE(v == 3);
	return 0;
}

Test(chan, nil_is_never_ready)
{
	anywhere(nil_body);
}

static int recv_nil(void *arg)
{
	return weft_chan_recv(NULL, arg);
}

static int send_nil(void *arg)
{
	return weft_chan_send(NULL, arg);
}

Test(chan, nil_parks_for_ever_in_plain_operations)
{
	cr_expect_eq(with_workers(1, recv_nil, NULL), -EDEADLK);
	cr_expect_eq(with_workers(2, send_nil, NULL), -EDEADLK);
}

/* --- batches ------------------------------------------------------------------ */

static int many_body(void *arg)
{
	static const size_t caps[] = { 1, 5, 64, WEFT_UNBOUNDED };
	int in[1000], out[1001];

	(void)arg;
	for (int i = 0; i < 1000; i++)
		in[i] = i;
	for (int k = 0; k < 4; k++) {
		size_t room = caps[k] < 1000 ? caps[k] : 1000;
		weft_chan *c = weft_chan_new(sizeof(int), caps[k]);

		PROMISE(c);
		for (int lap = 0; lap < 4; lap++) {
			size_t part = room / 2;

			PROMISE(weft_chan_send_many(c, in, 1000, WEFT_NOWAIT) ==
				(ssize_t)room);
			memset(out, 0xff, sizeof out);
			if (part)
				PROMISE(weft_chan_recv_many(c, out, part,
							    WEFT_FOREVER) ==
					(ssize_t)part);
			PROMISE(weft_chan_recv_many(c, out + part, 1001 - part,
						    WEFT_FOREVER) ==
				(ssize_t)(room - part));
			for (size_t i = 0; i < room; i++)
				PROMISE(out[i] == (int)i);
			PROMISE(out[room] == -1);
		}
		PROMISE(weft_chan_send_many(c, in, 0, WEFT_FOREVER) == 0);
		PROMISE(weft_chan_recv_many(c, out, 0, WEFT_FOREVER) == 0);
		PROMISE(weft_chan_recv_many(c, out, 1, WEFT_NOWAIT) == -EAGAIN);
		weft_chan_unref(c);
	}
	return 0;
}

Test(chan, many_takes_what_goes_at_once_and_keeps_order)
{
	anywhere(many_body);
}

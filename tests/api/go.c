/* api/go.c - go(f, args...) passes what a call would pass, for every kind of
 * parameter; chan(T) carries T.  What must not compile: api/go_refused.sh. */
#include <weft.h>
#include <weft/go.h>

#include "support/crit.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

TestSuite(go, .timeout = 120);

/* What the routine under test saw, and that it has. */
static weft_waitgroup seen = WEFT_WAITGROUP_INIT;
static long long saw[6];

static void see(int n, const long long *v)
{
	for (int i = 0; i < n; i++)
		saw[i] = v[i];
	weft_waitgroup_done(&seen);
}
#define SEE(n, ...) see(n, (long long[]){ __VA_ARGS__ })

/* Start it and wait until it has seen its arguments. */
#define RUN(...)                                                       \
	do {                                                           \
		memset(saw, 0x55, sizeof(saw));                        \
		weft_waitgroup_add(&seen, 1);                          \
		cr_expect_eq(go(__VA_ARGS__), 0);                      \
		weft_waitgroup_wait(&seen);                            \
	} while (0)
#define SAW(i, v) cr_expect_eq(saw[i], (long long)(v), "argument %d", i)

static volatile long long big = 0x123456789abcdef0;
static volatile long long minus = -1;
static volatile int three_hundred = 300, two_hundred = 200;
static volatile int seventy_thousand = 70000;

/* The whole register counts: a callee that trusts its caller's extension
 * would read a wrong number off the unclean upper half. */
static void narrow(unsigned char uc, signed char sc, bool b, short s,
		   unsigned short us, unsigned u)
{
	SEE(6, uc, sc, b, s, us, u);
}

static void plain(char c, int i, long l, unsigned long ul, long long ll,
		  size_t z)
{
	SEE(6, c, i, l, (long long)ul, ll, (long long)z);
}

static int narrow_app(void *arg)
{
	(void)arg;
	RUN(narrow, three_hundred, two_hundred, three_hundred,
	    seventy_thousand, -1, minus);
	SAW(0, 44);
	SAW(1, -56);
	SAW(2, 1);
	SAW(3, 4464);
	SAW(4, 65535);
	SAW(5, 4294967295LL);
	RUN(narrow, minus, minus, big, minus, minus, big);
	SAW(0, 255);
	SAW(1, -1);
	SAW(2, 1);
	SAW(3, -1);
	SAW(4, 65535);
	SAW(5, 0x9abcdef0LL);
	RUN(narrow, 0, -128, 0, SHRT_MIN, 0, 1u << 31);
	SAW(0, 0);
	SAW(1, -128);
	SAW(2, 0);
	SAW(3, SHRT_MIN);
	SAW(4, 0);
	SAW(5, 1LL << 31);
	return 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverflow"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wconstant-conversion"
#endif
static int constant_app(void *arg)
{
	(void)arg;
	RUN(narrow, 300, 200, 300, 70000, -1, -1);
	SAW(0, 44);
	SAW(1, -56);
	SAW(2, 1);
	SAW(3, 4464);
	SAW(4, 65535);
	SAW(5, 4294967295LL);
	return 0;
}
#pragma GCC diagnostic pop

Test(go, narrow_parameters_convert_as_in_a_call)
{
	cr_assert_eq(weft_run(narrow_app, NULL), 0);
	cr_assert_eq(weft_run(constant_app, NULL), 0);
}

static int wide_app(void *arg)
{
	unsigned ones = UINT_MAX;

	(void)arg;
	RUN(plain, 'a', big, minus, ones, ones, -1);
	SAW(0, 'a');
	SAW(1, (int)0x9abcdef0);
	SAW(2, -1);
	SAW(3, 4294967295LL);
	SAW(4, 4294967295LL);
	SAW(5, (long long)SIZE_MAX);
	RUN(plain, (char)-3, (short)-3, (short)-3, (unsigned char)-3, -3,
	    true);
	SAW(0, (char)-3);
	SAW(1, -3);
	SAW(2, -3);
	SAW(3, 253);
	SAW(4, -3);
	SAW(5, 1);
	return 0;
}

Test(go, wide_parameters_extend_by_the_sign_of_the_argument)
{
	cr_assert_eq(weft_run(wide_app, NULL), 0);
}

enum colour { RED, GREEN = 7 };
enum sign { BELOW = -1, ABOVE = 1 };
struct pair {
	int a, b;
};
struct bits {
	int s : 3;
	unsigned u : 5;
};
typedef int (*callback)(int);

static int twice(int x)
{
	return 2 * x;
}

static void kinds(enum colour c, enum sign s, const char *text, void *p,
		  struct pair *pair, callback f)
{
	SEE(6, c, s, text[1], (intptr_t)p, pair ? pair->b : -1, f(21));
}

static int kinds_app(void *arg)
{
	struct pair pairs[2] = { { 1, 2 }, { 3, 4 } };
	struct bits bits = { .s = -2, .u = 30 };

	(void)arg;
	RUN(kinds, GREEN, BELOW, "xyz", NULL, pairs, twice);
	SAW(0, 7);
	SAW(1, -1);
	SAW(2, 'y');
	SAW(3, 0);
	SAW(4, 2);
	SAW(5, 42);
	RUN(kinds, 0, ABOVE, "xyz", pairs, 0, &twice);
	SAW(0, 0);
	SAW(1, 1);
	SAW(3, (intptr_t)pairs);
	SAW(4, -1);
	RUN(plain, 'b', bits.s, bits.u, bits.u, bits.s, sizeof(bits));
	SAW(1, -2);
	SAW(2, 30);
	SAW(3, 30);
	SAW(4, -2);
	return 0;
}

Test(go, enums_pointers_arrays_functions_and_bit_fields)
{
	cr_assert_eq(weft_run(kinds_app, NULL), 0);
}

static void none(void)
{
	SEE(1, 0);
}
static void one(long a)
{
	SEE(1, a);
}
static void two(long a, long b)
{
	SEE(2, a, b);
}
static void three(long a, long b, long c)
{
	SEE(3, a, b, c);
}
static void four(long a, long b, long c, long d)
{
	SEE(4, a, b, c, d);
}
static void five(long a, long b, long c, long d, long e)
{
	SEE(5, a, b, c, d, e);
}
static void six(long a, long b, long c, long d, long e, long f)
{
	SEE(6, a, b, c, d, e, f);
}

static void saw_first(int n)
{
	for (int i = 0; i < n; i++)
		SAW(i, i + 1);
}

static int count_app(void *arg)
{
	(void)arg;
	RUN(none);
	SAW(0, 0);
	RUN(one, 1);
	saw_first(1);
	RUN(two, 1, 2);
	saw_first(2);
	RUN(three, 1, 2, 3);
	saw_first(3);
	RUN(four, 1, 2, 3, 4);
	saw_first(4);
	RUN(five, 1, 2, 3, 4, 5);
	saw_first(5);
	RUN(six, 1, 2, 3, 4, 5, 6);
	saw_first(6);
	return 0;
}

Test(go, none_to_six_arguments)
{
	cr_assert_eq(weft_run(count_app, NULL), 0);
}

/* Marks that change how a compiler treats calls of these functions. */
static __attribute__((const, noinline)) long pure_const(long a)
{
	SEE(1, a);
	return a;
}
static __attribute__((warn_unused_result, noinline)) int must_use(int a)
{
	SEE(1, a);
	return a;
}
static _Noreturn void never_returns(int a)
{
	SEE(1, a);
	weft_exit(0);
}
static double gives_double(int a)
{
	SEE(1, a);
	return a;
}
static char *gives_pointer(int a)
{
	SEE(1, a);
	return NULL;
}
static _Bool gives_bool(int a)
{
	SEE(1, a);
	return a;
}

static int results_app(void *arg)
{
	(void)arg;
	RUN(pure_const, 11);
	SAW(0, 11);
	RUN(must_use, 12);
	SAW(0, 12);
	RUN(never_returns, 13);
	SAW(0, 13);
	RUN(gives_double, 14);
	SAW(0, 14);
	RUN(gives_pointer, 15);
	SAW(0, 15);
	RUN(gives_bool, 16);
	SAW(0, 16);
	return 0;
}

Test(go, results_and_attributes_of_the_function_do_not_matter)
{
	cr_assert_eq(weft_run(results_app, NULL), 0);
}

static int evaluated;

static void (*pick(void))(long, long)
{
	evaluated++;
	return two;
}

static long next(void)
{
	return ++evaluated;
}

/* Parks, and may come back on another thread. */
static long slow(long v)
{
	for (int i = 0; i < 50; i++)
		weft_yield();
	return v;
}

static int once_app(void *arg)
{
	void (*const fp)(long) = one;

	(void)arg;
	evaluated = 0;
	RUN(pick(), next(), 5);
	cr_expect_eq(evaluated, 2);
	cr_expect(saw[0] == 1 || saw[0] == 2);
	SAW(1, 5);
	RUN(fp, 6);
	SAW(0, 6);
	RUN(*fp, 7);
	SAW(0, 7);
	RUN(&one, 8);
	SAW(0, 8);
	RUN(one, (long)weft_self());
	SAW(0, weft_self());
	RUN(two, slow(9), slow(10));
	SAW(0, 9);
	SAW(1, 10);
	evaluated = 40;
	RUN(one, ({
		    long v = next();
		    v + 1;
	    }));
	SAW(0, 42);
	return 0;
}

Test(go, arguments_are_evaluated_once_in_the_caller)
{
	cr_assert_eq(weft_run(once_app, NULL), 0);
}

static atomic_int runs;

/* Many run at once, on one worker, too, while a spare one is lent. */
static void count_one(long a)
{
	(void)a;
	runs++;
	weft_waitgroup_done(&seen);
}

static void count_none(void)
{
	count_one(0);
}

static int many_app(void *arg)
{
	weft_waitgroup_add(&seen, 2000);
	for (long i = 0; i < 1000; i++)
		if (go(count_one, slow(i)) != 0 || go(count_none) != 0)
			return -1;
	weft_waitgroup_wait(&seen);
	return *(int *)arg;
}

Test(go, is_an_expression_and_needs_a_runtime)
{
	weft_config c;
	int ok = 5;

	cr_expect_eq(go(none), -EPERM);
	weft_config_init(&c);
	c.workers = 1;
	cr_assert_eq(weft_run_config(&c, many_app, &ok), 5);
	cr_expect_eq(runs, 2000);
}

/* ------------------------------------------------------------- channels */

/* The same type wherever it is written. */
extern chan(int) shared;
chan(int) shared;
static int take(chan(int) c);
static int take(chan(int) c)
{
	int v = -1;

	return chan_recv(c, &v) == 0 ? v : -1;
}
static chan(int) make(size_t cap)
{
	return chan_make(int, cap);
}
struct holder {
	chan(int) ints;
	chan(const char *) texts;
	chan(struct pair) pairs;
	chan(callback) calls;
};

Test(go, channels_are_typed_handles)
{
	struct holder h = {
		make(2), chan_make(const char *, 1),
		chan_make(struct pair, 1), chan_make(callback, 1),
	};
	struct pair p = { 0, 0 };
	const char *text = NULL;
	callback call = NULL;
	int v[2] = { 0, 0 };
	chan(int) none = NULL;
	double three_and_a_bit = 3.9;
	void *plain = h.ints;

	cr_assert(h.ints && h.texts && h.pairs && h.calls);
	cr_expect_eq(sizeof(h.ints), sizeof(void *));
	shared = plain;
	cr_expect(shared == h.ints);
	cr_expect_eq(chan_cap(h.ints), 2);
	cr_expect_eq(chan_send(h.ints, three_and_a_bit), 0);
	cr_expect_eq(chan_len(h.ints), 1);
	cr_expect_eq(chan_recv(h.ints, v), 0);
	cr_expect_eq(v[0], 3);
	cr_expect_eq(chan_send(h.ints, 'x'), 0);
	cr_expect_eq(take(h.ints), 'x');
	cr_expect_eq(chan_send(h.texts, "hello"), 0);
	cr_expect_eq(chan_recv(h.texts, &text), 0);
	cr_expect_str_eq(text, "hello");
	cr_expect_eq(chan_send(h.pairs, (struct pair){ 1, 2 }), 0);
	cr_expect_eq(chan_recv(h.pairs, &p), 0);
	cr_expect_eq(p.b, 2);
	cr_expect_eq(chan_send(h.calls, twice), 0);
	cr_expect_eq(chan_recv(h.calls, &call), 0);
	cr_expect(call == twice);
	cr_expect_eq(chan_send(h.ints, 1), 0);
	cr_expect_eq(chan_recv(h.ints, NULL), 0);
	cr_expect_eq(chan_len(none), 0);
	cr_expect_eq(chan_try_recv(none, v), -EAGAIN);
	chan_free(none);
	chan_free(h.ints);
	chan_free(h.texts);
	chan_free(h.pairs);
	chan_free(h.calls);
}

Test(go, values_convert_to_the_element_type_once)
{
	chan(bool) b = chan_make(bool, 1);
	chan(unsigned char) uc = chan_make(unsigned char, 1);
	chan(long) l = chan_make(long, 1);
	chan(double) d = chan_make(double, 1);
	unsigned char small = 0;
	bool flag = false;
	double real = 0;
	long wide = 0;

	evaluated = 0;
	cr_expect_eq(chan_send(b, three_hundred), 0);
	cr_expect_eq(chan_recv(b, &flag), 0);
	cr_expect_eq(flag, true);
	cr_expect_eq(chan_send(uc, three_hundred), 0);
	cr_expect_eq(chan_recv(uc, &small), 0);
	cr_expect_eq(small, 44);
	cr_expect_eq(chan_send(l, next()), 0);
	cr_expect_eq(chan_try_send(l, next()), -EAGAIN);
	cr_expect_eq(chan_recv(l, &wide), 0);
	cr_expect_eq(wide, 1);
	cr_expect_eq(evaluated, 2);
	cr_expect_eq(chan_send(d, 7), 0);
	cr_expect_eq(chan_recv(d, &real), 0);
	cr_expect(real == 7.0);
	chan_free(b);
	chan_free(uc);
	chan_free(l);
	chan_free(d);
}

Test(go, channel_calls_answer_as_the_plain_ones)
{
	chan(int) c = chan_make(int, 1), again = chan_ref(c);
	int v = 9;

	cr_expect(again == c);
	cr_expect_eq(chan_try_recv(c, &v), -EAGAIN);
	cr_expect_eq(chan_recv_until(c, &v, weft_in(-WEFT_S)), -ETIMEDOUT);
	cr_expect_eq(v, 9);
	cr_expect_eq(chan_send_until(c, 1, WEFT_NOWAIT), 0);
	cr_expect_eq(chan_send_until(c, 2, WEFT_NOWAIT), -EAGAIN);
	cr_expect_eq(chan_send_until(c, 2, weft_in(WEFT_MS)), -ETIMEDOUT);
	cr_expect_eq(chan_try_send(c, 2), -EAGAIN);
	cr_expect_eq(chan_close(c), 0);
	cr_expect_eq(chan_close(c), -EALREADY);
	cr_expect_eq(chan_send(c, 3), -EPIPE);
	cr_expect_eq(chan_recv_until(c, &v, WEFT_FOREVER), 0);
	cr_expect_eq(v, 1);
	cr_expect_eq(chan_recv(c, &v), -EPIPE);
	cr_expect_eq(v, 0);
	chan_free(c);
	chan_free(again);
	c = chan_make(int, WEFT_UNBOUNDED);
	cr_expect_eq(chan_cap(c), WEFT_UNBOUNDED);
	chan_free(c);
}

static void square(chan(int) in, chan(int) out)
{
	int v;

	while (chan_recv(in, &v) == 0)
		chan_send(out, v * v);
	chan_close(out);
}

static void feed(chan(int) out, int n)
{
	for (int i = 1; i <= n; i++)
		chan_send(out, i);
	chan_close(out);
}

static int pipeline_app(void *arg)
{
	chan(int) in = chan_make(int, 16), out = chan_make(int);
	int v, sum = 0;

	(void)arg;
	go(feed, in, 10);
	go(square, in, out);
	while (chan_recv(out, &v) == 0)
		sum += v;
	chan_free(in);
	chan_free(out);
	return sum;
}

Test(go, a_pipeline_of_typed_channels)
{
	cr_assert_eq(weft_run(pipeline_app, NULL), 385);
}

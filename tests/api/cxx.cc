/* api/cxx.cc - weft from C++17: every header, go() as a template, chan(T).
 * What must not compile: api/go_refused.sh. */
#include <weft.h>
#include <weft/go.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <type_traits>

static int failures;

#define CHECK(c)                                                       \
	do {                                                           \
		if (!(c)) {                                            \
			std::printf("%s:%d: %s\n", __FILE__, __LINE__, \
				    #c);                               \
			failures++;                                    \
		}                                                      \
	} while (0)

static weft_waitgroup seen = WEFT_WAITGROUP_INIT;
static long long saw[6];

template <class... A> static void see(A... a)
{
	const long long v[] = { static_cast<long long>(a)... };

	for (unsigned i = 0; i < sizeof...(A); i++)
		saw[i] = v[i];
	weft_waitgroup_done(&seen);
}

template <class F, class... A> static void run(F f, A... a)
{
	weft_waitgroup_add(&seen, 1);
	CHECK(go(f, a...) == 0);
	weft_waitgroup_wait(&seen);
}

enum colour { RED, GREEN = 7 };
enum class level : short { LOW = -5 };

static void narrow(unsigned char uc, signed char sc, bool b, short s,
		   unsigned short us, unsigned u)
{
	see(uc, sc, b, s, us, u);
}
static void wide(int i, long l, unsigned long ul, long long ll, char c,
		 wchar_t w)
{
	see(i, l, ul, ll, c, w);
}
static void kinds(colour c, level l, const char *text, void *p, int (*f)(int),
		  std::nullptr_t)
{
	see(c, l, text[1], p == nullptr, f(21));
}
static void quiet() noexcept
{
	see(1);
}
static int gives(int a)
{
	see(a);
	return a;
}
static int twice(int x)
{
	return 2 * x;
}
template <class T> static void generic(T a)
{
	see(a);
}

static void arguments()
{
	run(narrow, 300, 200, 300, 70000, -1, -1);
	CHECK(saw[0] == 44 && saw[1] == -56 && saw[2] == 1);
	CHECK(saw[3] == 4464 && saw[4] == 65535 && saw[5] == 4294967295LL);
	run(wide, 0x123456789abcdef0LL, -1, 4294967295u, -2, 'a', L'b');
	CHECK(saw[0] == static_cast<int>(0x9abcdef0) && saw[1] == -1);
	CHECK(saw[2] == 4294967295LL && saw[3] == -2);
	CHECK(saw[4] == 'a' && saw[5] == 'b');

	weft_waitgroup_add(&seen, 1);
	CHECK(go(kinds, GREEN, level::LOW, "xyz", nullptr,
		 [](int x) { return 2 * x; }, nullptr) == 0);
	weft_waitgroup_wait(&seen);
	CHECK(saw[0] == 7 && saw[1] == -5 && saw[2] == 'y');
	CHECK(saw[3] == 1 && saw[4] == 42);
	weft_waitgroup_add(&seen, 1);
	CHECK(go(kinds, RED, level::LOW, "xyz", 0, &twice, nullptr) == 0);
	weft_waitgroup_wait(&seen);
	CHECK(saw[0] == 0 && saw[4] == 42);

	run(quiet);
	run(gives, 5);
	CHECK(saw[0] == 5);
	run(&gives, 6);
	CHECK(saw[0] == 6);
	run(generic<short>, -7);
	CHECK(saw[0] == -7);
}

struct pair {
	int a, b;
};
struct holder {
	chan(int) ints;
	chan(pair) pairs;
};
static_assert(sizeof(holder) == 2 * sizeof(void *), "handles are pointers");
static_assert(std::is_same_v<chan(int), chan(int)>, "one type");
static_assert(!std::is_same_v<chan(int), chan(long)>, "two types");

static chan(int) make(size_t cap)
{
	return chan_make(int, cap);
}

static void channels()
{
	holder h = { make(2), chan_make(pair, 1) };
	chan(int) none = nullptr;
	chan(int) again = chan_ref(h.ints);
	pair p = { 0, 0 };
	double real = 3.9;
	int v = 0;

	CHECK(again == h.ints && chan_cap(h.ints) == 2);
	CHECK(chan_send(h.ints, real) == 0 && chan_len(h.ints) == 1);
	CHECK(chan_recv(h.ints, &v) == 0 && v == 3);
	CHECK(chan_send(h.ints, 'x') == 0);
	CHECK(chan_recv(h.ints, nullptr) == 0);
	CHECK(chan_try_recv(h.ints, &v) == -EAGAIN && v == 3);
	CHECK(chan_send(h.pairs, { 1, 2 }) == 0);
	CHECK(chan_recv(h.pairs, &p) == 0 && p.b == 2);
	CHECK(chan_send_until(h.pairs, p, WEFT_NOWAIT) == 0);
	CHECK(chan_try_send(h.pairs, p) == -EAGAIN);
	CHECK(chan_recv_until(h.pairs, &p, WEFT_NOWAIT) == 0);
	CHECK(chan_try_recv(none, &v) == -EAGAIN && chan_len(none) == 0);
	int err = 1;
	CHECK(chan_select(WEFT_NOWAIT, on_recv(h.ints, &v), on_recv(none, nullptr),
			  on_send(h.pairs, { 3, 4 })) == 2);
	CHECK(chan_select(weft_in(WEFT_S), on_recv(h.ints, &v),
			  on_recv(h.pairs, &p, &err)) == 1);
	CHECK(p.b == 4 && err == 0);
	weft_case k[] = { WEFT_RECV((weft_chan *)h.ints, &v),
			  WEFT_SEND((weft_chan *)h.ints, "abcd") };
	k[0] = WEFT_RECV((weft_chan *)nullptr, nullptr);
	CHECK(weft_select(k, 2, WEFT_FOREVER) == 1 && k[1].err == 0);
	CHECK(chan_recv(h.ints, &v) == 0);
	CHECK(chan_close(h.ints) == 0 && chan_close(h.ints) == -EALREADY);
	CHECK(chan_send(h.ints, 1) == -EPIPE);
	chan_free(again);
	chan_free(none);
	chan_free(h.ints);
	chan_free(h.pairs);
}

/* --- deferred calls and panics ------------------------------------------------- */

static char order[8];

static void append(char *letter)
{
	strcat(order, letter);
}

static int panics(void *arg)
{
	char a[] = "a", b[] = "b";

	defer(append, a);
	defer(append, b);
	WEFT_DEFER([](void *p) { append(static_cast<char *>(p)); }, arg);
	weft_panic("%s", "from C++");
}

static void deferred()
{
	char c[] = "c", d[] = "d";

	{
		weft_mutex m = WEFT_MUTEX_INIT;

		weft_mutex_lock(&m);
		defer(weft_mutex_unlock, &m);
		defer(append, d);
	}
	CHECK(weft_try(panics, c) == WEFT_EPANIC);
	CHECK(strcmp(order, "dcba") == 0);
	CHECK(strcmp(weft_panic_text(), "from C++") == 0);
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

static int app(void *)
{
	chan(int) in = chan_make(int, 16), out = chan_make(int);
	int v, sum = 0;

	arguments();
	channels();
	deferred();
	go(feed, in, 10);
	go(square, in, out);
	while (chan_recv(out, &v) == 0)
		sum += v;
	chan_free(in);
	chan_free(out);
	return sum;
}

int main()
{
	weft_config config;
	weft_attr attr = {};

	weft_config_init(&config);
	attr.name = "main";
	CHECK(go(quiet) == -EPERM);
	CHECK(weft_go_attr(&attr, nullptr, nullptr) == -EINVAL);
	CHECK(weft_run_config(&config, app, nullptr) == 385);
	CHECK(weft_strerror(-EPIPE) != nullptr);
	return failures != 0;
}

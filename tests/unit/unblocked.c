/* unit/unblocked.c - no worker waits in the kernel for names, files or children.
 *
 * The kernel counts how often a thread gave up its CPU to wait.  While somebody
 * else can run, the only worker never does.
 */
#include "support/child.h"
#include "support/files.h"
#include "support/net.h"

#include "net/net.h"

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

TestSuite(unblocked, .timeout = 100);

enum {
	NAMES = 8, OPENS = 8, CHILDREN = 4, ALL = NAMES + OPENS + CHILDREN,
	STRETCHES = 50, HITCHES = 10,
};

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int entered, begun, ended, stop;
static long home;                       /* thread of the one worker */

/* On a loaded machine a worker that gets no CPU looks stuck, and a spare takes
 * over for a while. */
static void go_home(void)
{
	wait_until(thread_id() == home);
}

static void begin(void)
{
	go_home();
	begun++;
}

/* A name server that answers when the gate opens. */
static int slow(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	(void)node;
	entered++;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return getaddrinfo("127.0.0.7", service, hints, res);
}

static int name(void *arg)
{
	struct addrinfo *res = NULL;
	int err;

	(void)arg;
	begin();
	err = weft_getaddrinfo("slow.example", NULL, NULL, &res, WEFT_FOREVER);
	ended++;
	if (res)
		freeaddrinfo(res);
	return err;
}

static int open_to_read(void *arg)
{
	int in;

	(void)arg;
	begin();
	in = weft_open(path, O_RDONLY, 0);
	ended++;
	return in < 0 ? in : weft_close(in);
}

static int wait_for(void *arg)
{
	struct child *c = arg;
	int status = -1;

	begin();
	CHECK_EQ(weft_waitpid(c->pid, &status, 0, WEFT_FOREVER), c->pid);
	ended++;
	return WEXITSTATUS(status);
}

static atomic_bool strayed;             /* something ran elsewhere */

static bool stray(void)
{
	strayed = strayed || thread_id() != home;
	return strayed;
}

static int walk(void *arg)
{
	atomic_int *steps = arg;

	while (!stop) {
		++*steps;
		stray();
		weft_yield();
	}
	return 0;
}

/* How often the calling thread has waited in the kernel. */
static long waits(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw;
}

/* True: without a wait. */
static bool walk_on(atomic_int *steps)
{
	long before;
	int from;

	do {
		go_home();
		strayed = false;
		before = waits();
		from = *steps;
		wait_until(stray() || *steps >= from + 500);
		before = waits() - before;
	} while (stray());
	/* Whose threads take turns, or wait for one another. */
	return before == 0 || under("valgrind") || under("qemu") ||
	       getenv("TEST_EMULATOR");
}

static int held(void *arg)
{
	struct child child[CHILDREN];
	weft_id id[ALL], walker;
	atomic_int steps = 0;
	int n = 0, status, out, waited = 0;
	long before;

	(void)arg;
	entered = begun = ended = stop = 0;
	home = thread_id();
	pthread_mutex_lock(&gate);
	for (int i = 0; i < NAMES; i++)
		CHECK_EQ(weft_spawn(&id[n++], NULL, name, NULL), 0);
	for (int i = 0; i < OPENS; i++)
		CHECK_EQ(weft_spawn(&id[n++], NULL, open_to_read, NULL), 0);
	for (int i = 0; i < CHILDREN; i++) {
		child[i] = child_start("read x; exit 3");
		CHECK_EQ(weft_spawn(&id[n++], NULL, wait_for, &child[i]), 0);
	}
	CHECK_EQ(weft_spawn(&walker, NULL, walk, &steps), 0);
	wait_until(begun == ALL && entered == NAMES);

	/* All are on their way: the one worker walks on as if they were not. */
	go_home();
	before = waits();
	poll(NULL, 0, 1);
	CHECK(waits() > before);        /* a call that does block is counted */
	for (int i = 0; i < STRETCHES; i++)
		waited += !walk_on(&steps);
	/* A page's or a sanitizer's lock may be another thread's for a moment. */
	CHECK(waited <= HITCHES);
	CHECK_EQ(ended, 0);

	pthread_mutex_unlock(&gate);
	out = weft_open(path, O_WRONLY, 0);
	CHECK(out >= 0);
	for (int i = 0; i < CHILDREN; i++)
		child_go(&child[i]);
	for (int i = 0; i < ALL; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, i < NAMES + OPENS ? 0 : 3);
	}
	CHECK_EQ(weft_close(out), 0);
	stop = 1;
	CHECK_EQ(weft_join(walker, NULL), 0);
	return 0;
}

static int held_on_one(void)
{
	return run_on(1, held, NULL);
}

Test(unblocked, while_names_files_and_children_are_waited_for)
{
	weft__net_resolver = slow;
	make_dir();
	cr_assert_eq(mkfifo(path, 0600), 0);
	BOTH({
		cr_assert_eq(held_on_one(), 0);
		cr_assert_eq(failures, 0, "%s", first_failure);
	});
	remove_dir();
}

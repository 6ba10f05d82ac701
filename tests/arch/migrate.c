/* arch/migrate.c - contexts that wander between threads keep their registers,
 * and a thread-local load after a switch is that of the thread they are on. */
#include "base/base.h"
#include "routine/sanitize.h"
#include "support/crit.h"

#include "cpu.h"

#include <pthread.h>
#include <stdatomic.h>

/* The bare switch tells the sanitizers nothing. */
TestSuite(arch_migrate, .disabled = WEFT_SANITIZED, .timeout = 120);

enum { CONTEXTS = 1000, THREADS = 4, ROUNDS = 50, STACK = 16384 };

struct thread;

struct context {
	void *sp;
	struct context *next;
	uint64_t seed;
	unsigned bad_regs, bad_tls, moves;
	bool done;
};

struct thread {
	void *sp;
	struct context *running;
	pthread_t id;
};

_Thread_local struct thread *test_tls_thread __attribute__((used,
	visibility("hidden"), tls_model("initial-exec")));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct context *head, **tail = &head;
static unsigned left = CONTEXTS;
static struct context context[CONTEXTS];
static struct thread thread[THREADS];
static char *stacks;
static pthread_barrier_t begin;
static atomic_bool moved;               /* else the first may do it all */

static void push(struct context *c)
{
	c->next = NULL;
	*tail = c;
	tail = &c->next;
}

static struct context *pop(void)
{
	struct context *c = head;

	if (c && !(head = c->next))
		tail = &head;
	return c;
}

static void wander(void *pass)
{
	struct thread *t = pass, *before;
	struct context *c = t->running;
	struct regs in, out;

	for (int i = 0; i < ROUNDS || !moved; i++) {
		regs_fill(&in, &c->seed);
		memset(&out, 0, sizeof out);
		before = WEFT_ARCH_TLS_LOAD(test_tls_thread);
		c->bad_tls += before != t;
		regs_switch(&c->sp, t->sp, &in, &out);
		t = WEFT_ARCH_TLS_LOAD(test_tls_thread);
		c->bad_tls += t->running != c;
		c->bad_tls += !pthread_equal(t->id, pthread_self());
		if (t != before) {
			c->moves++;
			moved = true;
		}
		c->bad_regs += memcmp(&in, &out, sizeof in) != 0;
	}
	c->done = true;
	weft__arch_jump(t->sp, NULL);
}

static void *run(void *arg)
{
	struct thread *t = arg;

	t->id = pthread_self();
	WEFT_ARCH_TLS_STORE(test_tls_thread, t);
	pthread_barrier_wait(&begin);
	pthread_mutex_lock(&lock);
	while (left) {
		struct context *c = pop();

		pthread_mutex_unlock(&lock);
		if (c) {
			t->running = c;
			weft__arch_switch(&t->sp, c->sp, t);
		} else {
			sched_yield();
		}
		pthread_mutex_lock(&lock);
		if (c && c->done)
			left--;
		else if (c)
			push(c);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

Test(arch_migrate, a_thousand_contexts_across_threads)
{
	unsigned bad_regs = 0, bad_tls = 0, moves = 0;

	stacks = malloc((size_t)CONTEXTS * STACK);
	cr_assert_not_null(stacks);
	for (unsigned i = 0; i < CONTEXTS; i++) {
		char *top = stacks + (size_t)(i + 1) * STACK - i % 16 * 64;

		context[i].seed = i;
		context[i].sp = weft__arch_prepare(top, wander);
		push(&context[i]);
	}
	cr_assert_eq(pthread_barrier_init(&begin, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&thread[i].id, NULL, run,
					    &thread[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i].id, NULL);
	for (unsigned i = 0; i < CONTEXTS; i++) {
		bad_regs += context[i].bad_regs;
		bad_tls += context[i].bad_tls;
		moves += context[i].moves;
	}
	free(stacks);
	cr_expect_eq(bad_regs, 0u);
	cr_expect_eq(bad_tls, 0u);
	cr_expect_geq(moves, 1u, "nothing ever changed its thread");
}

Test(arch_migrate, thread_local_store_is_seen_by_the_next_load)
{
	struct thread one, two, *got;

	WEFT_ARCH_TLS_STORE(test_tls_thread, &one);
	got = WEFT_ARCH_TLS_LOAD(test_tls_thread);
	cr_expect(got == &one);
	WEFT_ARCH_TLS_STORE(test_tls_thread, &two);
	got = WEFT_ARCH_TLS_LOAD(test_tls_thread);
	cr_expect(got == &two);
	WEFT_ARCH_TLS_STORE(test_tls_thread, NULL);
	got = WEFT_ARCH_TLS_LOAD(test_tls_thread);
	cr_expect_null(got);
}

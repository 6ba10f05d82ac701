/* tests/unit/stack.c - src/routine/stack.c, slab.c, trim.c: get, put, depot and
 * giving memory back. */
#include "support/crit.h"

#include "base/base.h"
#include "os/os.h"
#include "routine/slab.h"
#include "routine/stack.h"

#include <pthread.h>

TestSuite(stack, .timeout = 120);

static struct stack_pool pool;
static struct stack_cache cache;

static void setup(void)
{
	weft__stack_pool_init(&pool, GUARD_AUTO);
	weft__stack_cache_init(&cache, &pool);
}

static void teardown(void)
{
	weft__stack_pool_fini(&pool);
}

/* The runtime's trimmer, without the waiting: time is an argument. */
static size_t trim_all(int64_t *now)
{
	size_t n, sum = 0;

	for (int i = 0; i < 4; i++) {
		*now += TRIM_TICK;
		while ((n = weft__stack_trim(&pool, *now, 4096)))
			sum += n;
	}
	return sum;
}

/* Pages of all stacks of the pool that are there. */
static size_t resident_pages(void)
{
	size_t sum = 0;

	for (unsigned c = 0; c < STACK_CLASSES; c++)
		for (struct slab *s = pool.depot[c].slabs; s; s = s->next)
			sum += weft__os_resident(s->first, (size_t)
						 (s->hi - s->first));
	return sum;
}

Test(stack, sizes_round_up_to_classes)
{
	size_t page = weft__os_page();

	cr_expect_eq(weft__stack_class(0), STACK_DEFAULT);
	cr_expect_eq(weft__stack_class(1), STACK_4K);
	cr_expect_eq(weft__stack_class(2047), STACK_4K);
	cr_expect_eq(weft__stack_class(2048), STACK_SUBPAGE);
	if (page == 4096) {
		cr_expect_eq(weft__stack_class(2049), STACK_4K);
		cr_expect_eq(weft__stack_class(4096), STACK_4K);
		cr_expect_eq(weft__stack_class(4097), STACK_4K + 1);
	}
	cr_expect_eq(weft__stack_class(64 << 10), STACK_DEFAULT);
	cr_expect_eq(weft__stack_class((64 << 10) + 1), STACK_DEFAULT + 1);
	cr_expect_eq(weft__stack_class(SIZE_MAX), -EINVAL);
	cr_expect_eq(weft__stack_class((size_t)1 << 40), -EINVAL);
	for (unsigned c = STACK_4K; c < STACK_CLASSES; c++)
		cr_expect(weft__stack_class_size(c) >= page || c < 5);
}

Test(stack, every_class_gives_writable_aligned_memory,
     .init = setup, .fini = teardown)
{
	/* The last classes are larger than what a small machine maps. */
	for (unsigned c = 0; c <= 14; c++) {
		struct stack *s = weft__stack_get(&cache, c);
		char *top;

		cr_assert_not_null(s, "class %u", c);
		top = weft__stack_top(s);
		cr_expect_eq((uintptr_t)top & 15, 0);
		cr_expect((char *)s->base + s->size == (char *)(s + 1));
		cr_expect(top <= (char *)s && top >= s->base + s->size / 2);
		cr_expect_eq(s->cls, c);
		if (!WEFT_ASAN)
			cr_expect((size_t)((char *)s - top) <= s->size / 16,
				  "colour within a sixteenth");
		memset(top - 512, 0x5a, 512);
		s->base[0] = 1;
		s->base[0] = 0;
		weft__stack_put(&cache, s);
		cr_expect(weft__stack_get(&cache, c) == s, "last in first out");
		weft__stack_put(&cache, s);
	}
}

Test(stack, tops_differ_in_colour, .init = setup, .fini = teardown)
{
	struct stack *a = weft__stack_get(&cache, STACK_DEFAULT);
	struct stack *b = weft__stack_get(&cache, STACK_DEFAULT);
	uintptr_t in_page = weft__os_page() - 1;

	cr_assert(a && b);
	cr_expect_neq((uintptr_t)weft__stack_top(a) & in_page,
		      (uintptr_t)weft__stack_top(b) & in_page);
	weft__stack_put(&cache, a);
	weft__stack_put(&cache, b);
}

enum { MANY = 5000 };
static struct stack *many[MANY];

/* Each stack gets its own number; nobody may have two owners. */
static int own_and_check(struct stack_cache *c, unsigned cls)
{
	int wrong = 0;

	for (uintptr_t i = 0; i < MANY; i++) {
		many[i] = weft__stack_get(c, cls);
		if (!many[i])
			return -1;
		((uintptr_t *)weft__stack_top(many[i]))[-1] = i;
		*(uintptr_t *)(void *)many[i]->base = ~i;
	}
	for (uintptr_t i = 0; i < MANY; i++) {
		wrong += ((uintptr_t *)weft__stack_top(many[i]))[-1] != i;
		wrong += *(uintptr_t *)(void *)many[i]->base != ~i;
		*(uintptr_t *)(void *)many[i]->base = 0;
		weft__stack_put(c, many[i]);
	}
	return wrong;
}

Test(stack, stacks_do_not_overlap, .init = setup, .fini = teardown)
{
	int64_t now = 0;

	for (unsigned c = STACK_SUBPAGE; c <= STACK_4K + 1; c++) {
		cr_expect_eq(own_and_check(&cache, c), 0, "class %u new", c);
		cr_expect_eq(own_and_check(&cache, c), 0, "class %u hot", c);
		trim_all(&now);
		cr_expect_eq(own_and_check(&cache, c), 0, "class %u cold", c);
	}
}

Test(stack, reuse_maps_nothing_new, .init = setup, .fini = teardown)
{
	size_t mapped;
	int64_t now = 0;

	own_and_check(&cache, STACK_DEFAULT);
	mapped = load_rlx(&pool.mapped);
	for (int i = 0; i < 5; i++) {
		own_and_check(&cache, STACK_DEFAULT);
		if (i & 1)
			trim_all(&now);
	}
	cr_expect_eq(load_rlx(&pool.mapped), mapped);
}

Test(stack, a_spike_is_given_back, .init = setup, .fini = teardown)
{
	enum { SPIKE = 20000 };
	static struct stack *spike[SPIKE];
	size_t before = resident_pages(), peak, after;
	int64_t now = 0;

	for (int i = 0; i < SPIKE; i++) {
		spike[i] = weft__stack_get(&cache, STACK_DEFAULT);
		cr_assert_not_null(spike[i]);
		memset((char *)weft__stack_top(spike[i]) - 256, 1, 256);
	}
	peak = resident_pages();
	for (int i = 0; i < SPIKE; i++)
		weft__stack_put(&cache, spike[i]);
	cr_expect(resident_pages() >= peak, "putting back is no trim");
	cr_expect(weft__stack_trim_wanted(&pool));
	cr_expect_eq(weft__stack_trim(&pool, now + 1, 4096), 0, "too early");
	cr_expect(trim_all(&now) > SPIKE * 9 / 10);
	cr_expect(!weft__stack_trim_wanted(&pool), "it comes to rest");
	after = resident_pages();
	cr_expect((peak - after) * 10 >= (peak - before) * 9,
		  "before %zu peak %zu after %zu pages", before, peak, after);
}

Test(stack, subpage_pages_go_back_though_neighbours_went_earlier,
     .init = setup, .fini = teardown)
{
	size_t before, peak, after;
	int64_t now = 0;
	enum { N = MANY };

	before = resident_pages();
	for (int i = 0; i < N; i++) {
		many[i] = weft__stack_get(&cache, STACK_SUBPAGE);
		cr_assert_not_null(many[i]);
		((char *)weft__stack_top(many[i]))[-1] = 1;
	}
	peak = resident_pages();
	for (int i = 0; i < N; i += 2)
		weft__stack_put(&cache, many[i]);
	weft__stack_cache_flush(&cache);
	trim_all(&now);
	for (int i = 1; i < N; i += 2)
		weft__stack_put(&cache, many[i]);
	weft__stack_cache_flush(&cache);
	trim_all(&now);
	after = resident_pages();
	cr_expect((peak - after) * 10 >= (peak - before) * 7,
		  "before %zu peak %zu after %zu pages", before, peak, after);
}

Test(stack, a_kept_stack_that_was_deep_loses_its_depth,
     .init = setup, .fini = teardown)
{
	struct stack *s = weft__stack_get(&cache, STACK_DEFAULT);
	int64_t now = 0;

	if (WEFT_ON_VALGRIND())
		cr_skip_test("marks are off here");
	cr_assert_not_null(s);
	cr_expect_eq(weft__os_resident(s->base, s->size), 1);
	cr_expect(weft__marks_intact(s));
	memset(s->base + 4096, 1, s->size - 4096 - sizeof *s);
	cr_expect(!weft__marks_intact(s));
	cr_expect_eq(weft__stack_used(s), s->size - 4096);
	cr_expect_eq(weft__os_resident(s->base, s->size),
		     s->size / weft__os_page() - 1);
	weft__stack_put(&cache, s);
	weft__stack_cache_flush(&cache);
	trim_all(&now);
	cr_expect_eq(weft__os_resident(s->base, s->size), 1);
	cr_expect(weft__marks_intact(s));
}

/* --- several threads ------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 20000, HOLD = 200 };
static _Atomic int wrong;
static _Atomic int running;

static void *churn(void *arg)
{
	struct stack_cache c;
	struct stack *held[HOLD];
	uintptr_t me = (uintptr_t)arg;
	uint32_t rng = (uint32_t)me * 2654435761u + 1;
	int n = 0;

	weft__stack_cache_init(&c, &pool);
	for (int i = 0; i < ROUNDS; i++) {
		rng = rng * 1664525 + 1013904223;
		if (n < HOLD && (n == 0 || rng >> 31)) {
			struct stack *s = weft__stack_get(&c, rng >> 20 & 1 ?
							  STACK_SUBPAGE :
							  STACK_DEFAULT);

			if (!s) {
				add_rlx(&wrong, 1);
				break;
			}
			((uintptr_t *)weft__stack_top(s))[-1] = me;
			held[n++] = s;
		} else {
			int k = (int)(rng >> 8) % n;

			if (((uintptr_t *)weft__stack_top(held[k]))[-1] != me)
				add_rlx(&wrong, 1);
			weft__stack_put(&c, held[k]);
			held[k] = held[--n];
		}
		if (rng % 1000 == 0)
			weft__stack_cache_flush(&c);
	}
	while (n)
		weft__stack_put(&c, held[--n]);
	weft__stack_cache_flush(&c);
	sub_rlx(&running, 1);
	return NULL;
}

Test(stack, threads_share_the_depot_while_it_is_trimmed,
     .init = setup, .fini = teardown)
{
	pthread_t t[THREADS];
	int64_t now = 0;

	store_rlx(&running, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, churn,
					    (void *)(i + 1)), 0);
	while (load_rlx(&running)) {
		now += TRIM_TICK;
		weft__stack_trim(&pool, now, 256);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	cr_expect_eq(load_rlx(&wrong), 0);
}

/* --- when the system says no ------------------------------------------------- */

static int maps_left;

static int no_maps(enum os_call call, size_t len)
{
	(void)len;
	return call == OS_MAP && maps_left-- <= 0 ? -ENOMEM : 0;
}

static int no_large_maps(enum os_call call, size_t len)
{
	return call == OS_MAP && len > (1 << 20) ? -ENOMEM : 0;
}

static int no_discards(enum os_call call, size_t len)
{
	(void)len;
	return call == OS_DISCARD ? -EAGAIN : 0;
}

Test(stack, no_memory_is_null_and_what_is_there_goes_on,
     .init = setup, .fini = teardown)
{
	size_t n = 0;

	maps_left = 2;
	weft__os_fault = no_maps;
	while (n < MANY && (many[n] = weft__stack_get(&cache, STACK_DEFAULT)))
		n++;
	cr_expect(n > 0 && n < MANY);
	cr_expect_null(weft__stack_get(&cache, STACK_DEFAULT));
	weft__stack_put(&cache, many[--n]);
	cr_expect(weft__stack_get(&cache, STACK_DEFAULT) == many[n]);
	weft__os_fault = NULL;
	many[n + 1] = weft__stack_get(&cache, STACK_DEFAULT);
	cr_expect_not_null(many[n + 1]);
	for (size_t i = 0; i <= n + 1; i++)
		weft__stack_put(&cache, many[i]);
}

Test(stack, short_address_space_gives_smaller_slabs,
     .init = setup, .fini = teardown)
{
	weft__os_fault = no_large_maps;
	for (int i = 0; i < 200; i++)
		cr_assert_not_null(many[i] = weft__stack_get(&cache,
							     STACK_DEFAULT));
	weft__os_fault = NULL;
	for (int i = 0; i < 200; i++)
		weft__stack_put(&cache, many[i]);
}

Test(stack, a_refused_discard_loses_nothing, .init = setup, .fini = teardown)
{
	int64_t now = 0;

	weft__os_fault = no_discards;
	cr_expect_eq(own_and_check(&cache, STACK_4K), 0);
	trim_all(&now);
	cr_expect_eq(own_and_check(&cache, STACK_4K), 0);
	weft__os_fault = NULL;
}

Test(stack, pools_come_and_go)
{
	struct stack_pool *p = calloc(1, sizeof *p);

	cr_assert_not_null(p);
	for (int i = 0; i < 200; i++) {
		weft__stack_pool_init(p, GUARD_AUTO);
		weft__stack_cache_init(&cache, p);
		for (int k = 0; k < 100; k++)
			many[k] = weft__stack_get(&cache, STACK_DEFAULT);
		for (int k = 0; k < 50; k++)
			weft__stack_put(&cache, many[k]);
		cr_expect_not_null(weft__slab_find(many[99]->base));
		weft__stack_pool_fini(p);
		cr_expect_eq(load_rlx(&p->mapped), 0);
		cr_expect_null(weft__slab_find(many[99]));
	}
	free(p);
}

Test(stack, a_thread_knows_its_own)
{
	struct stack s;
	char *here = __builtin_frame_address(0);

	weft__stack_thread(&s);
	cr_expect(here >= s.base && here < s.base + s.size);
}

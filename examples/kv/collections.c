/* collections.c - the commands of lists, sets, hashes and sorted sets.
 *
 * A collection that has become empty is gone, as its key is.
 */
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void tidy(struct entry *e)
{
	if (e && !entry_size(e))
		store_remove(e);
}

/* How many elements, for LLEN, SCARD, HLEN and ZCARD. */
static void reply_size(struct call *c, enum type type)
{
	struct entry *e;

	if (find_typed(c, 1, type, &e))
		reply_int(c->out, e ? (long long)entry_size(e) : 0);
}

/* "start stop" of argv[2] and argv[3], negative from the end, against n
 * elements: those from *first, *count of them. */
static bool range_args(struct call *c, size_t n, size_t *first, size_t *count)
{
	long long start, stop, size = (long long)n;

	if (!int_arg(c, 2, &start) || !int_arg(c, 3, &stop))
		return false;
	start = start < -size ? 0 : start < 0 ? start + size : start;
	stop = stop < 0 ? stop + size : stop < size ? stop : size - 1;
	*first = (size_t)start;
	*count = start <= stop ? (size_t)(stop - start) + 1 : 0;
	return true;
}

/* --- lists --- */

static void push(struct call *c, bool front)
{
	struct entry *e = make_typed(c, 1, LIST);

	if (!e)
		return;
	for (size_t i = 2; i < c->argc; i++)
		list_push(e->list, front, text_new(c->argv[i]));
	reply_int(c->out, (long long)e->list->count);
}

static void pop(struct call *c, bool front)
{
	struct entry *e;
	struct text *t;
	long long count = 1;

	if (c->argc > 2 && !int_arg(c, 2, &count))
		return;
	if (!find_typed(c, 1, LIST, &e))
		return;
	if (!e || count < 0) {
		reply_null(c->out);
		return;
	}
	if ((size_t)count > e->list->count)
		count = (long long)e->list->count;
	if (c->argc > 2)
		reply_array(c->out, (size_t)count);
	while (count-- > 0) {
		t = list_pop(e->list, front);
		reply_text(c->out, t);
		free(t);
	}
	tidy(e);
}

void do_lpush(struct call *c)
{
	push(c, true);
}

void do_rpush(struct call *c)
{
	push(c, false);
}

void do_lpop(struct call *c)
{
	pop(c, true);
}

void do_rpop(struct call *c)
{
	pop(c, false);
}

void do_llen(struct call *c)
{
	reply_size(c, LIST);
}

void do_lrange(struct call *c)
{
	size_t first, count;
	struct entry *e;

	if (!find_typed(c, 1, LIST, &e) ||
	    !range_args(c, e ? e->list->count : 0, &first, &count))
		return;
	reply_array(c->out, count);
	for (; count > 0; count--)
		reply_text(c->out, list_at(e->list, first++));
}

void do_lindex(struct call *c)
{
	struct entry *e;
	long long i;

	if (!int_arg(c, 2, &i) || !find_typed(c, 1, LIST, &e))
		return;
	if (e && i < 0)
		i += (long long)e->list->count;
	if (!e || i < 0 || i >= (long long)e->list->count)
		reply_null(c->out);
	else
		reply_text(c->out, list_at(e->list, (size_t)i));
}

/* --- sets --- */

void do_sadd(struct call *c)
{
	struct entry *e = make_typed(c, 1, SET);
	size_t before = e ? e->table->count : 0;

	if (!e)
		return;
	for (size_t i = 2; i < c->argc; i++)
		table_put(e->table, c->argv[i]);
	reply_int(c->out, (long long)(e->table->count - before));
}

/* SREM and HDEL. */
static void remove_members(struct call *c, enum type type)
{
	struct entry *e, *member;
	long long removed = 0;

	if (!find_typed(c, 1, type, &e))
		return;
	for (size_t i = 2; e && i < c->argc; i++) {
		member = table_find(e->table, c->argv[i]);
		if (member) {
			table_remove(e->table, member);
			removed++;
		}
	}
	tidy(e);
	reply_int(c->out, removed);
}

/* SISMEMBER and HEXISTS. */
static void has_member(struct call *c, enum type type)
{
	struct entry *e;

	if (find_typed(c, 1, type, &e))
		reply_int(c->out, e && table_find(e->table, c->argv[2]));
}

void do_srem(struct call *c)
{
	remove_members(c, SET);
}

void do_sismember(struct call *c)
{
	has_member(c, SET);
}

void do_scard(struct call *c)
{
	reply_size(c, SET);
}

void do_smembers(struct call *c)
{
	struct entry *e;

	if (!find_typed(c, 1, SET, &e))
		return;
	reply_array(c->out, e ? e->table->count : 0);
	if (e)
		TABLE_EACH(e->table, m)
			reply_bulk(c->out, key_of(m));
}

void do_spop(struct call *c)
{
	struct entry *e, *member;
	uint64_t random = 0;

	if (!find_typed(c, 1, SET, &e))
		return;
	if (!e) {
		reply_null(c->out);
		return;
	}
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
		random = (uint64_t)weft_now();
	member = table_any(e->table, random);
	reply_bulk(c->out, key_of(member));
	table_remove(e->table, member);
	tidy(e);
}

/* --- hashes --- */

void do_hset(struct call *c)
{
	struct entry *e;
	size_t before;

	if (c->argc % 2) {
		reply_error(c->out, "ERR wrong number of arguments for 'hset' command");
		return;
	}
	e = make_typed(c, 1, HASH);
	if (!e)
		return;
	before = e->table->count;
	for (size_t i = 2; i < c->argc; i += 2)
		set_string(table_put(e->table, c->argv[i]), c->argv[i + 1]);
	reply_int(c->out, (long long)(e->table->count - before));
}

void do_hget(struct call *c)
{
	struct entry *e, *field;

	if (!find_typed(c, 1, HASH, &e))
		return;
	field = e ? table_find(e->table, c->argv[2]) : NULL;
	if (field)
		reply_text(c->out, field->text);
	else
		reply_null(c->out);
}

void do_hdel(struct call *c)
{
	remove_members(c, HASH);
}

void do_hlen(struct call *c)
{
	reply_size(c, HASH);
}

void do_hexists(struct call *c)
{
	has_member(c, HASH);
}

void do_hgetall(struct call *c)
{
	struct entry *e;

	if (!find_typed(c, 1, HASH, &e))
		return;
	reply_array(c->out, e ? 2 * e->table->count : 0);
	if (e)
		TABLE_EACH(e->table, f) {
			reply_bulk(c->out, key_of(f));
			reply_text(c->out, f->text);
		}
}

/* --- sorted sets --- */

static bool score_arg(struct call *c, size_t i, double *v)
{
	char text[64], *end = text;
	size_t len = c->argv[i].len;

	if (len > 0 && len < sizeof text) {
		memcpy(text, c->argv[i].at, len);
		text[len] = '\0';
		*v = strtod(text, &end);
	}
	if (end == text || end != text + len || isnan(*v)) {
		reply_error(c->out, "ERR value is not a valid float");
		return false;
	}
	return true;
}

/* With as few digits as give the same number back. */
static void reply_score(struct buffer *out, double v)
{
	char text[40];
	int n, digits = 15;

	do
		n = snprintf(text, sizeof text, "%.*g", digits, v);
	while (strtod(text, NULL) != v && ++digits <= 17);
	reply_bulk(out, (struct slice){ text, (size_t)n });
}

void do_zadd(struct call *c)
{
	long long added = 0;
	struct entry *e;
	double score;

	if (c->argc % 2) {
		reply_error(c->out, "ERR syntax error");
		return;
	}
	for (size_t i = 2; i < c->argc; i += 2)
		if (!score_arg(c, i, &score))
			return;
	e = make_typed(c, 1, RANKING);
	if (!e)
		return;
	for (size_t i = 2; i < c->argc && score_arg(c, i, &score); i += 2)
		added += ranking_add(e->ranking, c->argv[i + 1], score);
	reply_int(c->out, added);
}

void do_zrem(struct call *c)
{
	struct entry *e, *member;
	long long removed = 0;

	if (!find_typed(c, 1, RANKING, &e))
		return;
	for (size_t i = 2; e && i < c->argc; i++) {
		member = table_find(&e->ranking->members, c->argv[i]);
		if (member) {
			ranking_remove(e->ranking, member);
			removed++;
		}
	}
	tidy(e);
	reply_int(c->out, removed);
}

void do_zscore(struct call *c)
{
	struct entry *e, *member;

	if (!find_typed(c, 1, RANKING, &e))
		return;
	member = e ? table_find(&e->ranking->members, c->argv[2]) : NULL;
	if (member)
		reply_score(c->out, member->score);
	else
		reply_null(c->out);
}

void do_zcard(struct call *c)
{
	reply_size(c, RANKING);
}

void do_zpopmin(struct call *c)
{
	struct entry *e, *least;
	long long count = 1;

	if (c->argc > 2 && !int_arg(c, 2, &count))
		return;
	if (!find_typed(c, 1, RANKING, &e))
		return;
	if (!e || count < 0)
		count = 0;
	else if ((size_t)count > entry_size(e))
		count = (long long)entry_size(e);
	reply_array(c->out, 2 * (size_t)count);
	while (count-- > 0) {
		least = e->ranking->heap[0];
		reply_bulk(c->out, key_of(least));
		reply_score(c->out, least->score);
		ranking_remove(e->ranking, least);
	}
	tidy(e);
}

static int by_score(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a;
	const struct entry *y = *(struct entry *const *)b;

	return ranking_before(x, y) ? -1 : ranking_before(y, x);
}

/* A sorted array is a heap: once asked for in order, it stays that way. */
void do_zrange(struct call *c)
{
	bool scores = c->argc == 5 && slice_is(c->argv[4], "WITHSCORES");
	size_t first, count, n;
	struct ranking *r;
	struct entry *e;

	if (c->argc == 5 && !scores) {
		reply_error(c->out, "ERR syntax error");
		return;
	}
	if (!find_typed(c, 1, RANKING, &e))
		return;
	r = e ? e->ranking : NULL;
	n = r ? r->members.count : 0;
	if (!range_args(c, n, &first, &count))
		return;
	if (n)
		qsort(r->heap, n, sizeof *r->heap, by_score);
	for (size_t i = 0; i < n; i++)
		r->heap[i]->rank = i;
	reply_array(c->out, scores ? 2 * count : count);
	for (; count > 0; count--, first++) {
		reply_bulk(c->out, key_of(r->heap[first]));
		if (scores)
			reply_score(c->out, r->heap[first]->score);
	}
}

/* keys.c - the commands of keys, whatever is in them. */
#include "command.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void do_del(struct call *c)
{
	long long n = 0;

	for (size_t i = 1; i < c->argc; i++) {
		struct entry *e = store_find(c->argv[i]);

		if (e) {
			store_remove(e);
			n++;
		}
	}
	reply_int(c->out, n);
}

void do_exists(struct call *c)
{
	long long n = 0;

	for (size_t i = 1; i < c->argc; i++)
		n += store_find(c->argv[i]) != NULL;
	reply_int(c->out, n);
}

void do_type(struct call *c)
{
	static const char *const names[] = {
		"+none\r\n", "+string\r\n", "+list\r\n", "+set\r\n",
		"+hash\r\n", "+zset\r\n",
	};
	struct entry *e = store_find(c->argv[1]);

	reply_raw(c->out, names[e ? e->type : NONE]);
}

static void expire(struct call *c, weft_time unit)
{
	struct entry *e = store_find(c->argv[1]);
	weft_time t;

	if (!time_arg(c, 2, unit, &t))
		return;
	if (e && t < 0)
		store_remove(e);
	else if (e)
		e->expires = t;
	reply_int(c->out, e != NULL);
}

static void ttl(struct call *c, weft_time unit)
{
	struct entry *e = store_find(c->argv[1]);

	reply_int(c->out, !e ? -2 : !e->expires ? -1 :
		  (e->expires - weft_now() + unit / 2) / unit);
}

void do_expire(struct call *c)
{
	expire(c, WEFT_S);
}

void do_pexpire(struct call *c)
{
	expire(c, WEFT_MS);
}

void do_ttl(struct call *c)
{
	ttl(c, WEFT_S);
}

void do_pttl(struct call *c)
{
	ttl(c, WEFT_MS);
}

void do_persist(struct call *c)
{
	struct entry *e = store_find(c->argv[1]);

	reply_int(c->out, e && e->expires);
	if (e)
		e->expires = 0;
}

static bool matches(const char *pattern, const struct entry *e)
{
	char *key;
	bool yes;

	if (store_expired(e))
		return false;
	key = need(strndup(e->key, e->len));
	yes = !fnmatch(pattern, key, 0);
	free(key);
	return yes;
}

/* Those of some shards, as an array. */
static void reply_keys(struct call *c, unsigned from, unsigned to,
		       struct slice pattern)
{
	char *p = need(strndup(pattern.at, pattern.len));
	struct buffer keys = { 0 };
	size_t n = 0;

	for (; from < to; from++)
		TABLE_EACH(store_shard(from), e)
			if (matches(p, e)) {
				reply_bulk(&keys, key_of(e));
				n++;
			}
	reply_array(c->out, n);
	buffer_reserve(c->out, keys.end);
	if (n)
		memcpy(c->out->at + c->out->end, keys.at, keys.end);
	c->out->end += keys.end;
	buffer_free(&keys);
	free(p);
}

void do_keys(struct call *c)
{
	reply_keys(c, 0, SHARDS, c->argv[1]);
}

/* The cursor is the next shard: what stays is told, and told once. */
void do_scan(struct call *c)
{
	struct slice pattern = { "*", 1 };
	long long at, count;
	char next[16];
	int n;

	if (!int_arg(c, 1, &at))
		return;
	for (size_t i = 2; i < c->argc; i += 2) {
		if (i + 1 < c->argc && slice_is(c->argv[i], "MATCH")) {
			pattern = c->argv[i + 1];
		} else if (i + 1 == c->argc || !slice_is(c->argv[i], "COUNT")) {
			reply_syntax(c);
			return;
		} else if (!int_arg(c, i + 1, &count)) {
			return;
		}
	}
	if (at < 0 || at >= SHARDS)
		at = SHARDS - 1;
	n = snprintf(next, sizeof next, "%d", (int)(at + 1) % SHARDS);
	reply_array(c->out, 2);
	reply_bulk(c->out, (struct slice){ next, (size_t)n });
	reply_keys(c, (unsigned)at, (unsigned)at + 1, pattern);
}

void do_dbsize(struct call *c)
{
	size_t n = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		n += store_shard(i)->count;
	reply_int(c->out, (long long)n);
}

void do_flush(struct call *c)
{
	for (unsigned i = 0; i < SHARDS; i++)
		table_clear(store_shard(i));
	reply_ok(c);
}

/* strings.c - the commands of strings. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void do_get(struct call *c)
{
	struct entry *e;

	if (!find_typed(c, 1, STRING, &e))
		return;
	if (e)
		reply_text(c->out, e->text);
	else
		reply_null(c->out);
}

void do_set(struct call *c)
{
	bool nx = false, xx = false, get = false, keep = false;
	weft_time expires = 0;
	struct entry *e;

	for (size_t i = 3; i < c->argc; i++) {
		struct slice s = c->argv[i];
		weft_time unit = slice_is(s, "EX") ? WEFT_S :
				 slice_is(s, "PX") ? WEFT_MS : 0;

		nx |= slice_is(s, "NX");
		xx |= slice_is(s, "XX");
		get |= slice_is(s, "GET");
		keep |= slice_is(s, "KEEPTTL");
		if (unit && ++i < c->argc) {
			if (!time_arg(c, i, unit, &expires))
				return;
			if (expires < 0) {
				reply_error(c->out, "ERR invalid expire time");
				return;
			}
		} else if (unit || !(slice_is(s, "NX") || slice_is(s, "XX") ||
				     slice_is(s, "GET") ||
				     slice_is(s, "KEEPTTL"))) {
			reply_syntax(c);
			return;
		}
	}
	if ((nx && xx) || (keep && expires)) {
		reply_syntax(c);
		return;
	}
	e = store_find(c->argv[1]);
	if (get && !find_typed(c, 1, STRING, &e))
		return;
	if (get && e)
		reply_text(c->out, e->text);
	if ((nx && e) || (xx && !e)) {
		if (!get || !e)
			reply_null(c->out);
		return;
	}
	if (get && !e)
		reply_null(c->out);
	if (!e)
		e = store_put(c->argv[1]);
	set_string(e, c->argv[2]);
	if (!keep)
		e->expires = expires;
	if (!get)
		reply_ok(c);
}

void do_setnx(struct call *c)
{
	bool vacant = !store_find(c->argv[1]);

	if (vacant)
		set_string(store_put(c->argv[1]), c->argv[2]);
	reply_int(c->out, vacant);
}

void do_getdel(struct call *c)
{
	struct entry *e;

	if (!find_typed(c, 1, STRING, &e))
		return;
	if (!e) {
		reply_null(c->out);
		return;
	}
	reply_text(c->out, e->text);
	store_remove(e);
}

void do_mget(struct call *c)
{
	reply_array(c->out, c->argc - 1);
	for (size_t i = 1; i < c->argc; i++) {
		struct entry *e = store_find(c->argv[i]);

		if (e && e->type == STRING)
			reply_text(c->out, e->text);
		else
			reply_null(c->out);
	}
}

void do_mset(struct call *c)
{
	if (c->argc % 2 == 0) {
		reply_error(c->out, "ERR wrong number of arguments for 'mset' command");
		return;
	}
	for (size_t i = 1; i < c->argc; i += 2) {
		struct entry *e = store_put(c->argv[i]);

		set_string(e, c->argv[i + 1]);
		e->expires = 0;
	}
	reply_ok(c);
}

static void add(struct call *c, long long by)
{
	struct entry *e;
	long long v = 0;
	char text[32];
	int n;

	if (!find_typed(c, 1, STRING, &e))
		return;
	if (e && !slice_int((struct slice){ e->text->at, e->text->len }, &v)) {
		reply_error(c->out,
			    "ERR value is not an integer or out of range");
		return;
	}
	if (__builtin_add_overflow(v, by, &v)) {
		reply_error(c->out,
			    "ERR increment or decrement would overflow");
		return;
	}
	n = snprintf(text, sizeof text, "%lld", v);
	set_string(e ? e : store_put(c->argv[1]),
		   (struct slice){ text, (size_t)n });
	reply_int(c->out, v);
}

void do_incr(struct call *c)
{
	add(c, 1);
}

void do_decr(struct call *c)
{
	add(c, -1);
}

void do_incrby(struct call *c)
{
	long long by;

	if (int_arg(c, 2, &by))
		add(c, by);
}

void do_decrby(struct call *c)
{
	long long by;

	if (!int_arg(c, 2, &by))
		return;
	if (by == INT64_MIN)
		reply_error(c->out, "ERR decrement would overflow");
	else
		add(c, -by);
}

void do_append(struct call *c)
{
	struct slice s = c->argv[2];
	struct entry *e;
	struct text *t;

	if (!find_typed(c, 1, STRING, &e))
		return;
	if (!e) {
		e = store_put(c->argv[1]);
		set_string(e, s);
	} else if (e->text->len + s.len > BULK_MAX) {
		reply_error(c->out, "ERR string exceeds maximum allowed size");
		return;
	} else {
		t = need(realloc(e->text, sizeof *t + e->text->len + s.len));
		memcpy(t->at + t->len, s.at, s.len);
		t->len += s.len;
		e->text = t;
	}
	reply_int(c->out, (long long)e->text->len);
}

void do_strlen(struct call *c)
{
	struct entry *e;

	if (find_typed(c, 1, STRING, &e))
		reply_int(c->out, e ? (long long)e->text->len : 0);
}

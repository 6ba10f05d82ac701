/* command.c - the table of commands, their arguments, and those of the server. */
#include "command.h"

#include <stdio.h>
#include <string.h>

_Atomic long commands_run, clients_now;

/* --- arguments --- */

bool find_typed(struct call *c, size_t i, enum type type, struct entry **e)
{
	*e = store_find(c->argv[i]);
	if (!*e || (*e)->type == type)
		return true;
	reply_error(c->out, "WRONGTYPE Operation against a key holding the "
		    "wrong kind of value");
	return false;
}

struct entry *make_typed(struct call *c, size_t i, enum type type)
{
	struct entry *e;

	if (!find_typed(c, i, type, &e))
		return NULL;
	if (!e) {
		e = store_put(c->argv[i]);
		entry_become(e, type);
	}
	return e;
}

bool int_arg(struct call *c, size_t i, long long *v)
{
	if (slice_int(c->argv[i], v))
		return true;
	reply_error(c->out, "ERR value is not an integer or out of range");
	return false;
}

void set_string(struct entry *e, struct slice s)
{
	if (e->type == STRING && e->text->len == s.len) {
		memcpy(e->text->at, s.at, s.len);
		return;
	}
	entry_become(e, STRING);
	e->text = text_new(s);
}

void reply_ok(struct call *c)
{
	reply_raw(c->out, "+OK\r\n");
}

void reply_syntax(struct call *c)
{
	reply_error(c->out, "ERR syntax error");
}

bool time_arg(struct call *c, size_t i, weft_time unit, weft_time *t)
{
	long long v;

	if (!int_arg(c, i, &v))
		return false;
	if (v > INT64_MAX / unit || v < -INT64_MAX / unit) {
		reply_error(c->out, "ERR invalid expire time");
		return false;
	}
	*t = v > 0 ? weft_in(v * unit) : -1;
	return true;
}

/* --- the server --- */

static void do_ping(struct call *c)
{
	if (c->argc > 1)
		reply_bulk(c->out, c->argv[1]);
	else
		reply_raw(c->out, "+PONG\r\n");
}

static void do_echo(struct call *c)
{
	reply_bulk(c->out, c->argv[1]);
}

static void do_quit(struct call *c)
{
	reply_ok(c);
	c->quit = true;
}

static void do_shutdown(struct call *c)
{
	reply_ok(c);
	c->quit = c->shutdown = true;
}

static void do_select(struct call *c)
{
	if (slice_is(c->argv[1], "0"))
		reply_ok(c);
	else
		reply_error(c->out, "ERR DB index is out of range");
}

static void do_info(struct call *c)
{
	char text[512];
	size_t keys = 0;
	int n;

	for (unsigned i = 0; i < SHARDS; i++)
		keys += store_shard(i)->count;
	n = snprintf(text, sizeof text,
		     "# Server\r\nredis_version:7.0.0\r\nserver_name:weft-kv\r\n"
		     "weft_version:%s\r\nworkers:%u\r\n"
		     "# Clients\r\nconnected_clients:%ld\r\n"
		     "# Stats\r\ntotal_commands_processed:%ld\r\n"
		     "# Keyspace\r\ndb0:keys=%zu\r\n",
		     weft_version(), weft_workers(), clients_now, commands_run,
		     keys);
	reply_bulk(c->out, (struct slice){ text, (size_t)n });
}

/* Nothing can be configured; clients ask all the same. */
static void do_config(struct call *c)
{
	if (!slice_is(c->argv[1], "GET") || c->argc != 3) {
		reply_ok(c);
		return;
	}
	reply_array(c->out, 2);
	reply_bulk(c->out, c->argv[2]);
	reply_bulk(c->out, (struct slice){ "", 0 });
}

static void do_client(struct call *c)
{
	if (slice_is(c->argv[1], "GETNAME"))
		reply_null(c->out);
	else
		reply_ok(c);
}

static void do_command(struct call *c);

enum { NO_KEY, ONE_KEY, ALL_KEYS, KEY_VALUE, WHOLE };

static const struct {
	const char *name;
	command_fn *fn;
	size_t least, most;             /* arguments with the name; 0: any */
	int keys;
} commands[] = {
	{ "GET", do_get, 2, 2, ONE_KEY },
	{ "SET", do_set, 3, 0, ONE_KEY },
	{ "SETNX", do_setnx, 3, 3, ONE_KEY },
	{ "GETDEL", do_getdel, 2, 2, ONE_KEY },
	{ "MGET", do_mget, 2, 0, ALL_KEYS },
	{ "MSET", do_mset, 3, 0, KEY_VALUE },
	{ "INCR", do_incr, 2, 2, ONE_KEY },
	{ "DECR", do_decr, 2, 2, ONE_KEY },
	{ "INCRBY", do_incrby, 3, 3, ONE_KEY },
	{ "DECRBY", do_decrby, 3, 3, ONE_KEY },
	{ "APPEND", do_append, 3, 3, ONE_KEY },
	{ "STRLEN", do_strlen, 2, 2, ONE_KEY },
	{ "DEL", do_del, 2, 0, ALL_KEYS },
	{ "UNLINK", do_del, 2, 0, ALL_KEYS },
	{ "EXISTS", do_exists, 2, 0, ALL_KEYS },
	{ "TYPE", do_type, 2, 2, ONE_KEY },
	{ "EXPIRE", do_expire, 3, 3, ONE_KEY },
	{ "PEXPIRE", do_pexpire, 3, 3, ONE_KEY },
	{ "TTL", do_ttl, 2, 2, ONE_KEY },
	{ "PTTL", do_pttl, 2, 2, ONE_KEY },
	{ "PERSIST", do_persist, 2, 2, ONE_KEY },
	{ "KEYS", do_keys, 2, 2, WHOLE },
	{ "SCAN", do_scan, 2, 0, WHOLE },
	{ "DBSIZE", do_dbsize, 1, 1, WHOLE },
	{ "FLUSHALL", do_flush, 1, 2, WHOLE },
	{ "FLUSHDB", do_flush, 1, 2, WHOLE },
	{ "LPUSH", do_lpush, 3, 0, ONE_KEY },
	{ "RPUSH", do_rpush, 3, 0, ONE_KEY },
	{ "LPOP", do_lpop, 2, 3, ONE_KEY },
	{ "RPOP", do_rpop, 2, 3, ONE_KEY },
	{ "LLEN", do_llen, 2, 2, ONE_KEY },
	{ "LRANGE", do_lrange, 4, 4, ONE_KEY },
	{ "LINDEX", do_lindex, 3, 3, ONE_KEY },
	{ "SADD", do_sadd, 3, 0, ONE_KEY },
	{ "SREM", do_srem, 3, 0, ONE_KEY },
	{ "SISMEMBER", do_sismember, 3, 3, ONE_KEY },
	{ "SCARD", do_scard, 2, 2, ONE_KEY },
	{ "SMEMBERS", do_smembers, 2, 2, ONE_KEY },
	{ "SPOP", do_spop, 2, 2, ONE_KEY },
	{ "HSET", do_hset, 4, 0, ONE_KEY },
	{ "HGET", do_hget, 3, 3, ONE_KEY },
	{ "HDEL", do_hdel, 3, 0, ONE_KEY },
	{ "HLEN", do_hlen, 2, 2, ONE_KEY },
	{ "HEXISTS", do_hexists, 3, 3, ONE_KEY },
	{ "HGETALL", do_hgetall, 2, 2, ONE_KEY },
	{ "ZADD", do_zadd, 4, 0, ONE_KEY },
	{ "ZREM", do_zrem, 3, 0, ONE_KEY },
	{ "ZSCORE", do_zscore, 3, 3, ONE_KEY },
	{ "ZCARD", do_zcard, 2, 2, ONE_KEY },
	{ "ZPOPMIN", do_zpopmin, 2, 3, ONE_KEY },
	{ "ZRANGE", do_zrange, 4, 5, ONE_KEY },
	{ "PING", do_ping, 1, 2, NO_KEY },
	{ "ECHO", do_echo, 2, 2, NO_KEY },
	{ "QUIT", do_quit, 1, 1, NO_KEY },
	{ "SHUTDOWN", do_shutdown, 1, 2, NO_KEY },
	{ "SELECT", do_select, 2, 2, NO_KEY },
	{ "INFO", do_info, 1, 0, WHOLE },
	{ "CONFIG", do_config, 2, 0, NO_KEY },
	{ "CLIENT", do_client, 2, 0, NO_KEY },
	{ "COMMAND", do_command, 1, 0, NO_KEY },
};

enum { COMMANDS = sizeof commands / sizeof commands[0], NAME_MAX_LEN = 16 };

static struct table names;      /* rank: the place in commands */

static void do_command(struct call *c)
{
	if (c->argc > 1 && slice_is(c->argv[1], "COUNT"))
		reply_int(c->out, COMMANDS);
	else
		reply_array(c->out, 0);
}

void command_init(void)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		struct slice s = { commands[i].name, strlen(commands[i].name) };

		table_put(&names, s)->rank = i;
	}
}

void command_fini(void)
{
	table_clear(&names);
}

static struct entry *find_command(struct slice name)
{
	char upper[NAME_MAX_LEN];

	if (name.len > sizeof upper)
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		upper[i] = name.at[i] >= 'a' && name.at[i] <= 'z' ?
			   name.at[i] - 32 : name.at[i];
	return table_find(&names, (struct slice){ upper, name.len });
}

static uint64_t shards_of(const struct call *c, int keys)
{
	size_t end = keys == NO_KEY ? 1 : keys == ONE_KEY ? 2 : c->argc;
	uint64_t mask = 0;

	if (keys == WHOLE)
		return ALL_SHARDS;
	for (size_t i = 1; i < end; i += keys == KEY_VALUE ? 2 : 1)
		mask |= store_mask(c->argv[i]);
	return mask;
}

void command_run(struct call *c)
{
	struct slice name = c->argv[0];
	struct entry *e = find_command(name);
	uint64_t mask;

	if (!e) {
		reply_error(c->out, "ERR unknown command '%.*s'",
			    name.len < 64 ? (int)name.len : 64, name.at);
		return;
	}
	if (c->argc < commands[e->rank].least ||
	    (commands[e->rank].most && c->argc > commands[e->rank].most)) {
		reply_error(c->out, "ERR wrong number of arguments for '%s' command",
			    commands[e->rank].name);
		return;
	}
	mask = shards_of(c, commands[e->rank].keys);
	store_lock(mask);
	commands[e->rank].fn(c);
	store_unlock(mask);
}

/* command.h - what the commands of the store have in common. */
#ifndef EXAMPLES_COMMAND_H
#define EXAMPLES_COMMAND_H

#include "resp.h"
#include "store.h"

struct call {
	struct slice *argv;             /* argv[0] is the name */
	size_t argc;
	struct buffer *out;             /* gets exactly one reply */
	bool quit, shutdown;            /* the command wants that afterwards */
};

typedef void command_fn(struct call *c);

/* Run one command, with the shards of its keys locked. */
void command_run(struct call *c);
void command_init(void);
void command_fini(void);

/* The value of argv[i], NULL if there is none.  False: it has another type,
 * and the reply says so. */
bool find_typed(struct call *c, size_t i, enum type type, struct entry **e);
/* The same, but made, empty, if there is none.  NULL: another type. */
struct entry *make_typed(struct call *c, size_t i, enum type type);
/* argv[i] as a number, or false and a reply. */
bool int_arg(struct call *c, size_t i, long long *v);
/* argv[i], so many units from now, as a moment; a negative one is past. */
bool time_arg(struct call *c, size_t i, weft_time unit, weft_time *t);
void reply_ok(struct call *c);
void reply_syntax(struct call *c);
/* A string that e has, in place of what it had. */
void set_string(struct entry *e, struct slice s);

static inline struct slice key_of(const struct entry *e)
{
	return (struct slice){ e->key, e->len };
}

/* For INFO and CLIENT; updated once per batch. */
extern _Atomic long commands_run, clients_now;

command_fn do_get, do_set, do_setnx, do_getdel, do_mget, do_mset, do_incr,
	do_decr, do_incrby, do_decrby, do_append, do_strlen;
command_fn do_del, do_exists, do_type, do_expire, do_pexpire, do_ttl,
	do_pttl, do_persist, do_keys, do_scan, do_dbsize, do_flush;
command_fn do_lpush, do_rpush, do_lpop, do_rpop, do_llen, do_lrange, do_lindex,
	do_sadd, do_srem, do_sismember, do_scard, do_smembers, do_spop,
	do_hset, do_hget, do_hdel, do_hlen, do_hexists, do_hgetall,
	do_zadd, do_zrem, do_zscore, do_zcard, do_zpopmin, do_zrange;

#endif

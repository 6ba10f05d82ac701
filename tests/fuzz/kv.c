/* fuzz/kv.c - the server of examples/kv: whatever comes, and however it is cut
 * into pieces, each command gets one reply of the protocol.
 *
 * Its main is not called; a connection is served by the function it serves each
 * of its connections with.
 */
#define main kv_main
int main(int argc, char **argv);
#include "../../examples/kv/kv.c"
#undef main

#include "fuzz/fuzz.h"

#include <ctype.h>

const char fuzz_name[] = "kv";

/* One GET of a long value per two bytes sent would be more than memory has. */
enum { SENT_MOST = 24 * 1024 };

/* --- what has to come, read from all of the input at once ---------------------------- */

struct text_at {
	const char *at, *end;
};

enum { MORE = -1, WRONG = -2 };

/* "*12\r\n" and "$12\r\n": 0, MORE or WRONG.  The number is written as it would
 * be printed. */
static int plain_number(struct text_at *t, long long *v)
{
	const char *lf = memchr(t->at, '\n', (size_t)(t->end - t->at));
	char line[32], again[32];
	size_t n;

	if (!lf)
		return t->end - t->at < 32 ? MORE : WRONG;
	n = (size_t)(lf - t->at);
	if (n < 3 || n > 24 || lf[-1] != '\r')
		return WRONG;
	memcpy(line, t->at + 1, n - 2);
	line[n - 2] = '\0';
	*v = strtoll(line, NULL, 10);
	snprintf(again, sizeof again, "%lld", *v);
	t->at = lf + 1;
	return strlen(line) == n - 2 && !strcmp(line, again) ? 0 : WRONG;
}

/* Does this command end the connection? */
static bool ends(const char *name, size_t len, size_t argc)
{
	return (len == 4 && argc == 1 && !strncasecmp(name, "quit", 4)) ||
	       (len == 8 && argc <= 2 && !strncasecmp(name, "shutdown", 8));
}

/* The number of arguments; *last: the connection ends with this one. */
static long long plain_array(struct text_at *t, bool *last)
{
	const char *name = NULL;
	long long argc, len, name_len = 0;
	int err = plain_number(t, &argc);

	if (err || argc > 1024 * 1024)
		return err ? err : WRONG;
	for (long long i = 0; i < argc; i++) {
		if (t->at == t->end)
			return MORE;
		if (*t->at != '$')
			return WRONG;
		err = plain_number(t, &len);
		if (err || len < 0 || len > 64 * 1024 * 1024)
			return err ? err : WRONG;
		if (t->end - t->at < len + 2)
			return MORE;
		if (i == 0) {
			name = t->at;
			name_len = len;
		}
		t->at += len + 2;
	}
	*last = argc > 0 && ends(name, (size_t)name_len, (size_t)argc);
	return argc > 0 ? argc : 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static long long plain_line(struct text_at *t, bool *last)
{
	const char *lf = memchr(t->at, '\n', (size_t)(t->end - t->at));
	const char *name = NULL, *line = t->at;
	size_t argc = 0, len = 0;

	if ((lf ? lf : t->end) - line > 64 * 1024)
		return WRONG;
	if (!lf)
		return MORE;
	for (const char *p = line; p < lf; p++) {
		if (!blank(*p) && (p == line || blank(p[-1])) && argc++ == 0)
			name = p;
		len += !blank(*p) && argc == 1;
	}
	t->at = lf + 1;
	*last = name && ends(name, len, argc);
	return (long long)argc;
}

static size_t replies_due(const struct talk *t)
{
	struct text_at in = { t->sent, t->sent + t->n_sent };
	bool last = false;
	size_t n = 0;

	while (in.at < in.end && !last) {
		long long r = *in.at == '*' ? plain_array(&in, &last) :
					      plain_line(&in, &last);

		if (r == MORE)
			break;
		n += r != 0;
		last |= r == WRONG;
	}
	return n;
}

/* --- what came ------------------------------------------------------------------------ */

static const char *line_end(struct text_at *t)
{
	const char *cr = memchr(t->at, '\r', (size_t)(t->end - t->at));

	MUST(cr && t->end - cr >= 2 && cr[1] == '\n');
	MUST(!memchr(t->at, '\n', (size_t)(cr - t->at)));
	return cr;
}

static long long number(struct text_at *t)
{
	const char *end = line_end(t);
	char *stop;
	long long v = strtoll(t->at + 1, &stop, 10);

	MUST(stop == end && stop > t->at + 1);
	t->at = end + 2;
	return v;
}

static void reply(struct text_at *t, int depth)
{
	long long n;

	MUST(t->at < t->end && depth < 3);
	switch (*t->at) {
	case '+':
	case '-':
		t->at = line_end(t) + 2;
		break;
	case ':':
		number(t);
		break;
	case '$':
		n = number(t);
		MUST(n >= -1 && t->end - t->at >= n + (n < 0 ? 1 : 2));
		if (n >= 0)
			MUST(!memcmp(t->at + n, "\r\n", 2));
		t->at += n < 0 ? 0 : n + 2;
		break;
	case '*':
		for (n = number(t); n > 0; n--)
			reply(t, depth + 1);
		MUST(n == 0);
		break;
	default:
		MUST(!"a reply begins with its type");
	}
}

static void check(const struct talk *t)
{
	struct text_at out = { t->got, t->n_got ? t->got + t->n_got : t->got };
	size_t n = 0;

	for (; out.at < out.end; n++)
		reply(&out, 0);
	MUST(n == replies_due(t));
}

/* --- both ------------------------------------------------------------------------------ */

static void serve_one(struct talk *t, int fd)
{
	struct server s = {
		.name = "kv", .fd = -1,
		.idle = t->flags & TALK_HURRY ? -1 : PATIENCE,
	};

	for (unsigned i = 0; i < SHARDS; i++)
		table_clear(store_shard(i));
	serve(&s, fd);
	MUST(clients_now == 0);
}

/* Time, chance and counters are in their replies. */
static bool repeats(const struct talk *t)
{
	static const char *const words[] = {
		"spop", "info", "ttl", "expire", "px", "ex ", "ex\t", "ex\r",
	};
	char *lower = malloc(t->n_sent + 1);
	bool yes = true;

	MUST(lower);
	for (size_t i = 0; i < t->n_sent; i++)
		lower[i] = (char)tolower((unsigned char)t->sent[i]);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		yes &= !memmem(lower, t->n_sent, words[i], strlen(words[i]));
	free(lower);
	return yes;
}

static void one(void *arg)
{
	struct talk *t = arg;
	char *first;
	size_t n;

	talk_run(t);
	if (t->cut || t->flags & TALK_LEAVES)
		return;
	check(t);
	if (!repeats(t))
		return;
	first = t->got;
	n = t->n_got;
	t->got = NULL;
	t->room = 0;
	t->flags = t->pieces = 0;
	talk_run(t);
	MUST(t->n_got == n && (!n || !memcmp(t->got, first, n)));
	free(first);
}

static void forget(void)
{
	for (unsigned i = 0; i < SHARDS; i++)
		table_clear(store_shard(i));
	command_fini();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool begun;
	struct talk t;

	if (!begun) {
		command_init();
		atexit(forget);
	}
	begun = true;
	if (!talk_init(&t, data, n))
		return 0;
	if (t.n_sent < SENT_MOST || !memchr(t.sent, '\n', SENT_MOST)) {
		t.serve = serve_one;
		session_run(one, &t);
	}
	talk_fini(&t);
	return 0;
}

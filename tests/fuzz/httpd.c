/* fuzz/httpd.c - the server of examples/httpd: whatever comes, and however it is
 * cut into pieces, the answers are well-formed and the same; what is in them is
 * what the directory holds, and nothing from outside of it.
 *
 * Its main is not called; a connection is served by the function it serves each
 * of its connections with.  Without the flag OPENAT2 it finds its files as it
 * does where the kernel has no such call.
 */
#define main httpd_main
int main(int argc, char **argv);
#include "../../examples/httpd/httpd.c"
#undef main

static bool no_openat2;
#include <sys/syscall.h>
#define syscall(...) (no_openat2 ? (errno = ENOSYS, -1L) : syscall(__VA_ARGS__))
#include "../../examples/httpd/files.c"
#undef syscall

#include "fuzz/fuzz.h"

#include <ctype.h>

const char fuzz_name[] = "httpd";

enum { OPENAT2 = 16 };                          /* flag */

/* --- what is served -------------------------------------------------------------------- */

static char dir[] = "/tmp/weft-fuzz.XXXXXX", secret[sizeof dir + 16];

static const struct {
	const char *name;
	int size;                       /* tells the file */
} files[] = {
	{ "secret", 999 },
	{ "www/index.html", 30 },
	{ "www/small.txt", 701 },
	{ "www/big", 20000 },
	{ "www/sub/index.html", 45 },
	{ "www/sub/x.css", 5 },
	{ "www/a b", 17 },
	{ "www/empty", 0 },
};

static const struct {
	const char *name, *to;
} links[] = {
	{ "www/lout", "../secret" },
	{ "www/labs", secret },
	{ "www/lup", ".." },
	{ "www/lin", "small.txt" },
	{ "www/lsub", "sub/" },
	{ "www/loop", "loop" },
};

#define EACH(i, a) for (size_t i = 0; i < sizeof (a) / sizeof (a)[0]; i++)

static char byte_of(int size, long long i)
{
	return (char)('A' + (size + i) % 26);
}

static char *in_dir(const char *name)
{
	static char path[sizeof dir + 32];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void remove_all(void)
{
	EACH(i, files)
		unlink(in_dir(files[i].name));
	EACH(i, links)
		unlink(in_dir(links[i].name));
	rmdir(in_dir("www/sub"));
	rmdir(in_dir("www/void"));
	rmdir(in_dir("www"));
	rmdir(dir);
}

static void make_all(void)
{
	MUST(mkdtemp(dir));
	atexit(remove_all);
	snprintf(secret, sizeof secret, "%s/secret", dir);
	MUST(!mkdir(in_dir("www"), 0700) && !mkdir(in_dir("www/sub"), 0700) &&
	     !mkdir(in_dir("www/void"), 0700));
	EACH(i, files) {
		FILE *f = fopen(in_dir(files[i].name), "w");

		MUST(f);
		for (int k = 0; k < files[i].size; k++)
			putc(byte_of(files[i].size, k), f);
		MUST(fclose(f) == 0);
	}
	EACH(i, links)
		MUST(symlink(links[i].to, in_dir(links[i].name)) == 0);
	site.root = open(in_dir("www"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(site.root >= 0);
}

static bool is_served(long long size)
{
	EACH(i, files)
		if (i && files[i].size == size)
			return true;
	return false;
}

/* --- what came ------------------------------------------------------------------------- */

struct reply {
	int status;
	long long length, first, last, size;    /* -1: not told */
	const char *body;                       /* NULL: left out */
};

static void header(struct reply *r, const char *at, const char *end)
{
	const char *colon = memchr(at, ':', (size_t)(end - at));
	char line[200];

	MUST(colon && colon > at && colon + 1 < end && colon[1] == ' ');
	for (const char *p = at; p < end; p++)
		MUST((unsigned char)*p >= ' ' && *p != 127);
	snprintf(line, sizeof line, "%.*s", (int)(end - at), at);
	sscanf(line, "Content-Length: %lld", &r->length);
	if (!strncmp(line, "Content-Range: ", 15) &&
	    sscanf(line, "Content-Range: bytes %lld-%lld/%lld", &r->first,
		   &r->last, &r->size) != 3)
		MUST(sscanf(line, "Content-Range: bytes */%lld",
			    &r->size) == 1);
}

/* The head at `at`; what is behind it. */
static const char *head(struct reply *r, const char *at, const char *end)
{
	char line[32];
	const char *eol;

	*r = (struct reply){ 0, -1, -1, -1, -1, NULL };
	snprintf(line, sizeof line, "%.*s", (int)(end - at < 31 ? end - at : 31),
		 at);
	MUST(sscanf(line, "HTTP/1.1 %3d ", &r->status) == 1);
	for (bool first = true; ; first = false) {
		eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		MUST(eol);
		if (eol == at)
			return eol + 2;
		if (!first)
			header(r, at, eol);
		at = eol + 2;
	}
}

static void body(const struct reply *r)
{
	long long first = r->status == 206 ? r->first : 0;
	long long size = r->status == 206 ? r->size : r->length;
	char text[8];

	if (r->status == 200 || r->status == 206) {
		for (long long i = 0; i < r->length; i++)
			MUST(r->body[i] == byte_of((int)size, first + i));
	} else {
		snprintf(text, sizeof text, "%d ", r->status);
		MUST(r->length > 4 && !memcmp(r->body, text, 4));
		MUST(r->body[r->length - 1] == '\n');
	}
}

/* The next one of all answers; what is behind it. */
static const char *next_reply(struct reply *r, const char *at, const char *end)
{
	at = head(r, at, end);
	if (r->status == 304)
		return at;
	MUST(r->length >= 0);
	if (r->status == 200)
		MUST(is_served(r->length));
	if (r->status == 206)
		MUST(is_served(r->size) && r->first >= 0 &&
		     r->first <= r->last && r->last < r->size &&
		     r->length == r->last - r->first + 1);
	if (at == end || (end - at >= 9 && !memcmp(at, "HTTP/1.1 ", 9)))
		return at;
	MUST(end - at >= r->length);
	r->body = at;
	body(r);
	return at + r->length;
}

/* --- what had to come -------------------------------------------------------------------- */

/* The end of a plain GET at p, with a plain target and headers that change
 * nothing; NULL: it is none.  *host: it has that header. */
static const char *plain_request(const char *p, const char *end,
				 const char **target, size_t *len, bool *host)
{
	static const char plain[] = "/._%-~?=&+,";
	static const char *const special[] = {
		"content-length", "transfer-encoding", "connection", "range",
		"proxy-connection", "upgrade", "if-modified-since",
	};
	const char *start = p;

	*host = false;
	if (end - p < 5 || memcmp(p, "GET /", 5))
		return NULL;
	*target = p += 4;
	while (p < end && (isalnum((unsigned char)*p) ||
			   (*p && strchr(plain, *p))))
		p++;
	*len = (size_t)(p - *target);
	if (*len > 2048 || end - p < 11 || memcmp(p, " HTTP/1.1\r\n", 11))
		return NULL;
	for (p += 11; end - p >= 2 && memcmp(p, "\r\n", 2); p += 2) {
		const char *name = p;
		size_t n;

		while (p < end && (isalnum((unsigned char)*p) || *p == '-'))
			p++;
		n = (size_t)(p - name);
		if (!n || p == end || *p++ != ':')
			return NULL;
		/* http-parser 2.9 takes all that begins with
		 * Transfer-Encoding for that. */
		EACH(i, special)
			if (strlen(special[i]) <= n &&
			    !strncasecmp(name, special[i], strlen(special[i])))
				return NULL;
		*host |= n == 4 && !strncasecmp(name, "host", 4);
		while (p < end && *p >= ' ' && *p < 127)
			p++;
		if (end - p < 2 || memcmp(p, "\r\n", 2))
			return NULL;
	}
	return end - p >= 2 && p - start < 8000 ? p + 2 : NULL;
}

/* 0: one of several, as the links and the kernel will have it. */
static int plain_status(const char *target, size_t len, long long *size)
{
	char path[4096];
	size_t n = (size_t)snprintf(path, sizeof path, "%s/www/", dir), base = n;
	struct stat st;

	while (len && *target == '/')
		target++, len--;
	for (; len && *target != '?'; target++, len--) {
		char two[3] = { 0 };

		path[n++] = *target;
		if (*target != '%')
			continue;
		if (len < 3 || !isxdigit((unsigned char)target[1]) ||
		    !isxdigit((unsigned char)target[2]))
			return 400;
		memcpy(two, target + 1, 2);
		path[n - 1] = (char)strtol(two, NULL, 16);
		if (!path[n - 1])
			return 400;
		target += 2;
		len -= 2;
	}
	path[n] = '\0';
	/* Links have an l in front, and nothing else has. */
	if (path[base] == '/' || strstr(path + base, "..") ||
	    strstr(path + base - 1, "/l"))
		return 0;
	if (stat(path, &st))
		return 404;
	if (S_ISDIR(st.st_mode) && n > base && path[n - 1] != '/')
		return 301;
	if (S_ISDIR(st.st_mode))
		strcpy(path + n, "index.html");
	if (stat(path, &st))
		return 404;
	*size = st.st_size;
	return 200;
}

static void check(const struct talk *t)
{
	const char *in = t->sent, *in_end = t->sent + t->n_sent, *next;
	const char *at = t->got, *end = at ? at + t->n_got : at, *target;
	size_t len, heads = 0;
	bool host, more = true;
	struct reply r;

	for (const char *p = in; (p = memmem(p, (size_t)(in_end - p), "HEAD",
					     4)) != NULL; p++)
		heads++;
	for (;;) {
		long long size = -1;
		int want = 0;

		if (more && in == in_end)       /* no more were asked for */
			MUST(at == end);
		next = more ? plain_request(in, in_end, &target, &len, &host) :
		       NULL;
		if (next)
			want = host ? plain_status(target, len, &size) : 400;
		more = next && host;
		MUST(at < end || !next);        /* each has an answer */
		if (at == end)
			break;
		at = next_reply(&r, at, end);
		if (want)
			MUST(r.status == want);
		if (want == 200)
			MUST(r.length == size);
		if (next)
			MUST(r.body || r.length == 0);
		else if (!r.body && r.length > 0)
			MUST(heads-- > 0);
		in = next;
	}
}

/* --- both --------------------------------------------------------------------------------- */

static void serve_one(struct talk *t, int fd)
{
	struct server s = {
		.name = "httpd",
		.idle = t->flags & TALK_HURRY ? -1 : PATIENCE,
	};

	site.request = s.idle;
	serve(&s, fd);
}

/* All but the lines that have the time in them. */
static size_t timeless(char *p, size_t n)
{
	char *to = p, *end = p + n, *eol;

	while (p < end) {
		eol = memchr(p, '\n', (size_t)(end - p));
		eol = eol ? eol + 1 : end;
		if (eol - p < 6 || memcmp(p, "Date: ", 6)) {
			memmove(to, p, (size_t)(eol - p));
			to += eol - p;
		}
		p = eol;
	}
	return n - (size_t)(end - to);
}

/* Without the refusal at the end: of what is too long and wrong as well, either
 * can be seen first. */
static size_t not_refused(const char *p, size_t n)
{
	static const int refusals[] = { 400, 413, 414, 431 };
	size_t last = n;
	int status = 0;

	for (size_t i = 0; i + 9 < n; i++)
		if (!memcmp(p + i, "HTTP/1.1 ", 9)) {
			last = i;
			status = atoi(p + i + 9);
		}
	EACH(i, refusals)
		if (status == refusals[i])
			return last;
	return n;
}

static void one(void *arg)
{
	struct talk *t = arg;
	char *first;
	size_t n;

	no_openat2 = !(t->flags & OPENAT2);
	talk_run(t);
	if (t->cut || t->flags & TALK_LEAVES)
		return;
	check(t);
	if (t->flags & TALK_HURRY)
		return;
	first = t->got;
	n = timeless(first, t->n_got);
	t->got = NULL;
	t->room = 0;
	t->flags = t->pieces = 0;
	talk_run(t);
	t->n_got = timeless(t->got, t->n_got);
	MUST(not_refused(t->got, t->n_got) == not_refused(first, n));
	n = not_refused(first, n);
	MUST(!n || !memcmp(t->got, first, n));
	free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool begun;
	struct talk t;

	if (!begun)
		make_all();
	begun = true;
	if (!talk_init(&t, data, n))
		return 0;
	t.serve = serve_one;
	session_run(one, &t);
	talk_fini(&t);
	return 0;
}

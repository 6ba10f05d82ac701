/* crawler - looks for broken links.
 *
 *	crawler [-j N] [-n PAGES] [-x] [-v] URL
 *
 *	URL -> [ seen? ] -> queue -> N routines: fetch -> links --.
 *	          ^-----------------------------------------------'
 *
 * Follows href and src on all pages of the host of URL; with -x other hosts'
 * pages are asked for, too, but not searched.  Each URL is fetched once.  The
 * queue has no bound, so nobody waits to put something in; it is closed by
 * whoever finishes the last page.  Only plain HTTP.  Exit status 1: there are
 * broken links.
 */
#define _GNU_SOURCE             /* strcasestr */
#include "url.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft.h>

#define FETCH_TIME (20 * WEFT_S)

enum { SLOTS = 64 * 1024, BODY_MAX = 8 << 20, CHUNK = 32 * 1024 };

struct page {
	struct page *next;              /* in its slot */
	const struct page *from;        /* where the first link to it was */
	int status;                     /* of HTTP, or a negative error */
	bool inside;                    /* of the host we look through */
	char url[];
};

struct crawl {
	struct url start;
	long workers, most;
	bool outside, verbose;
	weft_chan *queue;               /* of struct page * */
	atomic_long unfinished;         /* queued or being fetched */
	weft_mutex lock;                /* for the rest */
	struct page *seen[SLOTS];
	long pages, skipped;
};

struct search {                 /* of one page */
	struct crawl *crawl;
	struct page *page;
	struct url url;
};

static struct page **slot(struct crawl *c, const char *url)
{
	size_t h = 5381;

	while (*url)
		h = h * 33 ^ (unsigned char)*url++;
	return &c->seen[h % SLOTS];
}

/* Queue url unless it has been seen. */
static void visit(struct crawl *c, const struct page *from, const char *url)
{
	struct page **at = slot(c, url), *p;
	struct url u;

	if (url_parse(&u, url))
		return;
	weft_mutex_lock(&c->lock);
	for (p = *at; p && strcmp(p->url, url); p = p->next)
		;
	if (!p && c->pages < c->most && (p = malloc(sizeof *p + strlen(url) + 1))) {
		*p = (struct page){ .next = *at, .from = from };
		strcpy(p->url, url);
		p->inside = !strcmp(u.host, c->start.host) &&
			    u.port == c->start.port;
		*at = p;
		if (p->inside || c->outside) {
			c->pages++;
			c->unfinished++;
			/* Once it is sent, a worker writes the status. */
			if (weft_chan_try_send(c->queue, &p)) {
				p->status = -ENOMEM;
				c->unfinished--;
			}
		} else {
			c->skipped++;
		}
	}
	weft_mutex_unlock(&c->lock);
}

static void link_found(void *arg, const char *link, size_t len)
{
	struct search *s = arg;
	char url[URL_MAX];

	if (!url_resolve(url, &s->url, link, len))
		visit(s->crawl, s->page, url);
}

/* The whole answer, *n bytes of it, for the caller to free. */
static char *receive(int fd, size_t *n, weft_time deadline, int *err)
{
	size_t room = 0;
	char *buf = NULL, *bigger;
	ssize_t got = 1;

	for (*n = 0; got > 0 && *n < BODY_MAX; *n += (size_t)got) {
		if (room - *n < CHUNK + 1) {
			room = 2 * room + 2 * CHUNK;
			bigger = realloc(buf, room);
			if (!bigger) {
				got = -ENOMEM;
				break;
			}
			buf = bigger;
		}
		got = weft_read(fd, buf + *n, room - 1 - *n, deadline);
		if (got < 0)
			break;
	}
	*err = got < 0 ? (int)got : 0;
	if (buf)
		buf[*n] = '\0';
	return buf;
}

/* The value of a header, up to the end of its line. */
static const char *header(const char *head, const char *name, size_t *len)
{
	const char *v = strcasestr(head, name);

	if (v) {
		v += strlen(name);
		v += strspn(v, " \t");
		*len = strcspn(v, "\r\n");
	}
	return v;
}

/* Its status, and what it links to. */
static void read_answer(struct search *s, char *answer, size_t n)
{
	char *body = memmem(answer, n, "\r\n\r\n", 4);
	const char *v;
	size_t len;

	if (n < 12 || strncmp(answer, "HTTP/1.", 7) || !body) {
		s->page->status = -EPROTO;
		return;
	}
	*body = '\0';
	body += 4;
	s->page->status = atoi(answer + 9);
	if (s->page->status / 100 == 3) {
		v = header(answer, "\nLocation:", &len);
		if (v)
			link_found(s, v, len);
		return;
	}
	v = header(answer, "\nContent-Type:", &len);
	if (s->page->inside && s->page->status == 200 && v &&
	    !strncasecmp(v, "text/html", 9))
		html_links(body, n - (size_t)(body - answer), link_found, s);
}

static int fetch(struct search *s)
{
	weft_time deadline = weft_in(FETCH_TIME);
	char request[URL_MAX + 400], *answer;
	size_t n;
	int fd, err;

	fd = weft_tcp_connect(s->url.host, s->url.port, deadline);
	if (fd < 0)
		return fd;
	n = (size_t)snprintf(request, sizeof request,
			     "GET %s HTTP/1.0\r\nHost: %s:%d\r\n"
			     "User-Agent: weft-crawler\r\n\r\n",
			     s->url.path, s->url.host, s->url.port);
	err = weft_write_all(fd, request, n, NULL, deadline);
	answer = err ? NULL : receive(fd, &n, deadline, &err);
	weft_close(fd);
	if (answer && !err)
		read_answer(s, answer, n);
	free(answer);
	return err;
}

static void worker(void *arg)
{
	struct crawl *c = arg;
	struct search s = { .crawl = c };
	int err;

	while (!weft_chan_recv(c->queue, &s.page)) {
		if (!url_parse(&s.url, s.page->url)) {
			err = fetch(&s);
			if (err)
				s.page->status = err;
		}
		if (c->verbose)
			printf("%d %s\n", s.page->status, s.page->url);
		if (--c->unfinished == 0)
			weft_chan_close(c->queue);
	}
}

static bool broken(const struct page *p)
{
	return p->status < 0 || p->status >= 400;
}

static int by_url(const void *a, const void *b)
{
	return strcmp((*(struct page *const *)a)->url,
		      (*(struct page *const *)b)->url);
}

/* Tell about the broken ones, in the order of their names, and forget all. */
static int report(struct crawl *c)
{
	struct page **bad = calloc((size_t)c->pages + 1, sizeof *bad), *p, *next;
	size_t n = 0;

	for (size_t i = 0; bad && i < SLOTS; i++)
		for (p = c->seen[i]; p; p = p->next)
			if (broken(p))
				bad[n++] = p;
	if (bad)
		qsort(bad, n, sizeof *bad, by_url);
	for (size_t i = 0; i < n; i++) {
		printf("broken: %s: ", bad[i]->url);
		if (bad[i]->status < 0)
			printf("%s", weft_strerror(bad[i]->status));
		else
			printf("%d", bad[i]->status);
		printf("%s%s\n", bad[i]->from ? ", linked from " : "",
		       bad[i]->from ? bad[i]->from->url : "");
	}
	printf("%ld links, %zu broken, %ld to other hosts left out\n", c->pages,
	       n, c->skipped);
	for (size_t i = 0; i < SLOTS; i++)
		for (p = c->seen[i]; p; p = next) {
			next = p->next;
			free(p);
		}
	free(bad);
	return n > 0;
}

static int app(void *arg)
{
	struct crawl *c = arg;
	char first[URL_MAX];
	weft_waitgroup all = WEFT_WAITGROUP_INIT;
	int err = url_resolve(first, &c->start, c->start.path,
			      strlen(c->start.path));

	c->queue = weft_chan_new(sizeof(struct page *), WEFT_UNBOUNDED);
	if (err || !c->queue)
		return err ? err : -ENOMEM;
	visit(c, NULL, first);
	for (long i = 0; i < c->workers && !err; i++)
		err = weft_waitgroup_go(&all, worker, c);
	weft_waitgroup_wait(&all);
	weft_chan_unref(c->queue);
	return err ? err : report(c);
}

int main(int argc, char **argv)
{
	static struct crawl c = { .workers = 16, .most = 100000 };
	int opt, rc;

	while ((opt = getopt(argc, argv, "j:n:xv")) != -1) {
		if (opt == 'j')
			c.workers = atol(optarg);
		else if (opt == 'n')
			c.most = atol(optarg);
		else if (opt == 'x')
			c.outside = true;
		else if (opt == 'v')
			c.verbose = true;
		else
			argc = 0;
	}
	if (optind + 1 != argc || c.workers < 1 ||
	    url_parse(&c.start, argv[optind])) {
		fprintf(stderr, "usage: crawler [-j N] [-n PAGES] [-x] [-v] "
			"http://HOST[:PORT]/[PATH]\n");
		return 2;
	}
	rc = weft_run(app, &c);
	if (rc < 0)
		fprintf(stderr, "crawler: %s\n", weft_strerror(rc));
	return rc < 0 ? 2 : rc;
}

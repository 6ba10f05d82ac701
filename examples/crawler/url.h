/* url.h - URLs and the links of a page. */
#ifndef EXAMPLES_URL_H
#define EXAMPLES_URL_H

#include <stddef.h>

enum { URL_MAX = 2048 };

struct url {                    /* http://host:port/path?query */
	char host[256];
	int port;
	char path[URL_MAX];             /* begins with '/', has the query */
};

/* 0, or -EINVAL for what is not plain HTTP. */
int url_parse(struct url *u, const char *text);

/* What link means on the page base, without its fragment.  0; -EINVAL: it is
 * not plain HTTP; -ENAMETOOLONG. */
int url_resolve(char out[URL_MAX], const struct url *base, const char *link,
		size_t len);

/* Call found for the value of every href and src in n bytes of HTML. */
void html_links(const char *html, size_t n,
		void (*found)(void *arg, const char *link, size_t len),
		void *arg);

#endif

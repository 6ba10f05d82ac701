/* url.c - see url.h */
#define _GNU_SOURCE             /* memmem */
#include "url.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int url_parse(struct url *u, const char *text)
{
	size_t host, path;

	if (strncasecmp(text, "http://", 7))
		return -EINVAL;
	text += 7;
	host = strcspn(text, ":/?#");
	if (!host || host >= sizeof u->host)
		return -EINVAL;
	for (size_t i = 0; i < host; i++)
		u->host[i] = (char)tolower((unsigned char)text[i]);
	u->host[host] = '\0';
	text += host;
	u->port = *text == ':' ? atoi(text + 1) : 80;
	text += strcspn(text, "/?#");
	path = strcspn(text, "#");
	if (path + 2 > sizeof u->path || u->port < 1 || u->port > 65535)
		return -EINVAL;
	snprintf(u->path, sizeof u->path, "%s%.*s", *text == '/' ? "" : "/",
		 (int)path, text);
	return 0;
}

/* Take "." and ".." out of a path, up to its query. */
static void tidy_path(char *path)
{
	char *from = path, *to = path;
	size_t rest = strcspn(path, "?");
	char *end = path + rest;

	while (from < end) {            /* one "/name" at a time */
		size_t n = 1 + strcspn(from + 1, "/?");
		bool last = from + n >= end;

		if (n == 2 && from[1] == '.') {
			if (last)
				*to++ = '/';
		} else if (n == 3 && from[1] == '.' && from[2] == '.') {
			while (to > path && *--to != '/')
				;
			if (last)
				*to++ = '/';
		} else {
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	memmove(to, end, strlen(end) + 1);
}

static bool has_scheme(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (n && strchr("+-.", s[n]) && s[n]))
		n++;
	return n > 0 && s[n] == ':';
}

int url_resolve(char out[URL_MAX], const struct url *base, const char *link,
		size_t len)
{
	char text[URL_MAX], full[2 * URL_MAX + 300];
	const char *path = base->path, *slash, *from, *amp;
	int dir = (int)strcspn(path, "?");
	struct url u;
	size_t n = 0;

	if (len >= sizeof text)
		return -ENAMETOOLONG;
	for (from = link; from < link + len && *from != '#'; from++) {
		amp = *from == '&' && link + len - from >= 5 &&
		      !memcmp(from, "&amp;", 5) ? from : NULL;
		text[n++] = *from;
		from += amp ? 4 : 0;
	}
	text[n] = '\0';
	if (has_scheme(text)) {
		snprintf(full, sizeof full, "%s", text);
	} else if (!strncmp(text, "//", 2)) {
		snprintf(full, sizeof full, "http:%s", text);
	} else {
		slash = memrchr(path, '/', (size_t)dir);
		if (*text == '/')
			dir = 0;
		else if (*text && *text != '?')
			dir = (int)(slash - path) + 1;
		else if (!*text)
			dir = (int)strlen(path);
		snprintf(full, sizeof full, "http://%s:%d%.*s%s", base->host,
			 base->port, dir, path, text);
	}
	if (url_parse(&u, full))
		return strlen(full) >= URL_MAX ? -ENAMETOOLONG : -EINVAL;
	tidy_path(u.path);
	if (u.port == 80)
		n = (size_t)snprintf(out, URL_MAX, "http://%s%s", u.host, u.path);
	else
		n = (size_t)snprintf(out, URL_MAX, "http://%s:%d%s", u.host,
				     u.port, u.path);
	return n < URL_MAX ? 0 : -ENAMETOOLONG;
}

/* The value of an attribute at p, behind its '='; returns what follows it. */
static const char *value(const char *p, const char *end, const char **v,
			 size_t *len)
{
	char quote = p < end && (*p == '"' || *p == '\'') ? *p++ : 0;

	*v = p;
	while (p < end && (quote ? *p != quote :
			   !isspace((unsigned char)*p) && *p != '>'))
		p++;
	*len = (size_t)(p - *v);
	return quote && p < end ? p + 1 : p;
}

void html_links(const char *p, size_t n,
		void (*found)(void *arg, const char *link, size_t len),
		void *arg)
{
	const char *end = p + n, *v, *name;
	size_t len, skip;

	while ((p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		if (end - p >= 4 && !memcmp(p, "<!--", 4)) {
			p = memmem(p, (size_t)(end - p), "-->", 3);
			if (!p)
				return;
			continue;
		}
		while (p < end && *p != '>') {
			name = p;
			while (p < end && (isalnum((unsigned char)*p) || *p == '-'))
				p++;
			len = (size_t)(p - name);
			for (skip = 0; p + skip < end &&
			     isspace((unsigned char)p[skip]); )
				skip++;
			if (!len || p + skip >= end || p[skip] != '=') {
				p += !len;
				continue;
			}
			for (p += skip + 1; p < end && isspace((unsigned char)*p); )
				p++;
			p = value(p, end, &v, &skip);
			if ((len == 4 && !strncasecmp(name, "href", 4)) ||
			    (len == 3 && !strncasecmp(name, "src", 3)))
				found(arg, v, skip);
		}
		if (p >= end)
			return;
	}
}

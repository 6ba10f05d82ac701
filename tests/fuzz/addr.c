/* fuzz/addr.c - addresses and their text, against parsers written from the
 * standards, against the way back, and against the library.
 */
#include "net/net.h"
#include "fuzz/fuzz.h"

#include <arpa/inet.h>
#include <netinet/in.h>

const char fuzz_name[] = "addr";

/* --- by plain means --------------------------------------------------------------- */

/* "192.0.2.1": four numbers up to 255, no zero in front. */
static bool plain_ipv4(const char *s, uint8_t to[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned v = 0, digits = 0;

		if (i && *s++ != '.')
			return false;
		for (; *s >= '0' && *s <= '9'; s++) {
			if (++digits > 3 || (digits > 1 && v == 0))
				return false;
			v = 10 * v + (unsigned)(*s - '0');
		}
		if (!digits || v > 255)
			return false;
		to[i] = (uint8_t)v;
	}
	return !*s;
}

static int plain_hex(char c)
{
	const char *digits = "0123456789abcdef", *at;

	at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* RFC 4291, 2.2: eight groups, one "::" for some of them, IPv4 at the end. */
static bool plain_ipv6(const char *s, uint8_t to[16])
{
	int n = 0, gap = -1, digits;

	memset(to, 0, 16);
	if (s[0] == ':' && s[1] != ':')
		return false;
	if (s[0] == ':')
		s++;
	while (*s) {
		unsigned v = 0;

		if (*s == ':') {
			if (gap >= 0)
				return false;
			gap = n;
			if (!*++s)
				break;
		}
		if (n <= 12 && plain_ipv4(s, to + n)) {
			n += 4;
			break;
		}
		for (digits = 0; plain_hex(*s) >= 0; digits++)
			v = v << 4 | (unsigned)plain_hex(*s++);
		if (!digits || digits > 4 || n > 14)
			return false;
		to[n++] = (uint8_t)(v >> 8);
		to[n++] = (uint8_t)v;
		if (*s && (*s++ != ':' || !*s))
			return false;
	}
	if (gap < 0 || n > 14)
		return n == 16 && gap < 0;
	memmove(to + 16 - (n - gap), to + gap, (size_t)(n - gap));
	memset(to + gap, 0, (size_t)(16 - n));
	return true;
}

/* --- text to address, and back ------------------------------------------------------ */

static void back(const struct net_addr *a, const char *host, int port)
{
	char text[WEFT_ADDR_TEXT], *colon;
	int n = weft_addr_text(&a->sa, a->len, text, sizeof text);
	struct net_addr again;

	MUST(n > 0 && strlen(text) == (size_t)n);
	colon = strrchr(text, ':');
	MUST(colon && atoi(colon + 1) == port);
	*colon = '\0';
	if (a->sa.sa_family == AF_INET6)
		MUST(*text == '[' && colon[-1] == ']');
	if (a->sa.sa_family == AF_INET6)
		colon[-1] = '\0';
	else
		MUST(!strcmp(text, host));
	MUST(weft__net_numeric(&again, text + (*text == '['), port));
	MUST(again.len == a->len && !memcmp(&again.sa, &a->sa, a->len));
}

static void numeric(const char *host, int port)
{
	struct net_addr a;
	uint8_t four[4], six[16];
	bool is4 = plain_ipv4(host, four), is6 = plain_ipv6(host, six);

	MUST(weft__net_numeric(&a, host, port) == (is4 || is6));
	if (is4) {
		struct sockaddr_in *in = (struct sockaddr_in *)&a.room;

		MUST(a.len == sizeof *in && in->sin_family == AF_INET);
		MUST(!memcmp(&in->sin_addr, four, 4));
		MUST(ntohs(in->sin_port) == port);
	} else if (is6) {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)&a.room;

		MUST(a.len == sizeof *in && in->sin6_family == AF_INET6);
		MUST(!memcmp(&in->sin6_addr, six, 16));
		MUST(ntohs(in->sin6_port) == port && !in->sin6_scope_id);
	}
	if (is4 || is6)
		back(&a, host, port);
}

static void unix_path(const char *path)
{
	size_t n = strlen(path);
	char text[WEFT_ADDR_TEXT];
	struct net_addr a;
	int err = weft__net_unix(&a, path);

	if (n == 0 || !strcmp(path, "@")) {
		MUST(err == -EINVAL);
	} else if (n > 107) {
		MUST(err == -ENAMETOOLONG);
	} else {
		MUST(err == 0);
		MUST(weft_addr_text(&a.sa, a.len, text, sizeof text) == (int)n);
		MUST(!strcmp(text, path));
	}
}

/* Any bytes as an address, in a buffer of their size; any room for the text. */
static void any_bytes(struct input *in)
{
	size_t room = input_byte(in), n = in->n < 128 ? in->n : 128;
	struct sockaddr *a = malloc(n + 1);
	char full[WEFT_ADDR_TEXT], *text = malloc(room + 1);
	int want, got;

	MUST(a && text);
	memcpy(a, in->at, n);
	memset(full, 'x', sizeof full);
	want = weft_addr_text(a, (socklen_t)n, full, sizeof full);
	MUST(want == -EINVAL || (want >= 0 && strlen(full) == (size_t)want));
	got = weft_addr_text(a, (socklen_t)n, text, room);
	if (want < 0 || (size_t)want < room)
		MUST(got == want);
	else
		MUST(got == -ENOSPC);
	if (got >= 0)
		MUST(!strcmp(text, full));
	free(a);
	free(text);
}

/* --- as the library does ------------------------------------------------------------ */

static void same_list(const struct addrinfo *a, const struct addrinfo *b)
{
	for (; a && b; a = a->ai_next, b = b->ai_next) {
		MUST(a->ai_family == b->ai_family);
		MUST(a->ai_socktype == b->ai_socktype);
		MUST(a->ai_protocol == b->ai_protocol);
		MUST(a->ai_addrlen == b->ai_addrlen);
		MUST(!memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen));
	}
	MUST(!a && !b);
}

/* What can be had without asking anybody is what the library says. */
static void lookup(unsigned flags, const char *host, const char *service)
{
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6 };
	struct addrinfo hints = {
		.ai_socktype = flags & 1 ? SOCK_STREAM : SOCK_DGRAM,
		.ai_family = families[flags / 2 % 3],
		.ai_flags = AI_NUMERICSERV | (flags & 16 ? AI_PASSIVE : 0) |
			    (flags & 32 ? AI_V4MAPPED : 0),
	}, *ours = NULL, *theirs = NULL;
	const char *h = *host ? host : NULL, *s = *service ? service : NULL;
	int err = weft_getaddrinfo(h, s, &hints, &ours, WEFT_NOWAIT), eai;

	hints.ai_flags |= AI_NUMERICHOST;
	eai = getaddrinfo(h, s, &hints, &theirs);
	if (eai == 0 || err == 0) {
		MUST(eai == 0 && err == 0);
		same_list(ours, theirs);
		freeaddrinfo(ours);
		freeaddrinfo(theirs);
	} else if (err != -EAGAIN) {
		MUST(eai == EAI_SYSTEM || err == weft__net_eai(eai));
	}
}

static void one(void *arg)
{
	struct input *in = arg;
	unsigned how = input_byte(in), port = input_byte(in);
	char *text;

	port = port << 8 | input_byte(in);
	text = strndup((const char *)in->at, in->n);
	MUST(text);
	switch (how % 4) {
	case 0:
		numeric(text, (int)port);
		break;
	case 1:
		unix_path(text);
		break;
	case 2:
		any_bytes(in);
		break;
	case 3: {
		char *slash = strchr(text, '/');

		if (slash)
			*slash++ = '\0';
		lookup(port, text, slash ? slash : "");
	}
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = { data, n };

	session_run(one, &in);
	return 0;
}

/* poll/poller.c - the choice of a backend. */
#include "base/base.h"
#include "poll/poller.h"

/* "uring" is taken when it is asked for: see uring.c for why it is not first. */
static const struct poll_backend *const by_choice[] = {
	&weft__poll_epoll, &weft__poll_poll,
};
static const struct poll_backend *const by_name[] = {
	&weft__poll_epoll, &weft__poll_uring, &weft__poll_poll,
};

static int open_with(struct poller *p, const struct poll_backend *backend)
{
	static _Atomic uint64_t serial;
	int rc;

	*p = (struct poller){ .fd = -1, .kick_fd = -1 };
	rc = backend->open(p);
	if (rc < 0)
		return rc;
	p->backend = backend;
	p->serial = add_rlx(&serial, 1) + 1;
	return 0;
}

int weft__poller_open(struct poller *p, const char *name)
{
	int rc = -ENOSYS;

	if (name && *name) {
		for (size_t i = 0; i < countof(by_name); i++)
			if (strcmp(by_name[i]->name, name) == 0)
				return open_with(p, by_name[i]);
		return -EINVAL;
	}
	for (size_t i = 0; rc == -ENOSYS && i < countof(by_choice); i++)
		rc = open_with(p, by_choice[i]);
	return rc;
}

void weft__poller_close(struct poller *p)
{
	if (!p->backend)
		return;
	p->backend->close(p);
	*p = (struct poller){ .fd = -1, .kick_fd = -1 };
}

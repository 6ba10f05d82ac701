/* io/fd.c - descriptors as such: made, waited for, closed. */
#include "base/base.h"
#include "io/io.h"

#include <weft/io.h>

int weft_poll(int fd, short events, weft_time deadline)
{
	return weft__desc_poll(fd, events, deadline);
}

int weft_close(int fd)
{
	return weft__desc_close(fd);
}

int weft_shutdown(int fd, int how)
{
	uint32_t generation;
	int err = weft__desc_enter(fd, &generation);

	if (err)
		return err;
	err = weft__sys_shutdown(fd, how);
	weft__desc_leave(fd);
	return err;
}

int weft_fd_deadline(int fd, short events, weft_time deadline)
{
	unsigned sides = (events & POLLIN ? 1u << DESC_IN : 0) |
			 (events & POLLOUT ? 1u << DESC_OUT : 0);

	if (!sides || events & ~(POLLIN | POLLOUT))
		return -EINVAL;
	return weft__desc_deadline(fd, sides, deadline);
}

/* Both or none. */
static int adopt_pair(int fds[2], enum desc_kind kind)
{
	int err = weft__desc_adopt(fds[0], kind, DESC_OURS);

	if (err < 0) {
		weft__sys_close(fds[1]);
		return err;
	}
	err = weft__desc_adopt(fds[1], kind, DESC_OURS);
	if (err < 0) {
		weft__desc_close(fds[0]);
		return err;
	}
	return 0;
}

int weft_pipe(int fds[2])
{
	int pair[2], err = weft__sys_pipe(pair);

	if (!err)
		err = adopt_pair(pair, DESC_OTHER);
	if (!err)
		memcpy(fds, pair, sizeof pair);
	return err;
}

int weft_socketpair(int domain, int type, int protocol, int fds[2])
{
	int pair[2], err = weft__sys_socketpair(domain, type, protocol, pair);

	/* No stream (D6): a read of a Unix socket ends where descriptors were
	 * sent, though more is there. */
	if (!err)
		err = adopt_pair(pair, DESC_SOCKET);
	if (!err)
		memcpy(fds, pair, sizeof pair);
	return err;
}

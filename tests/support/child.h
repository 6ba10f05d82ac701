/* support/child.h - children that end when they are told to.
 *
 * A child runs a line of sh(1) with its standard input from a pipe, so "read x"
 * there waits for child_go here.
 */
#ifndef WEFT_SUPPORT_CHILD_H
#define WEFT_SUPPORT_CHILD_H

#include "support/rt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <weft/process.h>

struct child {
	pid_t pid;
	int go;                 /* our end of the pipe */
};

__attribute__((unused))
static struct child child_start(const char *script)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
			       (char *)(uintptr_t)script, NULL };
	struct child c = { -1, -1 };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return c;
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fd[0], 0);
	CHECK_EQ(posix_spawn(&c.pid, "/bin/sh", &fa, &attr, argv, environ), 0);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	close(fd[0]);
	c.go = fd[1];
	return c;
}

__attribute__((unused))
static void child_go(struct child *c)
{
	CHECK_EQ(write(c->go, "\n", 1), 1);
	close(c->go);
}

#endif

/* SPDX-License-Identifier: MIT */
/* mute.c - runs a command where no question about a name is ever answered.
 *
 *	mute COMMAND [ARGUMENT...]
 *
 * In namespaces of its own: a resolv.conf that names 127.0.0.1, where a socket
 * takes the questions and nobody reads them.  BENCH_MUTE is that socket's number
 * for the command, which can see that it has been asked.  Where the system allows
 * no such namespaces the status is 77.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MISSING = 77, DNS = 53 };

static void missing(const char *what)
{
	fprintf(stderr, "not measured: no namespace for it: %s: %s\n", what,
		strerror(errno));
	exit(MISSING);
}

static void put(const char *path, const char *fmt, unsigned id)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || dprintf(fd, fmt, id) < 0)
		missing(path);
	close(fd);
}

static void leave_home(void)
{
	unsigned uid = getuid(), gid = getgid();

	if (!unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)) {
		put("/proc/self/setgroups", "deny", 0);
		put("/proc/self/uid_map", "0 %u 1", uid);
		put("/proc/self/gid_map", "0 %u 1", gid);
	} else if (unshare(CLONE_NEWNS | CLONE_NEWNET)) {
		missing("unshare");
	}
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		missing("mount");
}

static void replace(const char *path, const char *content)
{
	char mine[] = "/tmp/weft-bench-XXXXXX";
	int fd = mkstemp(mine);

	if (fd < 0 || fchmod(fd, 0644) || dprintf(fd, "%s", content) < 0)
		missing(mine);
	close(fd);
	if (mount(mine, path, NULL, MS_BIND, NULL)) {
		unlink(mine);
		missing(path);
	}
	unlink(mine);
}

static void take_questions(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(DNS),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);        /* the command's, too */
	char number[16];

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) ||
	    bind(fd, (struct sockaddr *)&a, sizeof a))
		missing("port 53");
	snprintf(number, sizeof number, "%d", fd);
	setenv("BENCH_MUTE", number, 1);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	leave_home();
	replace("/etc/resolv.conf",
		"nameserver 127.0.0.1\noptions timeout:5 attempts:1\n");
	if (!access("/etc/nsswitch.conf", F_OK))
		replace("/etc/nsswitch.conf", "hosts: files dns\n");
	take_questions();
	execvp(argv[1], argv + 1);
	fprintf(stderr, "mute: %s: %s\n", argv[1], strerror(errno));
	return 1;
}

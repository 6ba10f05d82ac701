/* regress/0027 - routines that main leaves behind inside a call kept what the
 * call had for itself: descriptors, memory, a child, the place of SIGCHLD's
 * handler.
 */
#include "stress/stress.h"

#include "net/net.h"
#include "support/backlog.h"
#include "support/proc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

enum { WARM = 3, ROUNDS = 12, CASES = 100, FILL = 16, SLACK = 64 << 10,
       ASKERS = 300, CUTS = 100, WRITERS = 8 };

static atomic_int inside;
static pid_t child, ours;
static int empty[2], full[2], pids[2], sink[2], crowd[FILL + 1];
static int filled, port, before;
static bool wait_for_race;
static weft_chan *never;
static weft_bufio out;
static char dir[] = "/tmp/weft-0027.XXXXXX";

static int two(const char *node, const char *service,
	       const struct addrinfo *hints, struct addrinfo **res)
{
	struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST,
				    .ai_socktype = SOCK_STREAM };
	int err = getaddrinfo("127.0.0.2", service, &numeric, res);

	(void)node;
	(void)hints;
	return err ? err : getaddrinfo("127.0.0.2", service, &numeric,
				       &(*res)->ai_next);
}

/* --- those who are left ------------------------------------------------------- */

static void wait_child(void *arg)
{
	inside++;
	(void)!weft_waitpid(child, arg, 0, WEFT_FOREVER);
}

static void wait_group(void *arg)
{
	inside++;
	(void)!weft_waitpid(-getpgrp(), arg, 0, weft_in(100 * WEFT_S));
}

static void command(void *arg)
{
	static char input[1 << 20];
	static char sh[] = "sh", flag[] = "-c",
		    line[] = "echo $$ >&2; exec sleep 100";
	char *const argv[] = { sh, flag, line, NULL };
	weft_command c = {
		.argv = argv, .input = input, .input_size = sizeof input,
		.out.kind = WEFT_STDIO_CAPTURE,
		.err = { WEFT_STDIO_FD, pids[1] },
	};

	(void)arg;
	inside++;
	(void)!weft_run_command(&c, NULL, WEFT_FOREVER);
}

static void copy(void *arg)
{
	(void)arg;
	inside++;
	(void)!weft_copy(sink[1], empty[0]);
}

static void dial(void *arg)
{
	(void)arg;
	inside++;
	(void)!weft_tcp_connect("two.example", port, WEFT_FOREVER);
}

static void dial_one(void *arg)
{
	(void)arg;
	inside++;
	(void)!weft_tcp_connect("127.0.0.2", port, WEFT_FOREVER);
}

static int stay(const weft_walk_entry *e, void *arg)
{
	(void)arg;
	if (e->depth == 0)
		return 0;
	inside++;
	(void)!weft_chan_recv(never, NULL);
	return 0;
}

static void walk(void *arg)
{
	(void)!weft_walk(dir, 0, -1, stay, arg);
}

static void wait_for_many(void *arg)
{
	weft_case c[CASES];

	(void)arg;
	for (int i = 0; i < CASES; i++)
		c[i] = WEFT_RECV(never, NULL);
	inside++;
	(void)!weft_select(c, CASES, WEFT_FOREVER);
}

static void print_much(void *arg)
{
	(void)arg;
	inside++;
	(void)!weft_bufio_printf(&out, WEFT_FOREVER, "%90000d", 1);
}

static int member(void *arg)
{
	inside++;
	return weft_chan_recv(arg, NULL);
}

static void supervise(void *arg)
{
	const weft_supervised who = { .fn = member, .arg = arg };

	(void)!weft_supervise(&who, 1, NULL);
}

/* --- who never runs, and who may do no more ------------------------------------ */

/* Each time its helper is left before it has begun. */
static void ask(void *arg)
{
	struct addrinfo *list;

	inside++;
	if (weft_getaddrinfo("two.example", "1", arg, &list, WEFT_FOREVER) == 0)
		freeaddrinfo(list);
}

static int leave_asker(void *arg)
{
	inside = 0;
	MUST(weft_go(ask, arg) == 0, "go");
	while (!inside)
		weft_yield();
	return 0;
}

/* Either it is all there or nothing is, under no name. */
static int replace(void *arg)
{
	return weft_file_write_all(arg, dir, sizeof dir, 0600,
				   WEFT_FILE_REPLACE);
}

static int cut_short(void *arg)
{
	weft_scope s;
	int err;

	for (int i = 1; i <= CUTS; i++) {
		err = weft_scope_begin(&s, WEFT_FOREVER);
		MUST(!err && !weft_scope_go(&s, replace, arg), "scope");
		for (int k = i % 16; k; k--)
			weft_yield();
		(void)!weft_scope_cancel(&s, -EINTR);
		(void)!weft_scope_end(&s);
	}
	return 0;
}

static void leave_replacing(void *arg)
{
	inside++;
	while (replace(arg) == 0)
		;
}

static int leave_writers(void *arg)
{
	inside = 0;
	for (int i = 0; i < WRITERS; i++)
		MUST(weft_go(leave_replacing, arg) == 0, "go");
	while (inside < WRITERS)
		weft_yield();
	return 0;
}

/* --- a run --------------------------------------------------------------------- */

static void (*const left[])(void *) = {
	wait_child, wait_group, command, copy, dial, dial_one, walk,
	wait_for_many, print_much, supervise,
};

enum { LEFT = sizeof left / sizeof *left };

static int leave(void *arg)
{
	char text[32];
	ssize_t n;

	inside = 0;
	for (int i = 0; i < LEFT; i++)
		MUST(weft_go(left[i], i == 9 ? (void *)never : arg) == 0, "go");
	while (inside < LEFT)
		weft_yield();
	n = weft_read(pids[0], text, sizeof text - 1, WEFT_FOREVER);
	MUST(n > 0, "read: %zd", n);
	text[n] = 0;
	ours = atoi(text);
	for (int i = 0; i < 100; i++)
		weft_yield();
	/* A pidfd; a pidfd, two pipes, what watches them; one socket; two and
	 * what watches them.  And the poller's. */
	while (wait_for_race && open_descriptors() < before + 9)
		weft_yield();
	return 0;
}

static void once(unsigned workers)
{
	weft_config c = { .workers = workers,
			  .on_deadlock = WEFT_DEADLOCK_IGNORE };
	struct sigaction sa;
	int now;

	MUST(weft_run_config(&c, leave, NULL) == 0, "run");
	now = open_descriptors();
	MUST(now == before, "%d descriptors, %d before", now, before);
	MUST(waitpid(ours, NULL, WNOHANG) < 0, "the child is left");
	MUST(sigaction(SIGCHLD, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL,
	     "SIGCHLD is still taken");
}

static void ask_often(void)
{
	weft_config c = { .workers = 2, .on_deadlock = WEFT_DEADLOCK_IGNORE };
	size_t used = 0, more;

	for (int i = 0; i < ASKERS; i++) {
		if (i == WARM)
			used = mallinfo2().uordblks;
		MUST(weft_run_config(&c, leave_asker, NULL) == 0, "run");
	}
	more = mallinfo2().uordblks;
	MUST(more < used + SLACK, "askers: %zu bytes more", more - used);
}

/* Only what was replaced may have come into the directory. */
static void replace_often(void)
{
	char path[64];
	int were = entries(dir), are;

	snprintf(path, sizeof path, "%s/r", dir);
	for (int i = 0; i < ROUNDS; i++) {
		weft_config c = { .workers = 1 + (unsigned)i % 3,
				  .on_deadlock = WEFT_DEADLOCK_IGNORE };

		MUST(weft_run_config(&c, i % 2 ? leave_writers : cut_short,
				     path) == 0, "run");
	}
	unlink(path);
	are = entries(dir);
	MUST(are == were, "%d names more", are - were);
}

/* --- what they wait for ------------------------------------------------------------ */

static void fill_listener(void)
{
	crowd[0] = weft_tcp_listen("127.0.0.2", 0, 1);
	port = weft_sockport(crowd[0]);
	MUST(crowd[0] >= 0 && port > 0, "listen");
	/* A slow connection alone does not mean that it is full. */
	for (filled = 1; !queue_is_full(crowd[0], 1); filled++) {
		MUST(filled <= FILL, "it takes all");
		crowd[filled] = weft_tcp_connect("127.0.0.2", port,
						 weft_in(30 * WEFT_MS));
	}
}

static void prepare(void)
{
	static char name[] = "sleep", seconds[] = "100";
	char *const argv[] = { name, seconds, NULL };
	static const char block[4096];
	char path[64];

	MUST(mkdtemp(dir) != NULL, "mkdtemp");
	snprintf(path, sizeof path, "%s/f", dir);
	close(open(path, O_CREAT | O_CLOEXEC, 0600));
	MUST(!weft_pipe(empty) && !weft_pipe(full) && !weft_pipe(pids) &&
	     !weft_pipe(sink), "pipes");
	while (weft_write(full[1], block, sizeof block, WEFT_NOWAIT) > 0)
		;
	weft_bufio_init(&out, full[1], 0);
	never = weft_chan_new(sizeof(int), 0);
	MUST(!posix_spawnp(&child, "sleep", NULL, NULL, argv, environ),
	     "sleep");
	weft__net_resolver = two;
	fill_listener();
}

static void clean(void)
{
	char path[64];

	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	snprintf(path, sizeof path, "%s/f", dir);
	unlink(path);
	rmdir(dir);
	weft_chan_unref(never);
	weft_bufio_fini(&out);
}

int main(void)
{
	size_t used = 0, more;

	signal(SIGPIPE, SIG_IGN);
	prepare();
	before = open_descriptors();
	for (int i = 0; i < ROUNDS; i++) {
		if (i == WARM)
			used = mallinfo2().uordblks;
		wait_for_race = i == ROUNDS - 1;
		once(1 + (unsigned)i % 3);
	}
	more = mallinfo2().uordblks;
	ask_often();
	replace_often();
	clean();
	MUST(more < used + SLACK, "%zu bytes more", more - used);
	return 0;
}

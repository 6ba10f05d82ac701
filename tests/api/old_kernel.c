/* tests/api/old_kernel.c - kernels that lack what is new, and filters that refuse
 * it.
 *
 * A filter (seccomp) in a child answers for the kernel: -ENOSYS as a kernel that is
 * older than the call, -EPERM as a container whose list of calls is.  Everything
 * goes on, by other calls.
 */
#include "support/files.h"
#include "support/net.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <weft/loop.h>
#include <weft/process.h>

TestSuite(old_kernel, .timeout = 120);

enum { NO_FILTER = 77, CALLS = 12 };

/* Numbers of headers that are older than the calls do not matter here. */
static const struct refusal {
	const char *what;
	int answer, call[CALLS];                /* ended by 0 */
} refusals[] = {
#define URING 425, 426, 427
#define PIDFD 424, 434
#define PWAIT2 441
#define CLOSE_RANGE 436
#define OPENAT2 437
	{ "no io_uring", ENOSYS, { URING } },
	{ "io_uring forbidden", EPERM, { URING } },
	{ "no epoll_pwait2", ENOSYS, { PWAIT2 } },
	{ "epoll_pwait2 forbidden", EPERM, { PWAIT2 } },
	{ "no pidfd", ENOSYS, { PIDFD } },
	{ "pidfd forbidden", EPERM, { PIDFD } },
#ifdef SYS_preadv2
	{ "no RWF_NOWAIT", ENOSYS, { SYS_preadv2, SYS_pwritev2 } },
	{ "none of them", ENOSYS, { URING, PIDFD, PWAIT2, CLOSE_RANGE, OPENAT2,
				    SYS_preadv2, SYS_pwritev2 } },
#endif
#ifdef SYS_copy_file_range
	{ "no copying inside", ENOSYS, { SYS_copy_file_range } },
	{ "copying inside forbidden", EPERM, { SYS_copy_file_range } },
#endif
};

/* False: nobody can be asked to refuse anything here. */
static bool refuse(const struct refusal *r)
{
	struct sock_filter f[2 * CALLS + 2];
	struct sock_fprog all = { .filter = f };
	unsigned short n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < CALLS && r->call[i]; i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)r->call[i], 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)r->answer);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
					      SECCOMP_RET_ALLOW);
	all.len = n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0 &&
	       (syscall(r->call[0], -1, 0, 0, 0, 0, 0), errno == r->answer);
}

/* --- all kinds of waiting ---------------------------------------------------------- */

static int echoes(void *arg)
{
	int l = (int)(intptr_t)arg, fd = weft_accept(l, NULL, NULL, PATIENCE);
	char buf[64];
	ssize_t n;

	CHECK(fd >= 0);
	while ((n = weft_read(fd, buf, sizeof buf, PATIENCE)) > 0)
		CHECK_EQ(weft_write_all(fd, buf, (size_t)n, NULL, PATIENCE), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(weft_close(fd), 0);
	return 0;
}

static void sockets(void)
{
	int l = weft_tcp_listen("127.0.0.1", 0, 0), fd, status;
	char buf[64] = "";
	weft_time late;
	weft_id id;

	CHECK(l >= 0);
	CHECK_EQ(weft_spawn(&id, NULL, echoes, (void *)(intptr_t)l), 0);
	fd = weft_tcp_connect("127.0.0.1", weft_sockport(l), PATIENCE);
	CHECK(fd >= 0);
	late = weft_in(2 * WEFT_MS);
	CHECK_EQ(weft_read(fd, buf, 1, late), -ETIMEDOUT);
	CHECK(weft_now() >= late);
	for (int i = 0; i < 20; i++) {
		carries(fd, fd);
		weft_sleep(100 * WEFT_US);
	}
	CHECK_EQ(weft_shutdown(fd, SHUT_WR), 0);
	CHECK_EQ(weft_read(fd, buf, 1, PATIENCE), 0);
	CHECK_EQ(weft_join(id, &status), 0);
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(weft_close(l), 0);
}

static int reads_one(void *arg)
{
	char c = 0;

	return weft_read(*(int *)arg, &c, 1, WEFT_FOREVER) == 1 ? c : -1;
}

/* One that blocks, too: whether it is ready is asked in another way. */
static void pipes(void)
{
	for (int ours = 0; ours < 2; ours++) {
		int fd[2], status = 0;
		weft_id id;
		char c;

		CHECK_EQ(ours ? weft_pipe(fd) : pipe(fd), 0);
		CHECK_EQ(weft_read(fd[0], &c, 1, WEFT_NOWAIT), -EAGAIN);
		CHECK_EQ(weft_spawn(&id, NULL, reads_one, &fd[0]), 0);
		CHECK_EQ(weft_join_until(id, &status, weft_in(WEFT_MS)),
			 -ETIMEDOUT);
		CHECK_EQ(weft_write(fd[1], "x", 1, PATIENCE), 1);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, 'x');
		CHECK_EQ(weft_spawn(&id, NULL, reads_one, &fd[0]), 0);
		CHECK_EQ(weft_join_until(id, &status, weft_in(WEFT_MS)),
			 -ETIMEDOUT);
		CHECK_EQ(weft_close(fd[0]), 0);
		CHECK_EQ(weft_join(id, &status), 0);
		CHECK_EQ(status, -1);
		CHECK_EQ(weft_close(fd[1]), 0);
	}
}

static void files(void)
{
	static const char text[] = "what is written can be read";
	char buf[sizeof text];
	struct stat st;
	void *all = NULL;
	size_t size = 0;
	int fd, to;

	CHECK_EQ(weft_file_write_all(path, text, sizeof text, 0600,
				     WEFT_FILE_REPLACE), 0);
	CHECK_EQ(weft_stat(path, &st), 0);
	CHECK_EQ(st.st_size, sizeof text);
	CHECK_EQ(weft_file_read_all(path, SIZE_MAX, &all, &size), 0);
	CHECK(size == sizeof text && memcmp(all, text, size) == 0);
	free(all);
	fd = weft_open(path, O_RDWR, 0);
	CHECK_EQ(weft_pread(fd, buf, sizeof buf, 5), sizeof text - 5);
	CHECK_EQ(memcmp(buf, text + 5, sizeof text - 5), 0);
	CHECK_EQ(weft_read(fd, buf, sizeof buf, WEFT_NOWAIT), sizeof text);
	CHECK_EQ(weft_pwrite(fd, "W", 1, 0), 1);
	CHECK_EQ(weft_fsync(fd), 0);
	to = weft_open(in_dir("copy"), O_RDWR | O_CREAT, 0600);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(weft_copy(to, fd), sizeof text);
	CHECK_EQ(weft_pread(to, buf, sizeof buf, 0), sizeof text);
	CHECK(buf[0] == 'W' && memcmp(buf + 1, text + 1, sizeof text - 1) == 0);
	CHECK_EQ(weft_close(fd), 0);
	CHECK_EQ(weft_close(to), 0);
	CHECK_EQ(weft_unlink(in_dir("copy")), 0);
}

static void children(void)
{
	char *const ends[] = { (char[]){ "sh" }, (char[]){ "-c" },
			       (char[]){ "cat; exit 3" }, NULL };
	char *const stays[] = { (char[]){ "sleep" }, (char[]){ "1000" }, NULL };
	weft_command c = { .argv = ends, .input = "in", .input_size = 2,
			   .out = { WEFT_STDIO_CAPTURE, 0 } };
	weft_outcome o;
	weft_process p;
	int status = 0;

	CHECK_EQ(weft_run_command(&c, &o, PATIENCE), 0);
	CHECK(WIFEXITED(o.status) && WEXITSTATUS(o.status) == 3);
	CHECK(o.out && strcmp(o.out, "in") == 0);
	free(o.out);
	c = (weft_command){ .argv = stays };
	CHECK_EQ(weft_run_command(&c, &o, weft_in(5 * WEFT_MS)), -ETIMEDOUT);
	CHECK(WIFSIGNALED(o.status));
	CHECK_EQ(weft_process_spawn(&p, &c), 0);
	CHECK_EQ(weft_process_wait(&p, &status, weft_in(WEFT_MS)), -ETIMEDOUT);
	CHECK_EQ(weft_process_kill(&p, SIGKILL), 0);
	CHECK_EQ(weft_process_wait(&p, &status, PATIENCE), 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	weft_process_close(&p);
}

static int everything(void *arg)
{
	(void)arg;
	sockets();
	pipes();
	files();
	children();
	return 0;
}

/* --- in somebody's loop ------------------------------------------------------------- */

static bool looped;

static void in_loop(void *arg)
{
	(void)arg;
	sockets();
	weft_sleep(WEFT_MS);
	looped = true;
}

static void loop(void)
{
	weft_time until = PATIENCE;
	weft_runtime *rt;
	int rc = weft_loop_start(NULL, &rt);

	if (rc == -ENOSYS)
		return;                         /* WEFT_POLLER has none */
	CHECK_EQ(rc, 0);
	CHECK_EQ(weft_submit(rt, in_loop, NULL), 0);
	while (!looped && weft_now() < until) {
		struct pollfd p = { .fd = weft_loop_fd(rt), .events = POLLIN };

		poll(&p, 1, 100);
		rc = weft_loop_run(rt, WEFT_NOWAIT);
		CHECK(rc == 0 || rc == -EAGAIN);
	}
	CHECK(looped);
	CHECK_EQ(weft_stop(rt, PATIENCE), 0);
}

static int refused(void *arg)
{
	static const char *const pollers[] = { "epoll", "uring", "poll" };

	if (!refuse(arg))
		return NO_FILTER;
	alarm(100);                     /* nobody else ends a child that hangs */
	for (size_t i = 0; i < COUNT(pollers); i++) {
		setenv("WEFT_POLLER", pollers[i], 1);
		CHECK_EQ(run_on(1, everything, NULL), 0);
		CHECK_EQ(run_on(4, everything, NULL), 0);
		looped = false;
		loop();
	}
	return failures ? 1 : 0;
}

Test(old_kernel, what_it_lacks_is_done_by_other_calls)
{
	bool any = false;

	if (under("valgrind"))
		cr_skip_test("it would be valgrind's calls that are refused");
	make_dir();
	for (size_t i = 0; i < COUNT(refusals); i++) {
		int rc = in_child(refused, &refusals[i]);

		cr_assert(rc == 0 || rc == NO_FILTER, "%s: %d\n%s",
			  refusals[i].what, rc, said);
		any |= rc == 0;
	}
	remove_dir();
	if (!any)
		cr_skip_test("no filter of calls can be had here");
}

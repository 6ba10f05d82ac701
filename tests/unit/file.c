/* tests/unit/file.c - files when the kernel refuses, falls short, or is slow; and
 * the ring of a runtime from inside. */
#include "support/files.h"
#include "support/proc.h"

#include "os/sys.h"
#include "sched/runtime.h"
#include "sched/submit.h"
#include "sched/worker.h"

#include <fcntl.h>

TestSuite(file_faults, .timeout = 120);

static struct weft_runtime *runtime(void)
{
	return weft__worker()->rt;
}

static bool has_ring(void)
{
	return !strcmp(weft__submit_name(runtime()), "ring");
}

/* --- which way -------------------------------------------------------------------- */

static const char *expected;

static int goes(void *arg)
{
	int fd = weft_open(path, O_RDWR | O_CREAT, 0600);
	const char *way = weft__submit_name(runtime());
	uint64_t before;

	(void)arg;
	CHECK(fd >= 0);
	if (expected)
		CHECK(!strcmp(way, expected));
	before = load_rlx(&runtime()->submit.submitted);
	CHECK_EQ(weft_fsync(fd), 0);
	CHECK_EQ(load_rlx(&runtime()->submit.submitted) - before, has_ring());
	CHECK_EQ(weft_close(fd), 0);
	return 0;
}

static int refuse_ring(enum sys_call call, int fd)
{
	(void)fd;
	return call == SYS_RING ? -EPERM : 0;
}

Test(file_faults, ring_is_used_unless_off_or_refused)
{
	make_dir();
	EACH(goes);
	setenv("WEFT_RING", "off", 1);
	expected = "off";
	EACH(goes);
	unsetenv("WEFT_RING");
	expected = under("valgrind") ? "off" : "refused";
	weft__sys_fault = refuse_ring;
	EACH(goes);
	weft__sys_fault = NULL;
	remove_dir();
}

static int asks_nothing(void *arg)
{
	(void)arg;
	CHECK(!strcmp(weft__submit_name(runtime()),
		      under("valgrind") ? "off" : "closed"));
	return 0;
}

Test(file_faults, ring_is_opened_by_the_first_operation)
{
	EACH(asks_nothing);
}

/* --- faults --------------------------------------------------------------------------- */

static atomic_int failing, answer;      /* whoever runs asks */

static int fail(enum sys_call call, int fd)
{
	(void)fd;
	return (int)call == failing ? answer : 0;
}

/* At most 3 bytes at a time: the callers see all of them. */
static int short_transfers(void *arg)
{
	char buf[20] = "";
	int fd = weft_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *p;

	(void)arg;
	answer = 3;
	failing = SYS_PWRITE;
	CHECK_EQ(weft_pwrite(fd, "hello, world", 12, 0), 12);
	failing = SYS_PREAD;
	CHECK_EQ(weft_pread(fd, buf, 20, 0), 12);
	CHECK(!strcmp(buf, "hello, world"));
	CHECK_EQ(weft_file_read_all(path, 100, &p, NULL), 0);
	CHECK(p && !strcmp(p, "hello, world"));
	free(p);
	failing = SYS_CALLS;
	CHECK_EQ(weft_close(fd), 0);
	return 0;
}

static int failures_told(void *arg)
{
	static const enum sys_call calls[] = {
		SYS_OPEN, SYS_PREAD, SYS_PWRITE, SYS_FSYNC, SYS_STAT,
		SYS_TRUNCATE, SYS_ALLOCATE, SYS_NAME, SYS_READLINK,
		SYS_GETDENTS,
	};
	char buf[4];
	struct stat st;
	weft_dir *d;
	weft_dir_entry e;
	void *p;
	int fd = weft_open(path, O_RDWR | O_CREAT, 0600);

	(void)arg;
	CHECK_EQ(weft_dir_open(&d, dir), 0);
	for (size_t i = 0; i < COUNT(calls); i++) {
		answer = i % 2 ? -ENOSPC : -EIO;
		failing = (int)calls[i];
#define TELLS(call, made) CHECK_EQ(made, failing == (int)(call) ? answer : 0)
		if (failing == SYS_OPEN)
			TELLS(SYS_OPEN, weft_open(path, O_RDONLY, 0));
		if (failing == SYS_PREAD)
			TELLS(SYS_PREAD, weft_pread(fd, buf, 4, 0));
		if (failing == SYS_PWRITE)
			TELLS(SYS_PWRITE, weft_pwrite(fd, "abcd", 4, 0));
		if (failing == SYS_GETDENTS)
			TELLS(SYS_GETDENTS, weft_dir_next(d, &e));
		if (failing == SYS_READLINK)
			TELLS(SYS_READLINK, weft_readlink(path, buf, 4));
		if (failing == SYS_NAME)
			TELLS(SYS_NAME, weft_unlink(path));
		TELLS(SYS_FSYNC, weft_fsync(fd));
		TELLS(SYS_STAT, weft_stat(path, &st));
		TELLS(SYS_TRUNCATE, weft_ftruncate(fd, 0));
		if (failing == SYS_ALLOCATE)
			TELLS(SYS_ALLOCATE, weft_fallocate(fd, 0, 0, 10));
	}
	/* What replaces a file leaves the old one when it fails. */
	failing = SYS_CALLS;
	CHECK_EQ(weft_file_write_all(path, "old", 3, 0600, 0), 0);
	failing = SYS_FSYNC;
	answer = -ENOSPC;
	CHECK_EQ(weft_file_write_all(path, "new", 3, 0600, WEFT_FILE_REPLACE),
		 -ENOSPC);
	failing = SYS_CALLS;
	CHECK_EQ(weft_file_read_all(path, 100, &p, NULL), 0);
	CHECK(p && !strcmp(p, "old"));
	free(p);
	weft_dir_close(d);
	CHECK_EQ(weft_close(fd), 0);
	return 0;
}

Test(file_faults, short_reads_and_writes_are_completed)
{
	make_dir();
	failing = SYS_CALLS;
	weft__sys_fault = fail;
	BOTH(EACH(short_transfers));
	weft__sys_fault = NULL;
	remove_dir();
}

Test(file_faults, each_error_comes_through)
{
	make_dir();
	failing = SYS_CALLS;
	weft__sys_fault = fail;
	BOTH(EACH(failures_told));
	weft__sys_fault = NULL;
	remove_dir();
}

/* The ring takes no more: the pool does. */
static atomic_int hiccups;

static int sometimes_busy(enum sys_call call, int fd)
{
	return call == SYS_RING && fd >= 0 && hiccups++ % 3 ? -EBUSY : 0;
}

Test(file_faults, goes_on_when_the_ring_stutters)
{
	make_dir();
	expected = NULL;
	weft__sys_fault = sometimes_busy;
	EACH(goes);
	weft__sys_fault = NULL;
	remove_dir();
}

/* --- what waits for ever ----------------------------------------------------------------- */

static atomic_int begun;

static int open_for_ever(void *arg)
{
	int fd;

	(void)arg;
	begun++;
	fd = weft_open(path, O_RDONLY, 0);
	CHECK_EQ(fd, -ECANCELED);
	return fd;
}

/* In flight, as far as can be seen from here. */
static bool flying(unsigned n)
{
	struct submit *s = &runtime()->submit;
	unsigned there = 0;

	spin_lock(&s->lock);
	for (struct link *l = s->flying.head; l; l = l->next)
		there++;
	spin_unlock(&s->lock);
	return there == n;
}

enum { OPENS = 30 };

static int cancelled(void *arg)
{
	weft_id id[OPENS];
	int status;

	(void)arg;
	CHECK_EQ(weft_close(weft_open("/dev/null", O_RDONLY, 0)), 0);
	if (!has_ring())
		return 0;
	for (int i = 0; i < OPENS; i++)
		CHECK_EQ(weft_spawn(&id[i], NULL, open_for_ever, NULL), 0);
	wait_until(flying(OPENS));
	for (int i = 0; i < OPENS; i++)
		CHECK_EQ(weft_cancel(id[i]), 0);
	for (int i = 0; i < OPENS; i++) {
		CHECK_EQ(weft_join(id[i], &status), 0);
		CHECK_EQ(status, -ECANCELED);
	}
	CHECK(flying(0));
	return 0;
}

Test(file_faults, a_cancel_ends_an_open_that_waits)
{
	make_dir();
	cr_assert_eq(mkfifo(path, 0600), 0);
	EACH(cancelled);
	remove_dir();
}

/* main returns, and nobody will ever open the other end. */
static int leave_waiting(void *arg)
{
	weft_id id;

	(void)arg;
	CHECK_EQ(weft_close(weft_open("/dev/null", O_RDONLY, 0)), 0);
	if (!has_ring())
		return 0;
	for (int i = 0; i < OPENS; i++)
		CHECK_EQ(weft_spawn(&id, NULL, open_for_ever, NULL), 0);
	wait_until(flying(OPENS));
	return 0;
}

Test(file_faults, a_run_ends_though_operations_never_would)
{
	int before;

	make_dir();
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(run_on(2, leave_waiting, NULL), 0);
	before = open_descriptors();
	for (int i = 0; i < fewer(10); i++)
		EACH(leave_waiting);
	/* The kernel's own threads may still be on their way. */
	wait_until(open_descriptors() == before);
	cr_assert_eq(failures, 0, "%s", first_failure);
	remove_dir();
}

/* Stopped while operations come and go: none writes into a stack that is gone. */
static int reads_for_ever(void *arg)
{
	uint64_t buf[64];
	struct ring_request q = {
		.op = RING_READ, .fd = *(int *)arg, .addr = buf,
		.len = sizeof buf, .slow = true,
	};
	struct worker *w = weft__worker();
	int32_t n;

	for (;;) {
		if (!weft__submit(&w, &q, false, NULL, &n))
			weft_yield();
		else
			CHECK(n == sizeof buf || n == -ECANCELED);
		w = weft__worker();
		begun++;
	}
	return 0;
}

static int zeroes;

static int leave_reading(void *arg)
{
	struct worker *w = weft__worker();
	weft_id id;

	(void)arg;
	if (!weft__submit_has(&w, RING_READ))
		return 0;
	begun = 0;
	for (int i = 0; i < 60; i++)
		CHECK_EQ(weft_spawn(&id, NULL, reads_for_ever, &zeroes),
			 0);
	wait_until(begun > 500);
	return 0;
}

Test(file_faults, no_operation_outlives_its_run)
{
	zeroes = open("/dev/zero", O_RDONLY);
	for (int i = 0; i < fewer(10); i++)
		EACH(leave_reading);
	close(zeroes);
}

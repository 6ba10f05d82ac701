/* tests/api/clock.c - the time of day jumps, and nothing is early or late.
 *
 * The functions below stand in for the C library's.  Nobody in the library asks
 * for the time of day at all; tests/lint/platform.sh looks for other ways to
 * wait by it.
 */
#include "support/rt.h"

#include <sys/time.h>
#include <time.h>
#include <weft/io.h>
#include <weft/net.h>

TestSuite(clock, .timeout = 120);

static atomic_int jumps, asked;

/* Days to and fro. */
static time_t jump(time_t t)
{
	int n = jumps++;

	return t + (n % 2 ? 1 : -1) * 86400 * (n % 100 + 1);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	asked++;
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ts->tv_sec = jump(ts->tv_sec);
	return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *t)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

static int on_time(void *arg)
{
	weft_sem none = WEFT_SEM_INIT(0);
	weft_chan *c = weft_chan_new(sizeof(int), 0);
	struct addrinfo *res = NULL;
	weft_time due;
	char byte;
	int fd[2];

	(void)arg;
	CHECK_EQ(weft_socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
#define LATE_BY_NONE(call, want) \
	do { \
		due = weft_in(5 * WEFT_MS); \
		CHECK_EQ(call, want); \
		CHECK(weft_now() >= due && weft_now() < due + 20 * WEFT_S); \
	} while (0)
	LATE_BY_NONE(weft_sleep_until(due), 0);
	LATE_BY_NONE(weft_chan_recv_until(c, NULL, due), -ETIMEDOUT);
	LATE_BY_NONE(weft_sem_acquire_until(&none, 1, due), -ETIMEDOUT);
	LATE_BY_NONE(weft_read(fd[0], &byte, 1, due), -ETIMEDOUT);
	CHECK_EQ(weft_getaddrinfo("localhost", "7", NULL, &res,
				  weft_in(60 * WEFT_S)), 0);
	if (res)
		freeaddrinfo(res);
	CHECK_EQ(weft_close(fd[0]), 0);
	CHECK_EQ(weft_close(fd[1]), 0);
	weft_chan_unref(c);
	return 0;
}

Test(clock, the_time_of_day_is_nobodys_business)
{
	time_t before = time(NULL);

	cr_assert(time(NULL) > before + 3600 || time(NULL) < before - 3600);
	jumps = asked = 0;
	EACH(on_time);
	cr_assert_eq(on_time(NULL), 0);
	cr_assert_eq(failures, 0, "%s", first_failure);
	cr_assert_gt(asked, 0, "another clock_gettime is used");
	cr_assert_eq(jumps, 0, "asked %d times", jumps);
}

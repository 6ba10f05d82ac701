/* api/io_close.c - closing descriptors that somebody waits for. */
#include "support/sides.h"

TestSuite(io_close, .timeout = 120);

/* Who began late found the number given back, or the library's own next file with
 * it, an eventfd, which takes eight bytes and no others. */
static bool ended(ssize_t got)
{
	return got == -EBADF || got == -EINVAL;
}

static int closes(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < fewer(40); lap++)
		EACH_KIND(e) {
			struct side s[3];
			static int (*const fn[3])(void *) = {
				writes, polls_out, writes,
			};
			struct crew c[3];

			stuff(e.out);
			for (int i = 0; i < 3; i++) {
				s[i] = (struct side){ .fd = e.out };
				s[i].deadline = i == 2 ? weft_in(WEFT_S * 90)
						       : WEFT_FOREVER;
				crew_start(&c[i], (lap + i) % 2,
					   1 - (lap + i) % 2, fn[i], &s[i]);
			}
			for (int i = 0; i < 3; i++)
				wait_until(s[i].going);
			let(lap % 7);
			CHECK_EQ(weft_close(e.out), 0);
			for (int i = 0; i < 3; i++)
				crew_join(&c[i]);
			/* A socket may have found room still. */
			CHECK(ended(s[0].got));
			CHECK(ended(s[1].got) || s[1].got == POLLOUT);
			CHECK(ended(s[2].got));
			CHECK_EQ(weft_close(e.in), 0);
		}
	return 0;
}

Test(io_close, closing_ends_the_waits_of_writers)
{
	ANYWHERE(closes);
}

static int closes_readers(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < fewer(60); lap++)
		EACH_KIND(e) {
			struct side s[3] = {
				{ .fd = e.in, .deadline = WEFT_FOREVER },
				{ .fd = e.in, .deadline = weft_in(WEFT_S * 90) },
				/* Who began late may have found another's
				 * eventfd, which nobody tells. */
				{ .fd = e.in, .deadline = weft_in(WEFT_S * 20) },
			};
			struct crew c[3];
			int again;

			for (int i = 0; i < 3; i++)
				crew_start(&c[i], (lap + i) % 3 != 0,
					   (lap + i) % 3 == 0,
					   i < 2 ? reads : polls_in, &s[i]);
			let(lap % 7);
			CHECK_EQ(weft_close(e.in), 0);
			/* The number is somebody else's at once. */
			again = fcntl(e.out, F_DUPFD_CLOEXEC, e.in);
			for (int i = 0; i < 3; i++)
				wait_until(s[i].going);
			if (again == e.in && kind_ != PIPE && kind_ != OUR_PIPE)
				CHECK_EQ(weft_shutdown(e.out, SHUT_RDWR), 0);
			CHECK_EQ(weft_close(again), 0);
			for (int i = 0; i < 3; i++) {
				crew_join(&c[i]);
				/* Who began late found the next file. */
				CHECK(s[i].got != 1 || i == 2);
			}
			CHECK_EQ(weft_close(e.out), 0);
		}
	return 0;
}

Test(io_close, closing_ends_the_waits_of_readers)
{
	ANYWHERE(closes_readers);
}

/* The next file with the number has bytes; who waited for the last gets none. */
static int reused(void *arg)
{
	(void)arg;
	for (int lap = 0; lap < fewer(100); lap++)
		EACH_KIND(e) {
			struct side s = { .fd = e.in,
					  .deadline = WEFT_FOREVER };
			struct crew c;
			int fd[2], again;
			char byte;

			CHECK_EQ(pipe(fd), 0);
			/* What the runtime opens for waiting it has by now. */
			CHECK_EQ(weft_read(fd[0], &byte, 1, weft_in(WEFT_US)),
				 -ETIMEDOUT);
			CHECK_EQ(weft_write(fd[1], "n", 1, -1), 1);
			crew_start(&c, lap % 2, 1 - lap % 2, reads, &s);
			wait_until(s.going);
			/* Who was on this thread before has left it, and waits. */
			if (!weft_self() || lap % 2 == 0 ||
			    weft_workers() != 1 || s.thread != thread_id())
				s.going = false;
			CHECK_EQ(weft_close(e.in), 0);
			again = fcntl(fd[0], F_DUPFD_CLOEXEC, e.in);
			if (again != e.in) {
				/* A thread that begins to wait opens, too. */
				CHECK(!weft_self() || lap % 2 == 0);
				crew_join(&c);
				CHECK_EQ(s.got, -EBADF);
			} else if (s.going) {
				crew_join(&c);
				CHECK_EQ(s.got, -EBADF);
				CHECK_EQ(weft_read(e.in, &byte, 1, -1), 1);
			} else {
				/* It may have been late. */
				while (!s.done) {
					(void)weft_write(fd[1], "m", 1, -1);
					(void)weft_write(e.out, "o", 1, -1);
					let(1);
				}
				crew_join(&c);
				CHECK(s.got == -EBADF || s.byte != 'o');
			}
			CHECK_EQ(weft_close(again), 0);
			CHECK_EQ(weft_close(e.out), 0);
			CHECK_EQ(weft_close(fd[0]), 0);
			CHECK_EQ(weft_close(fd[1]), 0);
		}
	return 0;
}

Test(io_close, nobody_gets_a_byte_of_the_next_file_with_the_number)
{
	ANYWHERE(reused);
}

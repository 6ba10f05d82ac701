/* tests/unit/cork_refused.c - what is held back goes once, whatever the kernel says to
 * the ring or to the sends.
 */
#include "support/pens.h"

#include "os/sys.h"

TestSuite(cork_refused, .timeout = 250);

/* Workers without work are in the hook at any time. */
static struct {
	atomic_int call, answer;
	atomic_int every;               /* of so many one is let through    */
	atomic_bool open;               /* the ring's opening is meant      */
	atomic_uint asked;
} plan;

static int hook(enum sys_call call, int fd)
{
	unsigned n;

	if ((int)call != plan.call || (fd < 0) != plan.open)
		return 0;
	n = plan.asked++;
	if (plan.every && n % (unsigned)plan.every == 0)
		return 0;
	return plan.answer > 0 ? 1 + (int)(n % 7) : plan.answer;
}

static int refused(void *arg)
{
	(void)arg;
	weft__sys_fault = hook;
	crowd(MANY / 4, false);
	crowd(MANY / 4, true);
	weft__sys_fault = NULL;
	return 0;
}

/* Was one of them told so in a ring?  Plain sends ask the hook as well. */
static bool told(void)
{
	return plan.call == SYS_SEND ? most_made > 0 : plan.asked > 0;
}

static void each_with(enum sys_call call, int answer, int every, bool open)
{
	bool ring = have_ring();

	plan.call = (int)call;
	plan.answer = answer;
	plan.every = every;
	plan.open = open;
	plan.asked = 0;
	most_made = 0;
	/* Whoever is interrupted now and then may be alone; not for ever. */
	for (int i = 0; i == 0 || (i < 20 && ring && !told()); i++)
		EACH(refused);
	cr_assert(!ring || told(), "nobody went along");
}

Test(cork_refused, whatever_the_ring_says_it_goes_once)
{
	static const int say[] = { -EAGAIN, -EBUSY, -ENOMEM, -EINVAL };

	setenv("WEFT_POLLER", "epoll", 1);
	each_with(SYS_RING, -EPERM, 0, true);
	for (size_t i = 0; i < COUNT(say); i++) {
		each_with(SYS_RING, say[i], 0, false);
		each_with(SYS_RING, say[i], 2, false);
	}
	each_with(SYS_RING, -EINTR, 3, false);
}

Test(cork_refused, whatever_the_sends_say_it_goes_once)
{
	each_with(SYS_SEND, 1, 0, false);
	each_with(SYS_SEND, 1, 3, false);
	each_with(SYS_SEND, -ENOBUFS, 2, false);
}

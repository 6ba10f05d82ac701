/* support/signals.h - a signal that stays ours where an emulator delivers it.
 *
 * Linux looks at a signal's disposition once, when a thread takes the signal,
 * and one that is set to be ignored is no longer on its way.  qemu-user (7.2) and
 * valgrind keep what a thread has taken until its turn comes, and look then.  A
 * disposition that another thread has given back meanwhile kills by its default
 * action; qemu, which looks twice and without a lock, also jumps to address 0.
 * Both happen to programs of nothing but threads, kill and sigaction.
 */
#ifndef WEFT_SUPPORT_SIGNALS_H
#define WEFT_SUPPORT_SIGNALS_H

#include "support/rt.h"

#include <signal.h>
#include <weft/process.h>

/* For a test about something else in which the last listener may go while the
 * signal is on its way: there one more listens as long as the process lives. */
__attribute__((unused))
static void keep_signal(int sig)
{
	sigset_t set;

	if (!under("qemu") && !under("valgrind"))
		return;
	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK(weft_signal_chan(&set) != NULL);
}

#endif

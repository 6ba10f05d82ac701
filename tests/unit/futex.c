/* unit/futex.c - src/os/futex.c: what may be woken. */
#include "support/crit.h"

#include "base/base.h"
#include "os/thread.h"

#include <sys/mman.h>

TestSuite(futex, .timeout = 60);

/* Who waits leaves when the word has changed, and takes the word along.  Valgrind
 * reads the arguments of system calls and has nothing to say of this one. */
Test(futex, a_wake_may_come_after_its_word_is_gone)
{
	_Atomic uint32_t one = 1, *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq((void *)word, MAP_FAILED);
	weft__os_futex_wake(word, 1);
	cr_assert_eq(munmap((void *)(uintptr_t)word, 4096), 0);
	weft__os_futex_wake(word, 1);
	cr_assert(!weft__os_futex_wait(&one, 0, INT64_MAX));
}

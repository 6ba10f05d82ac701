/* scope/try.c - weft_try: where a panic ends.
 *
 * The unwinding has made the calls that were owed, those of scopes included;
 * shields are only a number, put back here.
 */
#include "scope/scope.h"
#include "sched/unwind.h"

#include <weft/panic.h>

int weft_try(int (*fn)(void *), void *arg)
{
	struct routine *r = weft__current(weft__worker());
	unsigned shields;
	bool panicked;
	int result;

	if (!fn)
		return -EINVAL;
	if (!r)
		return fn(arg);
	shields = weft__shields(r, 0);
	result = weft__unwind_try(fn, arg, &panicked);
	if (unlikely(panicked))
		weft__shields_restore(shields);
	return result;
}

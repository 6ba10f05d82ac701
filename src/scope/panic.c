/* scope/panic.c - weft_panic: what a routine says as it fails.
 *
 * All the work is below the waist, in sched/unwind.c and panics.c, since misuse
 * found anywhere in the library ends a routine in the same way.
 */
#include "base/base.h"
#include "sched/park.h"
#include "sched/unwind.h"

#include <weft/panic.h>

void weft_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	weft__panic_va(__builtin_return_address(0), fmt, ap);
}

const char *weft_panic_text(void)
{
	struct routine *r = weft__current(weft__worker());

	return r ? weft__panic_text(r) : "";
}

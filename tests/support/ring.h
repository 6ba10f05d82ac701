/* support/ring.h - is there a ring here, that the library would use for sends? */
#ifndef WEFT_SUPPORT_RING_H
#define WEFT_SUPPORT_RING_H

#include "support/rt.h"

#include "poll/bulk.h"

static inline bool have_ring(void)
{
	const char *say = getenv("WEFT_RING");
	struct bulk b;
	bool have;

	if (under("valgrind") || under("qemu") || (say && !strcmp(say, "off")))
		return false;
	have = weft__bulk_open(&b) == 0;
	weft__bulk_close(&b);
	return have;
}

#endif

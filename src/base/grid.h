/* base/grid.h - points in time that lie a period apart. */
#ifndef WEFT_BASE_GRID_H
#define WEFT_BASE_GRID_H

#include "base/base.h"

/* The first point after now of the grid through `point`, which is not after
 * now.  Saturates at INT64_MAX, never. */
static inline int64_t grid_after(int64_t point, int64_t period, int64_t now)
{
	uint64_t late = (uint64_t)now - (uint64_t)point;
	int64_t last = now - (int64_t)(late % (uint64_t)period), next;

	return __builtin_add_overflow(last, period, &next) ? INT64_MAX : next;
}

#endif

/* poll/fdmap.h - what a backend knows of each descriptor number.
 *
 * A table of tables, so that growing moves nothing and readers need no lock for
 * the way to an entry.  Entries begin as zeroes; whoever owns the map says what
 * is in them and what protects it.
 *
 * Ordering
 *   M1  part: CAS-release of a zeroed part / load-acquire by who looks.
 */
#ifndef WEFT_POLL_FDMAP_H
#define WEFT_POLL_FDMAP_H

#include "base/base.h"
#include "base/atomic.h"

enum { FDMAP_PART = 1024, FDMAP_PARTS = 16384 };

struct fd_entry {
	uint64_t tag;
	uint32_t serial;                /* grows with each registration     */
	uint32_t armed;                 /* backend: sides that are awaited  */
	bool used;
};

struct fdmap {
	_Atomic(struct fd_entry *) part[FDMAP_PARTS];               /* M1 */
	_Atomic uint32_t end;           /* no entry made beyond; only grows */
};

/* NULL: there is none. */
static inline struct fd_entry *fdmap_find(struct fdmap *m, int fd)
{
	struct fd_entry *part = NULL;

	if (fd >= 0 && fd < FDMAP_PART * FDMAP_PARTS)
		part = load_acq(&m->part[fd / FDMAP_PART]);         /* M1 */
	return part ? &part[fd % FDMAP_PART] : NULL;
}

/* Makes it.  NULL: no memory. */
struct fd_entry *weft__fdmap_make(struct fdmap *m, int fd);
void weft__fdmap_fini(struct fdmap *m);

/* What registers only with who is asked by level: 0; -EPERM: always ready (file,
 * directory, block device); -EBADF. */
int weft__fdmap_check(int fd);

#endif

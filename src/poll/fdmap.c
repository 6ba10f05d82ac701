/* poll/fdmap.c - see fdmap.h. */
#include "base/base.h"
#include "poll/fdmap.h"
#include "os/sys.h"

struct fd_entry *weft__fdmap_make(struct fdmap *m, int fd)
{
	struct fd_entry *e = fdmap_find(m, fd), *none = NULL, *part;
	uint32_t end;

	if (!e && fd < FDMAP_PART * FDMAP_PARTS) {
		part = calloc(FDMAP_PART, sizeof *part);
		if (!part)
			return NULL;
		if (!cas_rel(&m->part[fd / FDMAP_PART], &none, part)) /* M1 */
			free(part);
		e = fdmap_find(m, fd);
	}
	end = load_rlx(&m->end);
	while (e && end <= (uint32_t)fd)
		if (cas_rlx(&m->end, &end, (uint32_t)fd + 1))
			break;
	return e;
}

void weft__fdmap_fini(struct fdmap *m)
{
	for (size_t i = 0; i < countof(m->part); i++)
		free(load_rlx(&m->part[i]));
}

int weft__fdmap_check(int fd)
{
	struct stat st;
	int rc = weft__sys_fstat(fd, &st);

	if (rc == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ||
			S_ISBLK(st.st_mode)))
		rc = -EPERM;
	return rc;
}

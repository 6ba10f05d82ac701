/* file/walk.c - a directory and all that is below it.
 *
 * Depth first, one level per directory entered.  A level holds the names of its
 * directory in memory and no descriptor, so no depth uses these up, and what fn
 * does to the directory meanwhile does not matter.
 *
 * Invariants
 *   K1  levels[0 .. depth) are the directories from the first to the one whose
 *       entries are told now; level i has dev and ino, so that a symbolic link
 *       to one of them is known for a circle.
 *   K2  path is that of the entry told now; each level knows how long its own
 *       directory's part of it is.
 */
#include "file/op.h"

#include <dirent.h>

struct level {
	char *names;                    /* type, name, 0; type, name, 0 ... */
	size_t size, at;
	size_t path_len;                /* K2 */
	dev_t dev;                      /* K1 */
	ino_t ino;
};

struct walk {
	unsigned flags;
	int max_depth;
	weft_walk_fn *fn;
	void *arg;
	struct level *levels;           /* K1 */
	int depth, room;
	char *path;                     /* K2 */
	size_t path_len, path_room;
	weft_dir *dir;                  /* read now, into levels[depth]      */
};

/* --- the path ---------------------------------------------------------------------- */

static int path_room(struct walk *k, size_t want)
{
	char *p;

	if (want <= k->path_room)
		return 0;
	want += want / 2 + 64;
	p = realloc(k->path, want);
	if (!p)
		return -ENOMEM;
	k->path = p;
	k->path_room = want;
	return 0;
}

/* The directory's own part ends at `len`; name goes behind it. */
static int path_set(struct walk *k, size_t len, const char *name)
{
	bool slash = len && k->path[len - 1] != '/';
	size_t n = strlen(name);
	int err = path_room(k, len + slash + n + 1);

	if (err)
		return err;
	if (slash)
		k->path[len++] = '/';
	memcpy(k->path + len, name, n + 1);
	k->path_len = len + n;
	return 0;
}

/* --- levels ------------------------------------------------------------------------ */

static int names_add(struct level *l, size_t *room, const weft_dir_entry *e)
{
	size_t n = strlen(e->name) + 2;
	char *p;

	if (l->size + n > *room) {
		*room = 2 * *room + n + 256;
		p = realloc(l->names, *room);
		if (!p)
			return -ENOMEM;
		l->names = p;
	}
	l->names[l->size] = (char)e->type;
	memcpy(l->names + l->size + 1, e->name, n - 1);
	l->size += n;
	return 0;
}

static int names_read(struct walk *k, struct level *l)
{
	weft_dir_entry e;
	weft_dir *d;
	size_t room = 0;
	int err = weft_dir_open(&d, k->path);

	if (err)
		return err;
	k->dir = d;
	while ((err = weft_dir_next(d, &e)) > 0) {
		err = names_add(l, &room, &e);
		if (err)
			break;
	}
	k->dir = NULL;
	weft_dir_close(d);
	return err;
}

static bool is_circle(const struct walk *k, const struct stat *st)
{
	for (int i = 0; i < k->depth; i++)
		if (k->levels[i].dev == st->st_dev &&
		    k->levels[i].ino == st->st_ino)
			return true;
	return false;
}

/* Enter the directory at path.  An error is told by the caller. */
static int enter(struct walk *k)
{
	struct level *l;
	struct stat st;
	int err = weft_stat(k->path, &st);

	if (err)
		return err;
	if (is_circle(k, &st))
		return -ELOOP;
	if (k->depth == k->room) {
		l = realloc(k->levels, (size_t)(2 * k->room + 8) * sizeof *l);
		if (!l)
			return -ENOMEM;
		k->levels = l;
		k->room = 2 * k->room + 8;
	}
	l = &k->levels[k->depth];
	memset(l, 0, sizeof *l);
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->path_len = k->path_len;
	err = names_read(k, l);
	if (err) {
		free(l->names);
		return err;
	}
	k->depth++;
	return 0;
}

/* --- telling --------------------------------------------------------------------------- */

static unsigned char type_of(mode_t mode)
{
	return (unsigned char)IFTODT(mode);
}

/* What the walk needs to know of the entry at path. */
static int look(const struct walk *k, weft_walk_entry *e, struct stat *st)
{
	bool link = e->type == DT_LNK || e->type == DT_UNKNOWN;
	bool follow = k->flags & WEFT_WALK_FOLLOW;
	int err = -ENOENT;

	if (!(k->flags & WEFT_WALK_STAT) && e->type != DT_UNKNOWN &&
	    !(link && follow))
		return 0;
	if (follow)
		err = weft_stat(k->path, st);
	/* A link that leads nowhere is what it is. */
	if (err == -ENOENT || err == -ELOOP)
		err = weft_lstat(k->path, st);
	if (err)
		return err;
	e->type = type_of(st->st_mode);
	if (k->flags & WEFT_WALK_STAT)
		e->st = st;
	return 0;
}

static void entry_init(const struct walk *k, weft_walk_entry *e, int depth)
{
	const char *slash = strrchr(k->path, '/');

	memset(e, 0, sizeof *e);
	e->path = k->path;
	e->name = slash && slash[1] ? slash + 1 : k->path;
	e->depth = depth;
}

/* Tell of the entry at path, and enter it.  Negative ends the walk. */
static int visit(struct walk *k, unsigned char type, int depth)
{
	weft_walk_entry e;
	struct stat st;
	int err, answer;

	entry_init(k, &e, depth);
	e.type = type;
	e.err = look(k, &e, &st);
	if (e.err == -ECANCELED)
		return e.err;
	answer = k->fn(&e, k->arg);
	if (answer || e.err || e.type != DT_DIR ||
	    (k->max_depth >= 0 && depth >= k->max_depth))
		return answer < 0 ? answer : 0;
	err = enter(k);
	if (!err || err == -ECANCELED || err == -ENOMEM)
		return err;
	e.err = err;
	e.st = NULL;
	answer = k->fn(&e, k->arg);
	return answer < 0 ? answer : 0;
}

static int leave(struct walk *k)
{
	struct level *l = &k->levels[k->depth - 1];
	weft_walk_entry e;
	int answer = 0;

	k->path_len = l->path_len;
	k->path[k->path_len] = 0;
	free(l->names);
	k->depth--;
	if (k->flags & WEFT_WALK_AFTER) {
		entry_init(k, &e, k->depth);
		e.type = DT_DIR;
		e.after = 1;
		answer = k->fn(&e, k->arg);
	}
	return answer < 0 ? answer : 0;
}

static int step(struct walk *k)
{
	struct level *l = &k->levels[k->depth - 1];
	const char *name;
	unsigned char type;
	int err;

	if (l->at == l->size)
		return leave(k);
	type = (unsigned char)l->names[l->at];
	name = l->names + l->at + 1;
	l->at += strlen(name) + 2;
	err = path_set(k, l->path_len, name);
	return err ? err : visit(k, type, k->depth);
}

static void drop_walk(void *arg)
{
	struct walk *k = arg;

	if (k->dir) {
		weft_dir_close(k->dir);
		free(k->levels[k->depth].names);
	}
	while (k->depth)
		free(k->levels[--k->depth].names);
	free(k->levels);
	free(k->path);
}

int weft_walk(const char *path, unsigned flags, int max_depth, weft_walk_fn *fn,
	      void *arg)
{
	struct walk k = {
		.flags = flags, .max_depth = max_depth, .fn = fn, .arg = arg,
	};
	struct hold h;
	struct stat st;
	int err;

	if (!path || !fn ||
	    flags & ~(WEFT_WALK_FOLLOW | WEFT_WALK_STAT | WEFT_WALK_AFTER))
		return -EINVAL;
	err = weft_lstat(path, &st);
	weft__hold(&h, drop_walk, &k);
	if (!err)
		err = path_set(&k, 0, path);
	if (!err)
		err = visit(&k, type_of(st.st_mode), 0);
	while (!err && k.depth)
		err = step(&k);
	weft__hold_end(&h);
	drop_walk(&k);
	return err;
}

/* base/list.h - an intrusive FIFO of doubly linked nodes.
 *
 * All operations are O(1), unlinking from the middle included.  The owner's
 * lock protects the list and the links; a node that is on no list has a NULL
 * owner, so unlinking twice is harmless.
 */
#ifndef WEFT_BASE_LIST_H
#define WEFT_BASE_LIST_H

#include "base/base.h"

struct list;

struct link {
	struct link *next, *prev;
	struct list *list;              /* the list it is on, or NULL */
};

struct list {
	struct link *head, *tail;
};

static inline bool list_empty(const struct list *l)
{
	return !l->head;
}

static inline void list_push(struct list *l, struct link *n)
{
	n->next = NULL;
	n->prev = l->tail;
	n->list = l;
	if (l->tail)
		l->tail->next = n;
	else
		l->head = n;
	l->tail = n;
}

static inline void list_remove(struct link *n)
{
	struct list *l = n->list;

	if (!l)
		return;
	if (n->prev)
		n->prev->next = n->next;
	else
		l->head = n->next;
	if (n->next)
		n->next->prev = n->prev;
	else
		l->tail = n->prev;
	n->list = NULL;
}

static inline struct link *list_pop(struct list *l)
{
	struct link *n = l->head;

	if (n)
		list_remove(n);
	return n;
}

#endif

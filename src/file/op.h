/* file/op.h - one operation on a file: on the ring, on the pool, or here.
 *
 * Place in the life of a routine:  running -> [ file ] -> park -> running
 *
 * An operation says what it is to the ring (request) and has a function that
 * just does it.  In a routine it goes to the ring if that takes it, else to the
 * blocking pool; on a plain thread it is just done.
 *
 * Invariants
 *   F1  a descriptor is entered over the operation (desc.h): by whoever makes
 *       the call, or, on the ring, until its completion, and left by who notices
 *       that.  So the number cannot become another file's meanwhile.
 *   F2  request, paths and buffers are the caller's and stay until the operation
 *       is over, or, when the caller is discarded, until its runtime has ended.
 */
#ifndef WEFT_FILE_OP_H
#define WEFT_FILE_OP_H

#include "base/base.h"
#include "io/desc.h"
#include "os/sysfile.h"
#include "sched/park.h"
#include "sched/submit.h"

#include <weft/file.h>

struct file_op {
	struct ring_request q;          /* op RING_OPS: not for the ring      */
	ssize_t (*direct)(const struct ring_request *q);
	enum sys_call call;             /* what tests can make fail           */
	bool on_fd;                     /* q.fd is a file, not a directory's  */
	bool early;                     /* may wait for ever: a cancel ends it */
	bool opens;                     /* q.to: an int, -1, to be what it gave */
};

/* A cancel point before it starts.  -EBADF for a number that is not open. */
ssize_t weft__file_do(const struct file_op *op);
/* The same, past the cancel point. */
ssize_t weft__file_go(const struct file_op *op);

#endif

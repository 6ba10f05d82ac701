/* SPDX-License-Identifier: MIT */
/* weft/base.h - what every part of weft shares: time, ids, error codes.
 *
 * Rules that hold for every call of every part:
 *
 *   Results   0, a count or an index on success; a negative errno value or
 *             one of the WEFT_E... codes below on failure.  errno itself is
 *             never used for results: its address does not survive a park.
 *   Time      int64 nanoseconds on one monotonic clock.  A deadline is
 *             absolute: weft_in(5 * WEFT_MS) makes one.  What is ready is
 *             done even when the deadline is past; what would wait past it
 *             gives -ETIMEDOUT.  WEFT_NOWAIT tries once and gives -EAGAIN.
 *             A wait with a deadline can also fail with -ENOMEM.
 *   Callers   unless a comment says "routines only", a call works from a
 *             routine and from a plain thread; the one parks, the other
 *             sleeps in the kernel.
 */
#ifndef WEFT_BASE_H
#define WEFT_BASE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Marks what the shared library exports. */
#define WEFT_API __attribute__((visibility("default")))

/* Ignoring the answer of such a call is a bug. */
#define WEFT_NODISCARD __attribute__((warn_unused_result))

#define WEFT_NORETURN __attribute__((noreturn))

/* Nanoseconds on the runtime's monotonic clock; see weft/time.h. */
typedef int64_t weft_time;

/* A routine: versioned, never reused within a process, 0 = none. */
typedef uint64_t weft_id;

/* Units: 5 * WEFT_MS is five milliseconds. */
#define WEFT_NS ((weft_time)1)
#define WEFT_US ((weft_time)1000)
#define WEFT_MS ((weft_time)1000000)
#define WEFT_S  ((weft_time)1000000000)

/* Deadlines with a meaning of their own: never, and try once. */
#define WEFT_FOREVER INT64_MAX
#define WEFT_NOWAIT  ((weft_time)0)

/* Own codes, below every negative errno. */
#define WEFT_EPANIC (-4097)     /* the routine ended in a panic */
#define WEFT_EOF    (-4098)     /* the stream ended early */

/* What a name lookup can answer, after the EAI_... of getaddrinfo(3);
 * EAI_MEMORY is -ENOMEM and EAI_SYSTEM the negative errno instead. */
#define WEFT_EAI_ADDRFAMILY (-4201)
#define WEFT_EAI_AGAIN      (-4202)
#define WEFT_EAI_BADFLAGS   (-4203)
#define WEFT_EAI_FAIL       (-4204)
#define WEFT_EAI_FAMILY     (-4205)
#define WEFT_EAI_NODATA     (-4206)
#define WEFT_EAI_NONAME     (-4207)
#define WEFT_EAI_OVERFLOW   (-4208)
#define WEFT_EAI_SERVICE    (-4209)
#define WEFT_EAI_SOCKTYPE   (-4210)

/* What TLS can answer (weft/tls.h); WEFT_ETLS is all that has no own code. */
#define WEFT_ETLS           (-4301)     /* the protocol was violated */
#define WEFT_ETLS_TRUNCATED (-4302)     /* the stream ended, unannounced */
#define WEFT_ETLS_UNTRUSTED (-4303)     /* nobody trusted vouches for the peer */
#define WEFT_ETLS_HOST      (-4304)     /* the certificate is another host's */
#define WEFT_ETLS_EXPIRED   (-4305)     /* ... or is not valid at this time */
#define WEFT_ETLS_ALERT     (-4306)     /* the peer refused, with an alert */
#define WEFT_ETLS_ALPN      (-4307)     /* no protocol in common */
#define WEFT_ETLS_CERT      (-4308)     /* own certificate or key is unusable */
#define WEFT_ETLS_CA        (-4309)     /* trusted certificates are unusable */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A sentence for a code returned by any call of weft: a negative errno, an
 * own code, or 0.  A static English string, not to be freed, the same for
 * the same code in every locale.  An unknown code, positive ones included,
 * gives "unknown error".  Never parks; any thread; async-signal-safe.
 */
WEFT_API const char *weft_strerror(int err);

#ifdef __cplusplus
}
#endif

#endif

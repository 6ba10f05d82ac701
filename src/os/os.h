/* os/os.h - what this library asks of the kernel: memory,
 * and of the dynamic linker: names of code.
 *
 * Every call that maps, unmaps, discards or protects goes through here, so a
 * test can make any of them fail (weft__os_fault).  None of them parks or sets
 * errno for the caller to read; 0 or a pointer is success, a negative errno or
 * NULL is not.  Lengths and addresses are whole pages.  Safe from any thread.
 */
#ifndef WEFT_OS_OS_H
#define WEFT_OS_OS_H

#include "base/base.h"

#include <sys/uio.h>

/* --- memory (memory.c) ---------------------------------------------------- */

/* What a test can make fail. */
enum os_call {
	OS_MAP, OS_UNMAP, OS_DISCARD, OS_GUARD, OS_FORBID, OS_HUGE,
};

/* Called before each of them when set; a negative answer is the result and the
 * kernel is not asked.  Set by tests while no other thread runs. */
extern int (*weft__os_fault)(enum os_call call, size_t len);

/* The page size; read once, then cached. */
size_t weft__os_page(void);

/* Zeroed private memory, readable and writable, whose pages cost nothing until
 * touched.  NULL: no memory.  `align` is a power of two. */
void *weft__os_map(size_t len);
void *weft__os_map_aligned(size_t len, size_t align);
int weft__os_unmap(void *p, size_t len);

/* Give the pages back; the range stays mapped and reads as zeroes.  Guards in
 * it stay.  The vector form tries to take one system call for all. */
int weft__os_discard(void *p, size_t len);
void weft__os_discard_many(const struct iovec *v, size_t n);

/* Turn whole pages into guards: any access by user code faults with SIGSEGV,
 * by the kernel gives EFAULT, and the mapping is not split.  Only where
 * weft__os_guard_works().  The vector form says how many of the first were
 * done; the rest failed with one and the same error. */
bool weft__os_guard_works(void);
int weft__os_guard(void *p, size_t len);
size_t weft__os_guard_many(const struct iovec *v, size_t n);

/* The same through page protection, at the price of two mappings each. */
int weft__os_forbid(void *p, size_t len);

/* Advise for or against huge pages.  Failure does not matter. */
void weft__os_huge(void *p, size_t len, bool want);

/* How many mappings this process may have (vm.max_map_count). */
long weft__os_map_limit(void);

/* The number of pages of [p, p + len) that are resident; for tests and
 * reports. */
size_t weft__os_resident(const void *p, size_t len);

/* --- code (symbol.c, elf.c) ----------------------------------------------- */

/* "name+0x12 (file+0x34)" or "0x1234", what is known, cut to size; returns the
 * length.  For signal handlers, too. */
size_t weft__os_code_name(const void *pc, char *buf, size_t size);

/* The function of `file`, mapped at `base`, that pc is in, and how far into it;
 * returns the name's length, 0 when it is not known. */
size_t weft__os_elf_name(const char *file, uintptr_t pc, uintptr_t base,
			 char *buf, size_t size, uintptr_t *into);

#endif

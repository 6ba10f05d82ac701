/* tls_held.c - what tls.sh must find: an address of thread-local storage that
 * is computed once and used on both sides of a switch.  Never linked. */
#include <errno.h>

extern _Thread_local int weft_test_counter;
_Thread_local int weft_test_counter;

void weft__arch_switch(void **from, void *to);
int weft_test_errno(void **from, void *to);
int weft_test_address(void **from, void *to);

__attribute__((noinline)) void weft__arch_switch(void **from, void *to)
{
	*from = to;
	__asm__ volatile ("" ::: "memory");
}

#ifdef HELD
int weft_test_errno(void **from, void *to)
{
	errno = 1;
	weft__arch_switch(from, to);
	return errno;
}

int weft_test_address(void **from, void *to)
{
	int *counter = &weft_test_counter;

	__asm__ volatile ("" : "+r" (counter));
	*counter = 1;
	weft__arch_switch(from, to);
	return *counter;
}
#else
int weft_test_errno(void **from, void *to)
{
	int before = errno;

	weft__arch_switch(from, to);
	return before;
}

int weft_test_address(void **from, void *to)
{
	weft_test_counter = 1;
	weft__arch_switch(from, to);
	return 0;
}
#endif

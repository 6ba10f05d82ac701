/* support/tsanfix.c - lets Criterion and forks work under ThreadSanitizer.
 *
 * Criterion's process library maps its arena at 0x200000000000 plus rand_r()
 * times 16 MiB.  Under ThreadSanitizer all of that is shadow memory but the
 * window below the program itself, so this rand_r stays inside the window.
 */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN 1
#endif

#ifdef UNDER_TSAN
const char *__tsan_default_options(void);

/* Children of tests start threads, and Criterion's own process has some. */
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

int rand_r(unsigned *seed);

int rand_r(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return (int)(0x350000u + (*seed >> 16) % 0x5000u);
}
#else
typedef int tsanfix_not_needed;
#endif

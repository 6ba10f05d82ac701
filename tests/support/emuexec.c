/* support/emuexec.c - lets Criterion re-execute a test under an emulator.
 *
 * Criterion starts each test by execve() of its own binary.  Under a user-mode
 * emulator with no binfmt_misc handler that is ENOEXEC; this definition
 * pre-empts the C library's and goes through the emulator that TEST_EMULATOR
 * names.  Without the variable it is the plain system call.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_ARGS = 32 };

int execve(const char *path, char *const argv[], char *const envp[])
{
	const char *emulator = getenv("TEST_EMULATOR");
	const char *v[MAX_ARGS];
	int n = 0;

	if (!emulator || !*emulator)
		return (int)syscall(SYS_execve, path, argv, envp);
	v[n++] = emulator;
	v[n++] = "-0";
	v[n++] = argv[0];
	v[n++] = path;
	for (int i = 1; argv[i]; i++) {
		if (n == MAX_ARGS - 1) {
			errno = E2BIG;
			return -1;
		}
		v[n++] = argv[i];
	}
	v[n] = NULL;
	return (int)syscall(SYS_execve, emulator, v, envp);
}

/* SPDX-License-Identifier: MIT */
/* weft/process.h - other processes, signals, and the end of this one.
 *
 * Workers block signals, so a signal handler never runs on a routine's stack,
 * and nothing here is cut short by a signal.  Child processes begin with no
 * signal blocked and every disposition the default one.
 *
 * A process that forks while a runtime is up goes on with one thread in the
 * child, which is no routine any more: each runtime of the parent is dead
 * there, and what needs it gives -EOWNERDEAD.  The child may exec, _exit, or
 * start a runtime of its own; see weft(7).
 */
#ifndef WEFT_PROCESS_H
#define WEFT_PROCESS_H

#include <weft/base.h>
#include <weft/chan.h>

#include <signal.h>
#include <sys/select.h>     /* sigset_t, which -std=c11 hides in signal.h */

/* One signal, or several of the same number that came before the first was
 * received: the fields but signo and count are then those of one of them. */
struct weft_signal {
	int signo;
	unsigned count;         /* how many, 1 or more */
	int code;               /* si_code: SI_USER, SI_QUEUE, CLD_EXITED ... */
	int status;             /* SIGCHLD: exit status or signal */
	pid_t pid;              /* who sent it, or which child */
	uid_t uid;
	int64_t value;          /* what came with sigqueue(3) */
};

/* What a child's standard stream is. */
#define WEFT_STDIO_INHERIT 0    /* the caller's own */
#define WEFT_STDIO_NULL    1    /* /dev/null */
#define WEFT_STDIO_FD      2    /* .fd, which stays the caller's to close */
#define WEFT_STDIO_PIPE    3    /* a pipe: weft_process_spawn only */
#define WEFT_STDIO_CAPTURE 4    /* output kept: weft_run_command only */
#define WEFT_STDIO_STDOUT  5    /* stderr: where stdout goes */

typedef struct weft_stdio {
	int kind;               /* WEFT_STDIO_... */
	int fd;
} weft_stdio;

/* weft_command.flags */
#define WEFT_COMMAND_SAME_GROUP 1u      /* no process group of its own */

/**
 * What to run.  All zero but argv is fine: the caller's environment, directory
 * and standard streams.  Nothing is kept: it may go when the call returns.
 */
typedef struct weft_command {
	char *const *argv;      /* ended by NULL; argv[0] must be there */
	const char *path;       /* the file; NULL: argv[0].  Without a slash it
				 * is looked for along PATH */
	char *const *env;       /* ended by NULL; NULL: the caller's */
	const char *cwd;        /* NULL: the caller's */
	weft_stdio in, out, err;
	unsigned flags;
	/* weft_run_command only: */
	const void *input;      /* fed to its standard input, which `in` must
				 * then leave at zero; the end of it is its EOF */
	size_t input_size;
	size_t limit;           /* keep so much of each output; 0: 1 MB */
	weft_time grace;        /* ns from SIGTERM to SIGKILL; 0: two seconds */
	uint64_t weft__reserved[4];     /* zero */
} weft_command;

/**
 * What came of it.  out and err are allocated, ended by a 0 byte that size
 * does not count, and the caller's to free(3); NULL unless captured.
 */
typedef struct weft_outcome {
	int status;             /* as waitpid(2) has it */
	pid_t pid;              /* what its number was */
	char *out, *err;
	size_t out_size, err_size;
	int cut;                /* 1: out was longer than the limit; 2: err */
} weft_outcome;

/**
 * A child process in the caller's memory, made by weft_process_spawn.  The
 * first four fields are to be read; in, out and err are this end of each pipe,
 * -1 where there is none.  Who closes one with weft_close sets it to -1.
 */
typedef struct weft_process {
	pid_t pid;
	int in, out, err;
	uint64_t weft__private[4];
} weft_process;

#ifdef __cplusplus
extern "C" {
#endif

/**
 * waitpid(2) that parks: until the child pid (-1: any; 0, < -1: any of a
 * group, as there) has changed its state, or until deadline.  Returns its
 * number, *status (NULL: not wanted) says the rest.  With WNOHANG in options
 * it never waits and gives 0 when there is nothing to tell.  Of several that
 * wait for one child one gets it.
 *
 * Holds no thread while it waits: for the end of one child it waits in the
 * poller; else, or where the kernel has no pidfd_open(2), for SIGCHLD, for
 * which it takes the place of the program's handler meanwhile and calls that.
 *
 * A cancel point, unless WNOHANG or WEFT_NOWAIT.  Routines and plain threads.
 * Errors: -ECHILD (no such child; somebody else got it), -EINVAL (options),
 * -ETIMEDOUT, -EAGAIN (WEFT_NOWAIT), -ECANCELED, -ENOMEM.
 */
WEFT_API pid_t weft_waitpid(pid_t pid, int *status, int options,
			    weft_time deadline);

/**
 * Start *c as a child process, in a process group of its own.  Descriptors of
 * the caller that are not close-on-exec are inherited.  Parks while a thread
 * of the blocking pool starts it; 0: it runs, the file was found and executed.
 * *p is the caller's, to be given back with weft_process_close.
 *
 * A cancel point, before it has any effect.  Errors: -EINVAL (p, c or argv
 * NULL, a kind of stream that is not for this call), -ENOENT, -EACCES,
 * -ENOEXEC and what else execve(2) says, -EBADF (fd), -EAGAIN, -EMFILE,
 * -ENOMEM, -ECANCELED; *p then holds no process and may be closed, or not.
 */
WEFT_API WEFT_NODISCARD int weft_process_spawn(weft_process *p,
					       const weft_command *c);

/**
 * Wait for the end of p; *status (NULL: not wanted) as waitpid(2) has it.
 * Parks.  May be called by several at once, and again: all get the status.
 * A cancel point.  Errors: -EINVAL (no process), -ETIMEDOUT, -EAGAIN
 * (WEFT_NOWAIT), -ECANCELED, -ECHILD (somebody else has waited for it).
 */
WEFT_API int weft_process_wait(weft_process *p, int *status,
			       weft_time deadline);

/**
 * Send a signal to p; negative: to all of its process group, with the number
 * -sig.  Never to another process that has got its number: when p has been
 * waited for there is nobody to send to.  Never parks; thread-safe.  Errors:
 * -ESRCH (p has been waited for), -EINVAL (no process, no such signal),
 * -EPERM.
 */
WEFT_API int weft_process_kill(weft_process *p, int sig);

/**
 * Give p back: closes what is left of its pipes.  A process that nobody has
 * waited for goes on; when it ends it stays a zombie until weft_waitpid gets
 * it.  Nobody else may use p.  May park until others are out of the pipes.
 * NULL and a p that was closed are fine.
 */
WEFT_API void weft_process_close(weft_process *p);

/**
 * Run *c and wait until it has ended and its captured output too: everybody
 * who has a captured stream open has closed it.  Feeds its input and keeps its
 * output meanwhile, beyond the limit it is read and dropped.  Parks; holds no
 * thread.
 *
 * 0: it ran; how it ended is in result->status (result may be NULL).  When
 * the deadline passes, or the caller is cancelled, its process group gets
 * SIGTERM, and SIGKILL after c->grace; when it has ended the call returns
 * -ETIMEDOUT (-EAGAIN with WEFT_NOWAIT) or -ECANCELED with the result set.
 * With WEFT_COMMAND_SAME_GROUP only the process itself gets them, and output
 * that others still hold open is not waited for.
 * Whose caller is discarded with its run gets SIGKILL at once and is waited for.
 *
 * A cancel point.  Further errors, with nothing run and *result zero: those
 * of weft_process_spawn; -ENOMEM also when there is no memory for output, the
 * process is then killed.
 */
WEFT_API int weft_run_command(const weft_command *c, weft_outcome *result,
			      weft_time deadline);

/**
 * A channel of struct weft_signal that gets every signal of *set that comes to
 * this process.  It buffers one value per number: what comes before that is
 * received is counted there, so no number is lost and nobody ever waits.  Each
 * of several channels for a number gets it.
 *
 * The numbers' dispositions are taken over when the first channel for them is
 * made, and given back as they were when the last reference to the last one
 * is dropped (weft_chan_unref).  Only receive from it: it must not be sent
 * into.  While there is one, weft_run sees no deadlock.  In the child of a
 * fork it is closed.
 *
 * Never parks; any thread.  NULL: no memory, no thread could be made, or *set
 * is empty or has signals that cannot be waited for: SIGKILL, SIGSTOP, and
 * SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, which say that the
 * thread itself has failed.
 */
WEFT_API weft_chan *weft_signal_chan(const sigset_t *set);

/**
 * exit(3) for routines: routines stop first, as far as they come to a call of
 * weft within a tenth of a second, then handlers of atexit(3) and destructors
 * run, on a large stack, with the calling thread as a plain one; the calls
 * that need the runtime give -EOWNERDEAD.  From a plain thread it is the same.
 * Does not return; the workers that are left go with the process.
 */
WEFT_API WEFT_NORETURN void weft_process_exit(int status);

#ifdef __cplusplus
}
#endif

#endif

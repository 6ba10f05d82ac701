/* jobs - runs the commands it reads, several at a time.
 *
 *	jobs [-j N] [-t SECONDS] [-k] [-v] [FILE]
 *
 * Each line of FILE, or of the standard input, is a command for the shell.
 *
 *	line -> [ N permits ] -> a routine per job: sh -c -> done
 *	  '--> order: a channel -----------> print, which waits for each
 *
 * What a job writes is kept until its turn, so that outputs never mix and come
 * in the order of the lines.  A job that takes longer than -t seconds is killed
 * with all that it has started.  With -k the first failure ends everything: the
 * jobs that run are killed, no other starts.  -v tells on the standard error
 * how each one ended.  The exit status is the number of jobs that failed, 100
 * at most; 255 when they could not be read or their output not be written, after
 * which none is started.
 */
#define _GNU_SOURCE             /* strdup */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft.h>

enum { FAILED_MAX = 100, LINE_SIZE = 1024 * 1024, OUTPUT_MAX = 64 << 20 };

struct plan {
	const char *file;               /* NULL: the standard input */
	weft_time limit;                /* of one job; 0: none */
	bool kill, verbose;
	weft_sem permits;
	weft_scope running;
	weft_chan *order;               /* of struct job * */
	int failures;                   /* the printer's */
	atomic_int lost;                /* why output was: the printer's */
};

struct job {
	struct plan *plan;
	char *line;
	int err;                        /* of running it at all */
	weft_outcome outcome;
	weft_time took;
	weft_latch done;
};

static int run(void *arg)
{
	struct job *j = arg;
	struct plan *p = j->plan;
	char sh[] = "sh", option[] = "-c";
	char *argv[] = { sh, option, j->line, NULL };
	weft_command c = {
		.argv = argv, .in.kind = WEFT_STDIO_NULL,
		.out.kind = WEFT_STDIO_CAPTURE, .err.kind = WEFT_STDIO_STDOUT,
		.limit = OUTPUT_MAX,
	};
	weft_time start = weft_now();
	bool failed;

	j->err = weft_run_command(&c, &j->outcome, p->limit ?
				  weft_in(p->limit) : WEFT_FOREVER);
	j->took = weft_now() - start;
	failed = j->err || j->outcome.status;
	if (failed && p->kill)                  /* before the next can start */
		weft_scope_cancel(&p->running, -EINTR);
	weft_sem_release(&p->permits, 1);
	weft_latch_count_down(&j->done, 1);     /* now it is the printer's */
	return 0;
}

static void tell(const struct job *j)
{
	int status = j->outcome.status;

	fprintf(stderr, "%6.2f s, ", (double)j->took / WEFT_S);
	if (j->err == -ETIMEDOUT)
		fprintf(stderr, "killed after its time");
	else if (j->err == -ECANCELED)
		fprintf(stderr, "killed");
	else if (j->err)
		fprintf(stderr, "%s", weft_strerror(j->err));
	else if (WIFSIGNALED(status))
		fprintf(stderr, "signal %d", WTERMSIG(status));
	else
		fprintf(stderr, "exit status %d", WEXITSTATUS(status));
	fprintf(stderr, ": %s\n", j->line);
}

/* What the jobs wrote, each as soon as those before it are done. */
static int print(void *arg)
{
	struct plan *p = arg;
	struct job *j;

	while (!weft_chan_recv(p->order, &j)) {
		weft_latch_wait(&j->done);
		if (!p->lost)
			p->lost = weft_write_all(STDOUT_FILENO, j->outcome.out,
						 j->outcome.out_size, NULL,
						 WEFT_FOREVER);
		p->failures += j->err || j->outcome.status;
		if (p->verbose || j->err)
			tell(j);
		free(j->outcome.out);
		free(j->line);
		free(j);
	}
	return 0;
}

static int start(struct plan *p, const char *line)
{
	struct job *j = calloc(1, sizeof *j);
	int err;

	if (!j || !(j->line = strdup(line))) {
		free(j);
		return -ENOMEM;
	}
	j->plan = p;
	j->done = (weft_latch)WEFT_LATCH_INIT(1);
	err = weft_sem_acquire(&p->permits, 1);
	if (!err)
		err = weft_scope_go(&p->running, run, j);
	if (!err)
		return weft_chan_try_send(p->order, &j);   /* unbounded */
	free(j->line);
	free(j);
	return err;
}

static int start_all(struct plan *p)
{
	int fd = p->file ? weft_open(p->file, O_RDONLY, 0) : STDIN_FILENO;
	weft_bufio in;
	char *line;
	int err = 0;

	if (fd < 0)
		return fd;
	weft_bufio_init(&in, fd, LINE_SIZE);
	while (!err) {
		err = weft_bufio_read_line(&in, &line, NULL, WEFT_FOREVER);
		if (!err)
			err = p->lost;
		if (!err && line[strspn(line, " \t")])
			err = start(p, line);
	}
	weft_bufio_fini(&in);
	if (p->file)
		weft_close(fd);
	return err == WEFT_EOF ? 0 : err;
}

static int app(void *arg)
{
	struct plan *p = arg;
	weft_id printer;
	int err, cause;

	p->order = weft_chan_new(sizeof(struct job *), WEFT_UNBOUNDED);
	if (!p->order)
		return -ENOMEM;
	err = weft_spawn(&printer, NULL, print, p);
	if (err)
		return err;
	err = weft_scope_begin(&p->running, WEFT_FOREVER);
	if (!err) {
		err = start_all(p);
		cause = weft_scope_end(&p->running);
		if (cause == -EINTR)    /* a job failed, which is told */
			err = 0;
	}
	weft_chan_close(p->order);
	weft_join(printer, NULL);
	weft_chan_unref(p->order);
	if (!err)
		err = p->lost;
	return err ? err : p->failures;
}

int main(int argc, char **argv)
{
	long at_a_time = sysconf(_SC_NPROCESSORS_ONLN);
	struct plan p = { 0 };
	int opt, rc;

	while ((opt = getopt(argc, argv, "j:t:kv")) != -1) {
		if (opt == 'j')
			at_a_time = atol(optarg);
		else if (opt == 't')
			p.limit = (weft_time)(atof(optarg) * WEFT_S);
		else if (opt == 'k')
			p.kill = true;
		else if (opt == 'v')
			p.verbose = true;
		else
			argc = 0;
	}
	if (optind + 1 < argc || optind > argc || at_a_time < 1) {
		fprintf(stderr,
			"usage: jobs [-j N] [-t SECONDS] [-k] [-v] [FILE]\n");
		return 2;
	}
	p.file = argv[optind];
	p.permits = (weft_sem)WEFT_SEM_INIT(at_a_time);
	rc = weft_run(app, &p);
	if (rc < 0) {
		fprintf(stderr, "jobs: %s\n", weft_strerror(rc));
		return 255;
	}
	return rc < FAILED_MAX ? rc : FAILED_MAX;
}

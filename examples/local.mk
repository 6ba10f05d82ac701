# Programs a newcomer reads and runs.  Each is also a test: build-aux/run-test.sh
# compares its output with NAME.out, or lets NAME.sh judge it.
example_programs = \
	examples/hello \
	examples/sieve \
	examples/pipeline \
	examples/pingpong \
	examples/generator \
	examples/wordcount \
	examples/million \
	examples/skynet \
	examples/embed \
	examples/deadline \
	examples/fanin \
	examples/philosophers \
	examples/pubsub \
	examples/ratelimiter \
	examples/supervisor \
	examples/workerpool
noinst_PROGRAMS += $(example_programs)
TESTS += $(example_programs)
EXTRA_DIST += \
	%D%/million.sh \
	%D%/pingpong.sh \
	%D%/skynet.sh \
	%D%/testlib.sh \
	%D%/tour.sh \
	%D%/wordcount.sh

# GNU make would build NAME.out by copying the program NAME.
example_outputs = \
	%D%/deadline.out \
	%D%/embed.out \
	%D%/fanin.out \
	%D%/generator.out \
	%D%/hello.out \
	%D%/philosophers.out \
	%D%/pipeline.out \
	%D%/pubsub.out \
	%D%/ratelimiter.out \
	%D%/sieve.out \
	%D%/supervisor.out \
	%D%/workerpool.out
$(example_outputs): ;
EXTRA_DIST += $(example_outputs)

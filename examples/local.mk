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

# Servers and other programs of several files, each in a directory of its own.
# The benchmarks of I/O load the servers, too.
server_programs = \
	examples/kv/kv \
	examples/proxy/proxy
if HAVE_HTTP_PARSER
server_programs += examples/httpd/httpd
endif
example_programs += \
	examples/crawler/crawler \
	examples/jobs/jobs \
	$(server_programs)

server_common = %D%/server/server.c %D%/server/server.h
%C%_kv_kv_SOURCES = \
	%D%/kv/kv.c \
	%D%/kv/resp.c %D%/kv/resp.h \
	%D%/kv/command.c %D%/kv/command.h \
	%D%/kv/strings.c \
	%D%/kv/keys.c \
	%D%/kv/collections.c \
	%D%/kv/store.c %D%/kv/store.h \
	%D%/kv/table.c %D%/kv/table.h \
	$(server_common)
%C%_proxy_proxy_SOURCES = %D%/proxy/proxy.c $(server_common)
%C%_jobs_jobs_SOURCES = %D%/jobs/jobs.c
%C%_crawler_crawler_SOURCES = %D%/crawler/crawler.c %D%/crawler/url.c \
	%D%/crawler/url.h
%C%_httpd_httpd_SOURCES = \
	%D%/httpd/httpd.c \
	%D%/httpd/request.c %D%/httpd/request.h \
	%D%/httpd/files.c %D%/httpd/files.h \
	%D%/httpd/stream.h \
	$(server_common)
# TLS comes with the library that users link; the rest does without.
if HAVE_OPENSSL
%C%_httpd_httpd_SOURCES += %D%/httpd/stream_tls.c
%C%_httpd_httpd_LDADD = libweft-tls.la libweft.la $(PTHREAD_LIBS) -lhttp_parser
%C%_httpd_httpd_LDFLAGS = $(AM_LDFLAGS) -static
else
%C%_httpd_httpd_SOURCES += %D%/httpd/stream_plain.c
%C%_httpd_httpd_LDADD = $(LDADD) -lhttp_parser
endif

noinst_PROGRAMS += $(example_programs)
TESTS += $(example_programs)
EXTRA_DIST += \
	%D%/crawler/crawler.sh \
	%D%/deadline.sh \
	%D%/faults.py \
	%D%/httpd/hostile.py \
	%D%/httpd/idle.py \
	%D%/httpd/httpd.sh \
	%D%/jobs/jobs.sh \
	%D%/kv/kv.commands \
	%D%/kv/kv.replies \
	%D%/kv/kv.sh \
	%D%/million.sh \
	%D%/pingpong.sh \
	%D%/proxy/proxy.sh \
	%D%/serverlib.py \
	%D%/serverlib.sh \
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

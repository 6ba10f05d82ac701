# SPDX-License-Identifier: MIT
"""rows.py - the rows of the result table, and how a program is started."""
import os
from collections import namedtuple

# A row of the table.  program and case say what to run; some cases print
# several rows.  targets is per number of workers: for `ratio` the least
# peer / weft, for `most` and `least` a bound on weft's own figure.
class Row(namedtuple("Row", "name program case peer kind targets")):
    @property
    def is_cost(self):
        """A smaller figure is better, so that peer / weft is a gain."""
        return self.kind != "least"


def row(name, program, targets, case=None, peer="go", kind="ratio"):
    return Row(name, program, case or name, peer, kind, targets)


ROWS = [
    row("switch", "switch", {1: 0.87}, peer="limit"),
    row("switch-ring-1000", "switch", {1: 0.87}, peer="limit"),
    row("yield-2", "yield", {1: 8, 2: 8}),
    row("yield-1000", "yield", {1: 5, 2: 5}),
    row("spawn-1", "spawn", {1: 8, 2: 8}),
    row("spawn-1000", "spawn", {1: 9, 2: 8}),
    row("spawn-100k", "spawn", {1: 30, 2: 6}),
    row("join-1", "join", {1: None, 2: None}),
    row("fib-30", "join", {1: 15, 2: 16}),
    row("pingpong", "pingpong", {1: 5.5, 2: 5.5}),
    row("stream-unbuf", "stream", {1: 5, 2: 5}),
    row("mpmc-4x4-unbuf", "stream", {1: 5, 2: 5}),
    row("stream-128", "stream", {1: 3, 2: 3}),
    row("mpmc-4x4-128", "stream", {1: 2.5, 2: 2.5}),
    row("buf128-same", "chan", {1: 3.5, 2: 3.5}),
    row("try-recv-empty", "chan", {1: 2, 2: 2}),
    row("mutex", "mutex", {1: 1.2, 2: 1.2}),
    row("mutex-8", "mutex", {1: 1.5, 2: 1.5}),
    row("rwlock-read", "rwlock", {1: 1.2, 2: 1.2}),
    row("rwlock-read-8", "rwlock", {1: None, 2: 2.5}),
    row("rwlock-mixed-8", "rwlock", {1: None, 2: None}),
    row("cond-pingpong", "cond", {1: None, 2: None}),
    row("cond-broadcast-100", "cond", {1: None, 2: None}),
    row("timer-restart", "timer", {1: 5, 2: 5}),
    row("timer-restart-chan", "timer", {1: 5, 2: 5}),
    row("timer-new-stop", "timer", {1: 10, 2: 10}),
    row("timer-func-restart", "timer", {1: None, 2: None}),
    row("timer-func-100k", "timer", {1: None, 2: None}),
    row("sleep-100k", "sleep", {1: 8, 2: 8}),
    row("sleep-1ms-late", "sleep", {1: 8, 2: 8}),
    row("hog-sleep-1ms", "sleep", {1: 10, 2: 10}),
    row("select-2-ready", "select", {1: 3.5, 2: 3.5}),
    row("select-8-ready", "select", {1: 9, 2: 9}),
    row("select-2-none", "select", {1: 6, 2: 6}),
    row("select-8-none", "select", {1: 8, 2: 8}),
    row("select-2-block", "select", {1: 4, 2: 4}),
    row("select-8-block", "select", {1: 5, 2: 5}),
    row("select-done-8", "select", {1: 5, 2: 5}),
    row("scope-1", "scope", {1: None, 2: None}),
    row("scope-100", "scope", {1: None, 2: None}),
    row("scope-deadline", "scope", {1: None, 2: None}),
    row("scope-cancel-10k", "scope", {1: None, 2: None}),
    row("cancelled", "scope", {1: None, 2: None}),
    row("ring-1000", "ring", {1: 4, 2: 4}),
    row("skynet-1M", "skynet", {1: 12, 2: 12}),
    row("sieve-2000", "sieve", {1: 4, 2: 4}),
    row("nqueens-11", "nqueens", {1: 2.5, 2: 2.5}),
    row("parked-1M", "parked", {1: 4, 2: 3}),
    row("parked-1M-wake", "parked", {1: None, 2: None}, "parked-1M"),
    row("parked-1M-rss", "parked", {1: 4400, 2: 4400}, "parked-1M",
        kind="most"),
    row("parked-1M-tables", "parked", {1: None, 2: None}, "parked-1M"),
    row("spike-1M-returned", "parked", {1: 90, 2: 90}, "parked-1M",
        kind="least"),
    row("parked-1M-sub", "parked", {1: None, 2: None}, peer=None),
    row("parked-1M-sub-rss", "parked", {1: 2300, 2: 2300}, "parked-1M-sub",
        peer=None, kind="most"),
    row("steal", "steal", {2: 100}, kind="most"),
    row("cpu-overhead", "cpu", {1: 1, 2: 1}, peer=None, kind="most"),
    row("echo-100", "echo", {1: 1.3, 2: 1.3}),
    row("echo-100-cpu", "echo", {1: 1.4, 2: 1.4}, "echo-100"),
    row("echo-100-p99", "echo", {1: None, 2: None}, "echo-100"),
    row("accept-storm", "echo", {1: None, 2: None}),
    row("accept-storm-cpu", "echo", {1: None, 2: None}, "accept-storm"),
    row("accept-storm-p99", "echo", {1: None, 2: None}, "accept-storm"),
    row("idle-10k", "echo", {1: None, 2: None}),
    row("idle-10k-p99", "echo", {1: None, 2: None}, "idle-10k"),
    row("idle-10k-rss", "echo", {1: None, 2: None}, "idle-10k"),
    row("idle-50k", "echo", {1: None, 2: None}),
    row("idle-50k-p99", "echo", {1: None, 2: None}, "idle-50k"),
    row("idle-50k-rss", "echo", {1: None, 2: None}, "idle-50k"),
    row("http-100", "http", {1: None, 2: None}),
    row("http-100-cpu", "http", {1: None, 2: None}, "http-100"),
    row("http-100-p99", "http", {1: None, 2: None}, "http-100"),
    row("http-1000", "http", {1: None, 2: None}),
    row("http-1000-cpu", "http", {1: None, 2: None}, "http-1000"),
    row("http-1000-p99", "http", {1: None, 2: None}, "http-1000"),
    row("kv-get", "kv", {1: None, 2: None}),
    row("kv-get-cpu", "kv", {1: None, 2: None}, "kv-get"),
    row("kv-set", "kv", {1: None, 2: None}),
    row("kv-set-cpu", "kv", {1: None, 2: None}, "kv-set"),
    row("kv-get-P16", "kv", {1: None, 2: None}),
    row("kv-get-P16-cpu", "kv", {1: None, 2: None}, "kv-get-P16"),
    row("kv-set-P16", "kv", {1: None, 2: None}),
    row("kv-set-P16-cpu", "kv", {1: None, 2: None}, "kv-set-P16"),
    row("file-read", "file", {1: 0.95, 2: 0.95}, peer="thread"),
    row("file-read-100", "file", {1: None, 2: None}, peer="thread"),
    row("dns-sleep-1ms", "dns", {1: None, 2: None}),
    row("dns-sleep-1ms-p99", "dns", {1: None, 2: None}, "dns-sleep-1ms"),
]

# Two workers share one object here: P2 says something only if both are busy.
CONTENDED = ("mpmc-4x4-unbuf", "mpmc-4x4-128",
             "mutex-8", "rwlock-read-8", "rwlock-mixed-8")


def environment(workers):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("WEFT_") and k not in ("GOGC", "GODEBUG")}
    env["WEFT_WORKERS"] = env["GOMAXPROCS"] = str(workers)
    return env

# SPDX-License-Identifier: MIT
"""instructions.py - instructions per operation of the hot paths.

Counted by callgrind, so that they repeat on a noisy machine; compared with
the table instructions.tsv, which has a section per CPU and compiler.
"""
import os
import re
import shutil
import subprocess

from rows import environment

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = 0.02

# (program, case) whose instructions per operation are watched.
COUNTED = [("spawn", "spawn-1"), ("spawn", "spawn-1000"), ("join", "join-1"),
           ("yield", "yield-2"), ("pingpong", "pingpong"),
           ("stream", "stream-unbuf"), ("stream", "stream-128"),
           ("chan", "buf128-same"), ("chan", "try-recv-empty")]


def collected(program, case, ops):
    env = environment(1)
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         program, "--ops=%d" % ops, case],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise RuntimeError(done.stderr.strip()[-400:])
    return int(found.group(1))


def per_operation(build, program, case, short=20000, long=120000):
    """Two lengths, so that the start, the end and the warm-up cancel out."""
    path = os.path.join(build, program)
    with open(path, "rb") as f:
        if f.read(4) != b"\x7fELF":
            raise RuntimeError("%s is not linked statically; configure with "
                               "--enable-static" % path)
    return (collected(path, case, long) -
            collected(path, case, short)) / (long - short)


def stored_counts(path):
    counts = {}
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                if not line.startswith("#") and line.strip():
                    cpu, cc, case, n = line.split("\t")
                    counts[cpu, cc, case] = float(n)
    return counts


def instructions(build, about, rows, update):
    """Counts, compares or stores; 1 when a path has grown or failed."""
    if not shutil.which("valgrind"):
        print("instruction counts skipped: valgrind is missing")
        return 0
    cpu, cc, opt = about
    if opt != "optimised":
        print("instruction counts skipped: the build is not optimised")
        return 0
    path = os.path.join(HERE, "instructions.tsv")
    stored, wrong = stored_counts(path), 0
    print("instructions per operation, %s, %s, one worker" % (cpu, cc))
    for program, case in COUNTED:
        if rows and case not in rows:
            continue
        try:
            n = per_operation(build, program, case)
        except RuntimeError as e:
            print("%-16s FAILED %s" % (case, e))
            wrong += 1
            continue
        old = stored.get((cpu, cc, case))
        if update:
            stored[cpu, cc, case] = n
            mark = "stored"
        elif old is None:
            mark = "nothing stored for this CPU and compiler: not compared"
        else:
            bad = n > old * (1 + TOLERANCE)
            wrong += bad
            mark = "stored %8.1f  %+.1f %% %s" % (
                old, 100 * (n / old - 1), "TOO MANY" if bad else "ok")
            if n < old * (1 - TOLERANCE):
                mark = mark.replace("ok", "better: store it with "
                                    "--instructions=update")
        print("%-16s %8.1f  %s" % (case, n, mark), flush=True)
    if update:
        with open(path, "w") as f:
            f.write("# cpu\tcompiler\tcase\tinstructions per operation\n")
            for key, n in sorted(stored.items()):
                f.write("%s\t%s\t%s\t%.1f\n" % (key + (n,)))
    return 1 if wrong else 0

// The Go twins of weft's benchmarks: one file per verb, one binary for all.
//
// Every case has the shape, the counts and the check of the C program of the
// same name in the directory above, and prints its result in the same form:
//
//	name<TAB>case<TAB>go<TAB>workers<TAB>value<TAB>cpu<TAB>unit
//
// Usage: twins [--quick] [--ops=N] CASE...
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bench is one case. work does ops operations; it runs once with warm
// operations, untimed, and once timed. Where custom is set, it runs instead
// of work and reports for itself.
type bench struct {
	name      string // of the program
	unit      string // ns per operation, or ms for the whole
	ops, warm int
	work      func(ops int)
	custom    func(b *bench, ops int)
}

var cases = map[string]*bench{}

func register(row string, b *bench) {
	cases[row] = b
}

// check ends the program when an answer is wrong.
func check(ok bool, what string, args ...interface{}) {
	if !ok {
		fmt.Fprintf(os.Stderr, "twins: wrong answer: "+what+"\n", args...)
		os.Exit(1)
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *bench, row string, value, cpu float64, unit string) {
	fmt.Printf("%s\t%s\tgo\t%d\t%.4g\t%.4g\t%s\n",
		b.name, row, runtime.GOMAXPROCS(0), value, cpu, unit)
}

// timing is the wall and process CPU time of a section.
type timing struct {
	wall time.Time
	cpu  time.Duration
}

func begin() timing {
	return timing{cpu: cpuTime(), wall: time.Now()}
}

func (t timing) end() (wall, cpu float64) {
	w := time.Since(t.wall)
	return float64(w), float64(cpuTime() - t.cpu)
}

func (b *bench) run(row string, ops, warm int) {
	if b.custom != nil {
		b.custom(b, ops)
		return
	}
	if warm > 0 {
		b.work(warm)
	}
	t := begin()
	b.work(ops)
	wall, cpu := t.end()
	per := float64(ops)
	if b.unit == "ms" {
		per = 1e6
	}
	report(b, row, wall/per, cpu/per, b.unit)
}

func main() {
	quick, ops := false, 0
	var rows []string
	for _, a := range os.Args[1:] {
		switch {
		case a == "--quick":
			quick = true
		case strings.HasPrefix(a, "--ops="):
			ops, _ = strconv.Atoi(a[6:])
		default:
			rows = append(rows, a)
		}
	}
	if len(rows) == 0 {
		for r := range cases {
			rows = append(rows, r)
		}
		sort.Strings(rows)
	}
	for _, r := range rows {
		b := cases[r]
		if b == nil {
			fmt.Fprintf(os.Stderr, "twins: no case %q\n", r)
			os.Exit(2)
		}
		n := b.ops
		if quick && b.unit == "ns" {
			n /= 10
		}
		if ops > 0 {
			n = ops
		}
		b.run(r, n, b.warm)
	}
}

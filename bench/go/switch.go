//go:build go1.23

package main

import "iter"

func init() {
	register("switch", &bench{name: "switch", unit: "ns", ops: 2000000, warm: 20000,
		work: func(ops int) { switchRing(1, ops) }})
	register("switch-ring-1000", &bench{name: "switch", unit: "ns", ops: 2000000, warm: 20000,
		work: func(ops int) { switchRing(1000, ops) }})
}

func counter(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

// switchRing resumes n coroutines in turn. Each resume is two switches.
func switchRing(n, ops int) {
	next := make([]func() (int, bool), n)
	stop := make([]func(), n)
	for i := range next {
		next[i], stop[i] = iter.Pull(iter.Seq[int](counter))
	}
	laps := ops / 2 / n
	sum := 0
	for lap := 0; lap < laps; lap++ {
		for i := range next {
			v, _ := next[i]()
			sum += v
		}
	}
	check(sum == n*(laps*(laps-1)/2), "switch: sum %d", sum)
	for i := range stop {
		stop[i]()
	}
}

package main

import (
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

func init() {
	register("sleep-100k", &bench{name: "sleep", unit: "ns", ops: 100000, warm: 100000, work: sleepers})
	register("sleep-1ms-late", &bench{name: "sleep", unit: "ns", ops: 500, custom: sleepAlone})
	register("hog-sleep-1ms", &bench{name: "sleep", unit: "ns", ops: 100, custom: sleepHogged})
}

const nap = 10 * time.Millisecond

func sleepers(ops int) {
	var wg sync.WaitGroup
	start := time.Now()
	wg.Add(ops)
	for i := 0; i < ops; i++ {
		go func() {
			time.Sleep(nap)
			wg.Done()
		}()
	}
	wg.Wait()
	check(time.Since(start) >= nap, "sleep-100k: too early")
}

// lateness is that of the middle one of n sleeps, in ns.
func lateness(n int) float64 {
	late := make([]int64, n)
	for i := range late {
		until := time.Now().Add(time.Millisecond)
		time.Sleep(time.Until(until))
		late[i] = int64(time.Since(until))
	}
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	return float64(late[n/2])
}

func sleepAlone(b *bench, n int) {
	t := begin()
	late := lateness(n)
	_, cpu := t.end()
	report(b, "sleep-1ms-late", late, cpu/float64(n), "ns")
}

// sleepHogged sleeps while every processor runs a loop that never gives way.
func sleepHogged(b *bench, n int) {
	var hogging, hogs atomic.Int32
	hogging.Store(1)
	for i := 0; i < runtime.GOMAXPROCS(0); i++ {
		go func() {
			hogs.Add(1)
			for hogging.Load() != 0 {
			}
			hogs.Add(-1)
		}()
	}
	late := lateness(n)
	check(hogs.Load() > 0, "hog-sleep-1ms: no hog")
	hogging.Store(0)
	report(b, "hog-sleep-1ms", late, 0, "ns")
}

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

func init() {
	register("yield-2", &bench{name: "yield", unit: "ns", ops: 5000000, warm: 50000,
		work: func(ops int) { yieldAmong(2, ops) }})
	register("yield-1000", &bench{name: "yield", unit: "ns", ops: 5000000, warm: 50000,
		work: func(ops int) { yieldAmong(1000, ops) }})
}

// yieldAmong shares ops yields among n goroutines.
func yieldAmong(n, ops int) {
	var wg sync.WaitGroup
	var done int64
	each := ops / n
	wg.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			k := 0
			for ; k < each; k++ {
				runtime.Gosched()
			}
			atomic.AddInt64(&done, int64(k))
			wg.Done()
		}()
	}
	wg.Wait()
	check(done == int64(n*each), "yield: %d", done)
}

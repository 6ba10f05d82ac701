package main

import (
	"sync"
	"sync/atomic"
)

func init() {
	register("spawn-1", &bench{name: "spawn", unit: "ns", ops: 1000000, warm: 10000,
		work: func(ops int) { spawnBatches(1, ops) }})
	register("spawn-1000", &bench{name: "spawn", unit: "ns", ops: 1000000, warm: 10000,
		work: func(ops int) { spawnBatches(1000, ops) }})
	register("spawn-100k", &bench{name: "spawn", unit: "ns", ops: 1000000, warm: 100000,
		work: func(ops int) { spawnBatches(100000, ops) }})
}

// spawnBatches starts batch goroutines and waits for them, until ops of them
// have run.
func spawnBatches(batch, ops int) {
	var wg sync.WaitGroup
	var ran int64
	body := func() {
		atomic.AddInt64(&ran, 1)
		wg.Done()
	}
	n := ops / batch
	for i := 0; i < n; i++ {
		wg.Add(batch)
		for k := 0; k < batch; k++ {
			go body()
		}
		wg.Wait()
	}
	check(ran == int64(n*batch), "spawn: %d ran", ran)
}

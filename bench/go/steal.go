package main

import (
	"runtime"
	"sync/atomic"
)

const stealBatch = 128

func init() {
	register("steal", &bench{name: "steal", unit: "ns", ops: 200000, warm: 2000, work: steal})
}

// steal starts batches of goroutines and keeps its own processor busy until
// all of a batch have run, so that every one of them must be stolen.
func steal(ops int) {
	var ran int64
	want := int64(0)
	for ; want < int64(ops); runtime.Gosched() {
		for i := 0; i < stealBatch; i++ {
			go func() { atomic.AddInt64(&ran, 1) }()
		}
		want += stealBatch
		for atomic.LoadInt64(&ran) < want {
		}
	}
	check(ran == want, "steal: %d ran", ran)
}

package main

import (
	"sync"
	"sync/atomic"
)

func init() {
	register("rwlock-read", &bench{name: "rwlock", unit: "ns", ops: 20000000, warm: 100000, work: rwlockAlone})
	register("rwlock-read-8", &bench{name: "rwlock", unit: "ns", ops: 16000000, warm: 80000, work: func(ops int) { rwlockEight(ops, 0) }})
	register("rwlock-mixed-8", &bench{name: "rwlock", unit: "ns", ops: 8000000, warm: 80000, work: func(ops int) { rwlockEight(ops, 100) }})
}

// rwlockAlone locks to read, looks and unlocks.
func rwlockAlone(ops int) {
	var l sync.RWMutex
	value, sum := 1, 0
	for i := 0; i < ops; i++ {
		l.RLock()
		sum += value
		l.RUnlock()
	}
	check(sum == ops, "rwlock-read: sum %d", sum)
}

// rwlockEight is eight goroutines that do nothing else; where every is not 0
// one operation in so many writes.
func rwlockEight(ops, every int) {
	const parties = 8
	var l sync.RWMutex
	var all sync.WaitGroup
	var total int64
	value := 1
	if every != 0 {
		value = 0
	}
	all.Add(parties)
	for p := 0; p < parties; p++ {
		go func() {
			sum := 0
			for i := 0; i < ops/parties; i++ {
				if every != 0 && i%every == 0 {
					l.Lock()
					value++
					l.Unlock()
					continue
				}
				l.RLock()
				if value >= 0 {
					sum++
				}
				l.RUnlock()
			}
			atomic.AddInt64(&total, int64(sum))
			all.Done()
		}()
	}
	all.Wait()
	if every != 0 {
		total += int64(value)
	}
	check(total == int64(ops), "rwlock: sum %d", total)
}

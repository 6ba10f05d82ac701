package main

import "sync"

func init() {
	register("mutex", &bench{name: "mutex", unit: "ns", ops: 20000000, warm: 100000, work: mutexAlone})
	register("mutex-8", &bench{name: "mutex", unit: "ns", ops: 16000000, warm: 80000, work: mutexEight})
}

// mutexAlone locks, counts and unlocks.
func mutexAlone(ops int) {
	var m sync.Mutex
	count := 0
	for i := 0; i < ops; i++ {
		m.Lock()
		count++
		m.Unlock()
	}
	check(count == ops, "mutex: count %d", count)
}

// mutexEight is eight goroutines that do nothing else.
func mutexEight(ops int) {
	const parties = 8
	var m sync.Mutex
	var all sync.WaitGroup
	count := 0
	all.Add(parties)
	for p := 0; p < parties; p++ {
		go func() {
			for i := 0; i < ops/parties; i++ {
				m.Lock()
				count++
				m.Unlock()
			}
			all.Done()
		}()
	}
	all.Wait()
	check(count == ops, "mutex-8: count %d", count)
}

package main

import "sync"

func init() {
	register("cond-pingpong", &bench{name: "cond", unit: "ns", ops: 2000000, warm: 10000, work: condPingpong})
	register("cond-broadcast-100", &bench{name: "cond", unit: "ns", ops: 4000000, warm: 10000, work: condBroadcast})
}

// condPingpong is two goroutines that wait for each other's turn.
func condPingpong(ops int) {
	var m sync.Mutex
	c := [2]*sync.Cond{sync.NewCond(&m), sync.NewCond(&m)}
	var all sync.WaitGroup
	turn := 0
	takeTurns := func(me int) {
		m.Lock()
		for i := 0; i < ops; i++ {
			for turn%2 != me {
				c[me].Wait()
			}
			turn++
			c[1-me].Signal()
		}
		m.Unlock()
	}
	all.Add(1)
	go func() {
		takeTurns(1)
		all.Done()
	}()
	takeTurns(0)
	all.Wait()
	check(turn == 2*ops, "cond-pingpong: turn %d", turn)
}

// condBroadcast is one goroutine that wakes a hundred.
func condBroadcast(ops int) {
	const crowd = 100
	var m sync.Mutex
	wake, back := sync.NewCond(&m), sync.NewCond(&m)
	var all sync.WaitGroup
	lap, waiting, sum, laps := 0, 0, 0, ops/crowd
	all.Add(crowd)
	for p := 0; p < crowd; p++ {
		go func() {
			m.Lock()
			for mine := 0; mine < laps; mine++ {
				waiting++
				if waiting == crowd {
					back.Signal()
				}
				for lap == mine {
					wake.Wait()
				}
				sum++
			}
			m.Unlock()
			all.Done()
		}()
	}
	m.Lock()
	for lap < laps {
		for waiting < crowd {
			back.Wait()
		}
		waiting = 0
		lap++
		wake.Broadcast()
	}
	m.Unlock()
	all.Wait()
	check(sum == laps*crowd, "cond-broadcast-100: sum %d", sum)
}

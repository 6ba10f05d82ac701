package main

import "time"

func init() {
	register("timer-restart", &bench{name: "timer", unit: "ns", ops: 10000000, warm: 100000, work: timerRestart})
	register("timer-restart-chan", &bench{name: "timer", unit: "ns", ops: 10000000, warm: 100000, work: timerRestart})
	register("timer-new-stop", &bench{name: "timer", unit: "ns", ops: 10000000, warm: 100000, work: timerNewStop})
	register("timer-func-restart", &bench{name: "timer", unit: "ns", ops: 5000000, warm: 100000, work: timerFuncRestart})
	register("timer-func-100k", &bench{name: "timer", unit: "ns", ops: 2000000, warm: 200000, work: timerFuncCrowd})
}

// timerRestart moves one pending timer; a timer of Go always has its channel.
func timerRestart(ops int) {
	t := time.NewTimer(time.Hour)
	moved := 0
	for i := 0; i < ops; i++ {
		if t.Reset(time.Hour + time.Duration(i)) {
			moved++
		}
	}
	check(moved == ops, "timer-restart: %d moved", moved)
	t.Stop()
}

func timerNewStop(ops int) {
	stopped := 0
	for i := 0; i < ops; i++ {
		t := time.NewTimer(time.Hour)
		if t.Stop() {
			stopped++
		}
	}
	check(stopped == ops, "timer-new-stop: %d stopped", stopped)
}

func timerFuncRestart(ops int) {
	t := time.AfterFunc(time.Hour, func() {})
	moved := 0
	for i := 0; i < ops; i++ {
		if t.Reset(time.Hour + time.Duration(i)) {
			moved++
		}
	}
	check(moved == ops, "timer-func-restart: %d moved", moved)
	t.Stop()
}

// timerFuncCrowd moves a random one of a hundred thousand.
func timerFuncCrowd(ops int) {
	const crowd = 100000
	t := make([]*time.Timer, crowd)
	moved := 0
	x := uint32(1)
	for i := range t {
		t[i] = time.AfterFunc(time.Hour, func() {})
	}
	for i := 0; i < ops; i++ {
		x = x*1664525 + 1013904223
		if t[(x>>8)%crowd].Reset(time.Hour + time.Duration(x>>4)) {
			moved++
		}
	}
	check(moved == ops, "timer-func-100k: %d moved", moved)
	for i := range t {
		t[i].Stop()
	}
}

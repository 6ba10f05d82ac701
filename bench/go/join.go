package main

import "sync"

func init() {
	register("join-1", &bench{name: "join", unit: "ns", ops: 1000000, warm: 10000, work: joinOne})
	register("fib-30", &bench{name: "join", unit: "ms", ops: 30, work: func(n int) {
		v := fib(n)
		a, b := 0, 1
		for i := 0; i < n; i++ {
			a, b = b, a+b
		}
		check(v == a, "fib(%d) = %d", n, v)
	}})
}

// joinOne starts one goroutine and takes its result, ops times. Go has no
// join; a result channel of its own is the usual form.
func joinOne(ops int) {
	sum := 0
	for i := 0; i < ops; i++ {
		c := make(chan int, 1)
		go func(v int) { c <- v }(i & 7)
		sum += <-c
	}
	want := 0
	for i := 0; i < ops; i++ {
		want += i & 7
	}
	check(sum == want, "join: sum %d", sum)
}

// fib starts a goroutine for one half of every call and joins it. A WaitGroup
// and a captured variable measure faster here than a result channel.
func fib(n int) int {
	if n < 2 {
		return n
	}
	var wg sync.WaitGroup
	var x int
	wg.Add(1)
	go func() {
		x = fib(n - 1)
		wg.Done()
	}()
	y := fib(n - 2)
	wg.Wait()
	return x + y
}

package main

import "sync"

func init() {
	register("select-2-ready", &bench{name: "select", unit: "ns", ops: 5000000, warm: 100000, work: ready2})
	register("select-8-ready", &bench{name: "select", unit: "ns", ops: 2000000, warm: 100000, work: ready8})
	register("select-2-none", &bench{name: "select", unit: "ns", ops: 10000000, warm: 100000, work: none2})
	register("select-8-none", &bench{name: "select", unit: "ns", ops: 2000000, warm: 100000, work: none8})
	register("select-2-block", &bench{name: "select", unit: "ns", ops: 1000000, warm: 10000, work: func(n int) { block(n, 2) }})
	register("select-8-block", &bench{name: "select", unit: "ns", ops: 500000, warm: 10000, work: func(n int) { block(n, 8) }})
	register("select-done-8", &bench{name: "select", unit: "ns", ops: 4000000, warm: 80000, work: done8})
}

func makeAll(n, cap int) []chan int {
	c := make([]chan int, n)
	for i := range c {
		c[i] = make(chan int, cap)
	}
	return c
}

func receive2(c []chan int) (k, v int) {
	select {
	case v = <-c[0]:
		k = 0
	case v = <-c[1]:
		k = 1
	}
	return
}

func receive8(c []chan int) (k, v int) {
	select {
	case v = <-c[0]:
		k = 0
	case v = <-c[1]:
		k = 1
	case v = <-c[2]:
		k = 2
	case v = <-c[3]:
		k = 3
	case v = <-c[4]:
		k = 4
	case v = <-c[5]:
		k = 5
	case v = <-c[6]:
		k = 6
	case v = <-c[7]:
		k = 7
	}
	return
}

func receiveAny(c []chan int) (k, v int) {
	if len(c) == 2 {
		return receive2(c)
	}
	return receive8(c)
}

// checkTaken checks that every case was taken, ops times together.
func checkTaken(taken []int, ops int) {
	sum := 0
	for i, t := range taken {
		check(ops < 1000 || t > 0, "select: case %d never", i)
		sum += t
	}
	check(sum == ops, "select: %d taken", sum)
}

func fill(c []chan int) {
	for i := range c {
		c[i] <- i
	}
}

// ready2 and ready8 take a value from one of several channels and put it back.
func ready2(ops int) {
	c := makeAll(2, 1)
	taken := make([]int, 2)
	fill(c)
	for i := 0; i < ops; i++ {
		k, v := receive2(c)
		check(v == k, "select-2-ready: value %d", v)
		taken[k]++
		c[k] <- v
	}
	checkTaken(taken, ops)
}

func ready8(ops int) {
	c := makeAll(8, 1)
	taken := make([]int, 8)
	fill(c)
	for i := 0; i < ops; i++ {
		k, v := receive8(c)
		check(v == k, "select-8-ready: value %d", v)
		taken[k]++
		c[k] <- v
	}
	checkTaken(taken, ops)
}

// none2 and none8 find every channel empty.
func none2(ops int) {
	c := makeAll(2, 1)
	misses := 0
	for i := 0; i < ops; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		default:
			misses++
		}
	}
	check(misses == ops, "select-2-none: %d misses", misses)
}

func none8(ops int) {
	c := makeAll(8, 1)
	misses := 0
	for i := 0; i < ops; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		case <-c[4]:
		case <-c[5]:
		case <-c[6]:
		case <-c[7]:
		default:
			misses++
		}
	}
	check(misses == ops, "select-8-none: %d misses", misses)
}

// block is a round trip in which both sides park in a select.
func block(ops, n int) {
	there, back := makeAll(n, 0), makeAll(n, 0)
	over := make(chan int)
	go func() {
		next := 0
		for {
			k, v := receiveAny(there)
			if v < 0 {
				break
			}
			check(k == next%n && v == next, "select-block: value %d", v)
			next++
			back[k] <- next
		}
		close(over)
	}()
	v := 0
	for i := 0; i < ops; i++ {
		there[i%n] <- v
		var k int
		k, v = receiveAny(back)
		check(k == i%n, "select-block: case %d", k)
	}
	check(v == ops, "select-block: %d round trips", v)
	there[0] <- -1
	<-over
}

// done8 is eight goroutines with work of their own that all watch one channel.
func done8(ops int) {
	var left sync.WaitGroup
	done := make(chan int)
	left.Add(8)
	for i := 0; i < 8; i++ {
		go func() {
			work := make(chan int, 1)
			work <- 0
			for got := 0; got < ops/8; {
				select {
				case v := <-work:
					check(v == got, "select-done-8: value %d", v)
				case <-done:
					check(false, "select-done-8: done")
				}
				got++
				work <- got
			}
			left.Done()
		}()
	}
	left.Wait()
}

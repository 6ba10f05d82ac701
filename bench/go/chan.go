package main

func init() {
	register("buf128-same", &bench{name: "chan", unit: "ns", ops: 10000000, warm: 100000, work: bufSame})
	register("try-recv-empty", &bench{name: "chan", unit: "ns", ops: 50000000, warm: 100000, work: tryRecvEmpty})
}

// bufSame sends to and receives from a buffered channel in one goroutine.
func bufSame(ops int) {
	c := make(chan int, 128)
	sum := 0
	for i := 0; i < ops; i++ {
		c <- i
		sum += <-c
	}
	check(sum == ops*(ops-1)/2, "buf128-same: sum %d", sum)
}

func tryRecvEmpty(ops int) {
	c := make(chan int, 128)
	misses := 0
	for i := 0; i < ops; i++ {
		select {
		case <-c:
		default:
			misses++
		}
	}
	check(misses == ops, "try-recv-empty: %d misses", misses)
}

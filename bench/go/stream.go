package main

import "sync"

func init() {
	register("stream-unbuf", &bench{name: "stream", unit: "ns", ops: 2000000, warm: 20000,
		work: func(ops int) { stream(1, 0, ops) }})
	register("stream-128", &bench{name: "stream", unit: "ns", ops: 5000000, warm: 50000,
		work: func(ops int) { stream(1, 128, ops) }})
	register("mpmc-4x4-unbuf", &bench{name: "stream", unit: "ns", ops: 2000000, warm: 20000,
		work: func(ops int) { stream(4, 0, ops) }})
	register("mpmc-4x4-128", &bench{name: "stream", unit: "ns", ops: 5000000, warm: 50000,
		work: func(ops int) { stream(4, 128, ops) }})
}

// stream sends ops values from n producers to n consumers over one channel.
func stream(n, capacity, ops int) {
	c := make(chan int, capacity)
	sums := make(chan [2]int, n)
	var producers sync.WaitGroup
	each := ops / n
	for i := 0; i < n; i++ {
		go func() {
			sum, count := 0, 0
			for v := range c {
				sum += v
				count++
			}
			sums <- [2]int{sum, count}
		}()
	}
	producers.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			for v := 1; v <= each; v++ {
				c <- v
			}
			producers.Done()
		}()
	}
	producers.Wait()
	close(c)
	sum, count := 0, 0
	for i := 0; i < n; i++ {
		s := <-sums
		sum += s[0]
		count += s[1]
	}
	check(count == n*each && sum == n*(each*(each+1)/2), "stream: %d items, sum %d", count, sum)
}

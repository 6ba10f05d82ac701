package main

func init() {
	register("skynet-1M", &bench{name: "skynet", unit: "ms", ops: 1000000, work: func(size int) {
		c := make(chan int)
		go skynet(c, 0, size)
		sum := <-c
		check(sum == size*(size-1)/2, "skynet: %d", sum)
	}})
}

// skynet sums the numbers of size leaves, ten children a node.
func skynet(out chan int, num, size int) {
	if size == 1 {
		out <- num
		return
	}
	c := make(chan int)
	for i := 0; i < 10; i++ {
		go skynet(c, num+i*(size/10), size/10)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-c
	}
	out <- sum
}

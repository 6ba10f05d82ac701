package main

func init() {
	register("sieve-2000", &bench{name: "sieve", unit: "ms", ops: 2000, work: sieve})
}

func generate(out chan int) {
	for i := 2; ; i++ {
		out <- i
	}
}

func filter(in, out chan int, prime int) {
	for {
		if v := <-in; v%prime != 0 {
			out <- v
		}
	}
}

// sieve finds the ops-th prime with a chain of filters.
func sieve(ops int) {
	c := make(chan int)
	go generate(c)
	prime := 0
	for i := 0; i < ops; i++ {
		prime = <-c
		next := make(chan int)
		go filter(c, next, prime)
		c = next
	}
	check(ops != 2000 || prime == 17389, "sieve: %d", prime)
}

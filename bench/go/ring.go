package main

const ringSize = 1000

func init() {
	register("ring-1000", &bench{name: "ring", unit: "ns", ops: 2000000, warm: 20000, work: ring})
}

// ring passes a counter round ringSize goroutines, the caller among them,
// until it has made ops hops.
func ring(ops int) {
	laps := ops / ringSize
	first := make(chan int)
	in := first
	for i := 1; i < ringSize; i++ {
		out := make(chan int)
		go func(in, out chan int) {
			for lap := 0; lap < laps; lap++ {
				out <- <-in + 1
			}
		}(in, out)
		in = out
	}
	v := 0
	for lap := 0; lap < laps; lap++ {
		first <- v
		v = <-in + 1
	}
	check(v == laps*ringSize, "ring: %d hops", v)
}

package main

func init() {
	register("pingpong", &bench{name: "pingpong", unit: "ns", ops: 1000000, warm: 10000, work: pingpong})
}

// pingpong does ops round trips over two unbuffered channels.
func pingpong(ops int) {
	there, back := make(chan int), make(chan int)
	go func() {
		for v := range there {
			back <- v + 1
		}
		close(back)
	}()
	v := 0
	for i := 0; i < ops; i++ {
		there <- v
		v = <-back
	}
	close(there)
	_, ok := <-back
	check(v == ops && !ok, "pingpong: %d", v)
}

package main

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func init() {
	register("parked-1M", &bench{name: "parked", unit: "ns", ops: 1000000, custom: parked})
}

// memory gives the resident set and the page tables of this process, bytes.
func memory() (rss, tables float64) {
	text, _ := os.ReadFile("/proc/self/status")
	for _, line := range bytes.Split(text, []byte("\n")) {
		f := bytes.Fields(line)
		if len(f) < 2 {
			continue
		}
		v, _ := strconv.ParseFloat(string(f[1]), 64)
		switch string(f[0]) {
		case "VmRSS:":
			rss = v * 1024
		case "VmPTE:":
			tables = v * 1024
		}
	}
	return
}

// parked starts n goroutines that wait in one channel, weighs them, ends
// them, idles for a second and weighs again.
func parked(b *bench, n int) {
	gate := make(chan int)
	var wg sync.WaitGroup
	var reached, sum int64
	rss0, tables0 := memory()
	wg.Add(n)
	t := begin()
	for i := 0; i < n; i++ {
		go func(v int64) {
			atomic.AddInt64(&reached, 1)
			<-gate
			atomic.AddInt64(&sum, v)
			wg.Done()
		}(int64(i))
	}
	for atomic.LoadInt64(&reached) < int64(n) {
		runtime.Gosched()
	}
	wall, cpu := t.end()
	rss1, tables1 := memory()
	t = begin()
	close(gate)
	wg.Wait()
	wakeWall, wakeCPU := t.end()
	check(sum == int64(n)*int64(n-1)/2, "parked: sum %d", sum)
	time.Sleep(time.Second)
	rss2, _ := memory()

	each := float64(n)
	report(b, "parked-1M", wall/each, cpu/each, "ns")
	report(b, "parked-1M-wake", wakeWall/each, wakeCPU/each, "ns")
	report(b, "parked-1M-rss", (rss1-rss0)/each, 0, "B")
	report(b, "parked-1M-tables", (tables1-tables0)/each, 0, "B")
	report(b, "spike-1M-returned", 100*(rss1-rss2)/(rss1-rss0), 0, "%")
}

package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

func init() {
	register("echo-100", &bench{name: "echo", unit: "ns", ops: 300000, custom: func(b *bench, ops int) {
		echo(b, "echo-100", ops, "100")
	}})
	register("accept-storm", &bench{name: "echo", unit: "ns", ops: 30000, custom: func(b *bench, ops int) {
		echo(b, "accept-storm", ops, "100", "-r")
	}})
	register("idle-10k", &bench{name: "echo", unit: "mixed", ops: 10000, custom: func(b *bench, n int) {
		idle(b, "idle-10k", n)
	}})
	register("idle-50k", &bench{name: "echo", unit: "mixed", ops: 50000, custom: func(b *bench, n int) {
		idle(b, "idle-50k", n)
	}})
}

// serveEcho sends back what it reads, a goroutine per connection.
func serveEcho() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err == nil, "listen: %v", err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err = c.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l
}

func portOf(l net.Listener) int {
	return l.Addr().(*net.TCPAddr).Port
}

func echo(b *bench, row string, ops int, connections string, extra ...string) {
	l := serveEcho()
	options := append([]string{"-c", connections, "-n", strconv.Itoa(ops)}, extra...)
	clients := startLoad(portOf(l), options...)
	t := begin()
	r := clients.run()
	_, cpu := t.end()
	l.Close()
	check(int(r.requests) == ops, "lost requests")
	cpu /= r.requests
	report(b, row, 1e9*r.seconds/r.requests, cpu, "ns")
	report(b, row+"-cpu", cpu, cpu, "ns")
	report(b, row+"-p99", r.p99/1e3, 0, "us")
}

func residentSet() float64 {
	var size, resident int
	data, _ := os.ReadFile("/proc/self/statm")
	fmt.Sscan(string(data), &size, &resident)
	return float64(resident * os.Getpagesize())
}

func idle(b *bench, row string, n int) {
	raiseDescriptors(n + 200)
	before := residentSet()
	l := serveEcho()
	clients := startLoad(portOf(l), "-c", "1", "-n", "20000", "-i", strconv.Itoa(n))
	rss := residentSet()
	t := begin()
	r := clients.run()
	_, cpu := t.end()
	l.Close()
	report(b, row, r.p50, cpu/r.requests, "ns")
	report(b, row+"-p99", r.p99/1e3, 0, "us")
	report(b, row+"-rss", (rss-before)/float64(n), 0, "B")
}

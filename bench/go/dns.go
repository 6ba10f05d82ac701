package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func init() {
	register("dns-sleep-1ms", &bench{name: "dns", unit: "ns", ops: 300, custom: dns})
}

const lookups = 100

// dns runs itself again where no question about a name is answered (mute.c).
func dns(b *bench, ops int) {
	socket := os.Getenv("BENCH_MUTE")
	if socket != "" {
		fd, _ := strconv.Atoi(socket)
		dnsSleep(b, ops, fd)
		return
	}
	self, err := os.Executable()
	check(err == nil, "where is this program? %v", err)
	cmd := exec.Command(beside("mute"), self, "--ops="+strconv.Itoa(ops), "dns-sleep-1ms")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if cmd.Run() != nil {
		os.Exit(cmd.ProcessState.ExitCode())
	}
}

// dnsSleep measures sleeps while many wait for a resolver.
func dnsSleep(b *bench, ops, deaf int) {
	late := make([]int64, ops)
	patience := time.Second + time.Duration(3*ops)*time.Millisecond
	var wg sync.WaitGroup
	start := time.Now()
	t := begin()
	wg.Add(lookups)
	for i := 0; i < lookups; i++ {
		i := i
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_, err := net.DefaultResolver.LookupHost(ctx, fmt.Sprintf("host-%d.example.", i))
			cancel()
			timeout, ok := err.(net.Error)
			check(ok && timeout.Timeout(), "host-%d: %v", i, err)
			wg.Done()
		}()
	}
	for i := range late {
		until := time.Now().Add(time.Millisecond)
		time.Sleep(time.Until(until))
		late[i] = int64(time.Since(until))
	}
	_, cpu := t.end()
	check(time.Since(start) < patience, "the lookups were over before")
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	wg.Wait()
	n, _, err := syscall.Recvfrom(deaf, make([]byte, 512), syscall.MSG_DONTWAIT)
	check(n > 0, "nobody asked: %v", err)
	report(b, "dns-sleep-1ms", float64(late[ops/2]), cpu/float64(ops), "ns")
	report(b, "dns-sleep-1ms-p99", float64(late[ops*99/100]), 0, "ns")
}

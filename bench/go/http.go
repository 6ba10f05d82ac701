package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func init() {
	register("http-100", &bench{name: "http", unit: "ns", ops: 20, custom: func(b *bench, tenths int) {
		serveHTTP(b, "http-100", "100", tenths)
	}})
	register("http-1000", &bench{name: "http", unit: "ns", ops: 20, custom: func(b *bench, tenths int) {
		serveHTTP(b, "http-1000", "1000", tenths)
	}})
}

// found is the first match of a pattern's group.
func found(pattern, text string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	check(m != nil, "no %s in: %s", pattern, text)
	return m[1]
}

// serveHTTP is a file server under the load of wrk.
func serveHTTP(b *bench, row, connections string, tenths int) {
	dir, err := os.MkdirTemp("", "weft-bench-")
	check(err == nil, "no directory: %v", err)
	defer os.RemoveAll(dir)
	content := []byte(strings.Repeat("x", 1024))
	os.WriteFile(filepath.Join(dir, "file.txt"), content, 0o666)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err == nil, "listen: %v", err)
	server := &http.Server{
		Handler:           http.FileServer(http.Dir(dir)),
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
	}
	go server.Serve(l)
	t := begin()
	out, err := exec.Command(beside("load"), "--beside", "wrk", "-t1", "-c", connections,
		"-d", strconv.Itoa((tenths+9)/10)+"s", "--latency",
		"http://"+l.Addr().String()+"/file.txt").Output()
	_, cpu := t.end()
	server.Close()
	text := string(out)
	check(err == nil, "wrk: %v", err)
	check(!strings.Contains(text, "Socket errors") && !strings.Contains(text, "Non-2xx"), "wrk: %s", text)
	rate, _ := strconv.ParseFloat(found(`Requests/sec:\s+([0-9.]+)`, text), 64)
	requests, _ := strconv.ParseFloat(found(`([0-9]+) requests in`, text), 64)
	p99, _ := time.ParseDuration(found(`99%\s+([0-9.]+[mu]?s)`, text))
	cpu /= requests
	report(b, row, 1e9/rate, cpu, "ns")
	report(b, row+"-cpu", cpu, cpu, "ns")
	report(b, row+"-p99", float64(p99.Microseconds()), 0, "us")
}

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// beside is a path relative to where this program is.
func beside(name string) string {
	self, err := os.Executable()
	check(err == nil, "where is this program? %v", err)
	return filepath.Join(filepath.Dir(self), name)
}

// raiseDescriptors lets this process and those it starts have n descriptors.
func raiseDescriptors(n int) {
	var r syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r)
	if r.Max < uint64(n) {
		r.Max = uint64(n)
	}
	r.Cur = r.Max
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r)
		fmt.Fprintf(os.Stderr, "not measured: RLIMIT_NOFILE is %d\n", r.Max)
		os.Exit(77)
	}
}

// load is what the load generator (load.c) has measured, in ns.
type load struct {
	requests, seconds, p50, p99 float64
}

// loader is a load generator that has connected.
type loader struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startLoad(port int, options ...string) *loader {
	l := &loader{cmd: exec.Command(beside("load"), append(options, strconv.Itoa(port))...)}
	l.cmd.Stderr = os.Stderr
	l.in, _ = l.cmd.StdinPipe()
	out, _ := l.cmd.StdoutPipe()
	l.out = bufio.NewReader(out)
	err := l.cmd.Start()
	check(err == nil, "load: %v", err)
	line, _ := l.out.ReadString('\n')
	check(line == "ready\n", "load said: %s", line)
	return l
}

func (l *loader) run() (r load) {
	fmt.Fprintln(l.in, "go")
	line, _ := l.out.ReadString('\n')
	n, _ := fmt.Sscan(line, &r.requests, &r.seconds, &r.p50, &r.p99)
	check(n == 4, "load said: %s", line)
	l.in.Close()
	err := l.cmd.Wait()
	check(err == nil, "load: %v", err)
	return r
}

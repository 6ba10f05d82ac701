package main

import (
	"bufio"
	"hash/maphash"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

func init() {
	for _, row := range []string{"kv-get", "kv-set", "kv-get-P16", "kv-set-P16"} {
		row, ops := row, 100000
		if strings.HasSuffix(row, "-P16") {
			ops = 1000000
		}
		register(row, &bench{name: "kv", unit: "ns", ops: ops, custom: func(b *bench, ops int) {
			kv(b, row, ops)
		}})
	}
}

const shards = 64

// store has the shape of examples/kv: a locked table per shard.
type store struct {
	seed  maphash.Seed
	shard [shards]struct {
		sync.Mutex
		keys map[string][]byte
	}
}

// readCommand reads an array of bulk strings into args, reusing its memory.
func readCommand(r *bufio.Reader, args [][]byte) ([][]byte, error) {
	number := func(kind byte) (int, error) {
		line, err := r.ReadSlice('\n')
		if err != nil || len(line) < 4 || line[0] != kind {
			return 0, io.EOF
		}
		n := 0
		for _, c := range line[1 : len(line)-2] {
			if c < '0' || c > '9' {
				return 0, io.EOF
			}
			n = 10*n + int(c-'0')
		}
		return n, nil
	}
	count, err := number('*')
	if err != nil || count > 1024 {
		return nil, io.EOF
	}
	for len(args) < count {
		args = append(args, nil)
	}
	args = args[:count]
	for i := range args {
		n, err := number('$')
		if err != nil {
			return nil, err
		}
		if cap(args[i]) < n+2 {
			args[i] = make([]byte, n+2)
		}
		args[i] = args[i][:n+2]
		if _, err = io.ReadFull(r, args[i]); err != nil {
			return nil, err
		}
		args[i] = args[i][:n]
	}
	return args, nil
}

func (s *store) run(args [][]byte, w *bufio.Writer) {
	if len(args) < 2 {
		w.WriteString("-ERR\r\n")
		return
	}
	sh := &s.shard[maphash.Bytes(s.seed, args[1])%shards]
	switch strings.ToUpper(string(args[0])) {
	case "GET":
		var number [24]byte
		sh.Lock()
		v, ok := sh.keys[string(args[1])]
		if ok {
			w.WriteByte('$')
			w.Write(strconv.AppendInt(number[:0], int64(len(v)), 10))
			w.WriteString("\r\n")
			w.Write(v)
			w.WriteString("\r\n")
		} else {
			w.WriteString("$-1\r\n")
		}
		sh.Unlock()
	case "SET":
		sh.Lock()
		if v, ok := sh.keys[string(args[1])]; ok && len(v) == len(args[2]) {
			copy(v, args[2])
		} else {
			sh.keys[string(args[1])] = append([]byte(nil), args[2]...)
		}
		sh.Unlock()
		w.WriteString("+OK\r\n")
	case "CONFIG":
		w.WriteString("*2\r\n$1\r\nx\r\n$0\r\n\r\n")
	default:
		w.WriteString("-ERR unknown command\r\n")
	}
}

func (s *store) serve(c net.Conn) {
	defer c.Close()
	r, w := bufio.NewReaderSize(c, 16384), bufio.NewWriterSize(c, 16384)
	var args [][]byte
	var err error
	for {
		if args, err = readCommand(r, args); err != nil {
			return
		}
		s.run(args, w)
		// One write per batch.
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
	}
}

func kv(b *bench, row string, ops int) {
	s := &store{seed: maphash.MakeSeed()}
	for i := range s.shard {
		s.shard[i].keys = map[string][]byte{}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err == nil, "listen: %v", err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	depth := "1"
	if strings.HasSuffix(row, "-P16") {
		depth = "16"
	}
	t := begin()
	out, err := exec.Command(beside("load"), "--beside", "redis-benchmark", "-p", strconv.Itoa(portOf(l)),
		"-t", row[3:6], "-P", depth, "-n", strconv.Itoa(ops), "-c", "50", "-r", "100000", "--csv").Output()
	_, cpu := t.end()
	l.Close()
	check(err == nil, "redis-benchmark: %v", err)
	m := regexp.MustCompile(`"[GS]ET","([0-9.]+)"(?:,"[0-9.]+"){4},"([0-9.]+)"`).FindStringSubmatch(string(out))
	check(m != nil, "redis-benchmark said: %s", out)
	rate, _ := strconv.ParseFloat(m[1], 64)
	p99, _ := strconv.ParseFloat(m[2], 64)
	cpu /= float64(ops)
	report(b, row, 1e9/rate, cpu, "ns")
	report(b, row+"-cpu", cpu, cpu, "ns")
	report(b, row+"-p99", p99*1e3, 0, "us")
}

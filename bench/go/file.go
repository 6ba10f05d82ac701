package main

import (
	"io"
	"os"
)

func init() {
	register("file-read", &bench{name: "file", unit: "ns", ops: 50000, custom: fileRead})
}

const (
	piece  = 64 * 1024
	pieces = 1024
)

// fileRead reads a file that is in memory from its beginning to its end.
func fileRead(b *bench, ops int) {
	f, err := os.CreateTemp("", "weft-bench-")
	check(err == nil, "no file: %v", err)
	os.Remove(f.Name())
	buf := make([]byte, piece)
	for i := 0; i < pieces; i++ {
		f.Write(buf)
	}
	read := func(ops int) {
		for i := 0; i < ops; i++ {
			if i%pieces == 0 {
				f.Seek(0, io.SeekStart)
			}
			n, err := f.Read(buf)
			check(n == piece && err == nil, "read: %d %v", n, err)
		}
	}
	read(pieces)
	t := begin()
	read(ops)
	wall, cpu := t.end()
	report(b, "file-read", wall/float64(ops), cpu/float64(ops), "ns")
}

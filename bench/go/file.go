package main

import (
	"encoding/binary"
	"io"
	"os"
	"sync"
)

func init() {
	register("file-read", &bench{name: "file", unit: "ns", ops: 50000, custom: fileRead})
	register("file-read-100", &bench{name: "file", unit: "ns", ops: 1000000, custom: fileRead100})
}

const (
	piece     = 64 * 1024
	pieces    = 1024
	blockSize = 4096
	blocks    = piece / blockSize * pieces
	readers   = 100
)

// makeFile is a file that is in memory; each block of it says which it is.
func makeFile() *os.File {
	f, err := os.CreateTemp("", "weft-bench-")
	check(err == nil, "no file: %v", err)
	os.Remove(f.Name())
	buf := make([]byte, piece)
	for i := 0; i < pieces; i++ {
		for at := 0; at < piece; at += blockSize {
			binary.LittleEndian.PutUint64(buf[at:], uint64((i*piece+at)/blockSize))
		}
		f.Write(buf)
	}
	return f
}

// fileRead reads a file from its beginning to its end.
func fileRead(b *bench, ops int) {
	f := makeFile()
	buf := make([]byte, piece)
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

// readBlocks reads blocks anywhere in a file.
func readBlocks(f *os.File, seed uint64, ops int) {
	buf := make([]byte, blockSize)
	for i := 0; i < ops; i++ {
		seed = seed*6364136223846793005 + 1442695040888963407
		at := (seed >> 33) % blocks
		n, err := f.ReadAt(buf, int64(at)*blockSize)
		check(n == blockSize && err == nil && binary.LittleEndian.Uint64(buf) == at, "block %d: %d %v", at, n, err)
	}
}

// fileRead100 has a hundred goroutines read blocks.
func fileRead100(b *bench, ops int) {
	f := makeFile()
	read := func(ops int) {
		var wg sync.WaitGroup
		wg.Add(readers)
		for i := 0; i < readers; i++ {
			i := i
			go func() {
				readBlocks(f, uint64(i), ops/readers)
				wg.Done()
			}()
		}
		wg.Wait()
	}
	read(blocks)
	t := begin()
	read(ops)
	wall, cpu := t.end()
	report(b, "file-read-100", wall/float64(ops), cpu/float64(ops), "ns")
}

package main

import (
	"sync"
	"sync/atomic"
)

func init() {
	register("nqueens-11", &bench{name: "nqueens", unit: "ms", ops: 11, work: func(n int) {
		var top queens
		top.wg.Add(1)
		go place(&top, uint(n), 0, 0, 0)
		top.wg.Wait()
		check(n != 11 || top.found == 2680, "nqueens: %d", top.found)
	}})
}

type queens struct {
	wg    sync.WaitGroup
	found int64
}

// place tries every free column of the next row in a goroutine of its own.
// cols, left and right are the attacked columns and diagonals.
func place(up *queens, n, cols, left, right uint) {
	all := uint(1)<<n - 1
	if cols == all {
		atomic.AddInt64(&up.found, 1)
		up.wg.Done()
		return
	}
	var here queens
	for free := all &^ (cols | left | right); free != 0; free &= free - 1 {
		bit := free & -free
		here.wg.Add(1)
		go place(&here, n, cols|bit, (left|bit)<<1, (right|bit)>>1)
	}
	here.wg.Wait()
	if here.found != 0 {
		atomic.AddInt64(&up.found, here.found)
	}
	up.wg.Done()
}

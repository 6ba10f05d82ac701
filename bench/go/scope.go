package main

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// group is what errgroup is, by the standard library alone: a WaitGroup, a
// context that the first error cancels, and that error.
type group struct {
	wg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
	once   sync.Once
	err    error
}

func newGroup(limit time.Duration) *group {
	g := &group{}
	if limit > 0 {
		g.ctx, g.cancel = context.WithTimeout(context.Background(), limit)
	} else {
		g.ctx, g.cancel = context.WithCancel(context.Background())
	}
	return g
}

func (g *group) run(f func(context.Context) error) {
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		if err := f(g.ctx); err != nil {
			g.once.Do(func() {
				g.err = err
				g.cancel()
			})
		}
	}()
}

func (g *group) wait() error {
	g.wg.Wait()
	g.cancel()
	return g.err
}

func init() {
	register("scope-1", &bench{name: "scope", unit: "ns", ops: 500000, warm: 10000, work: func(n int) { groupsOf(n, 1, 0) }})
	register("scope-100", &bench{name: "scope", unit: "ns", ops: 1000000, warm: 10000, work: func(n int) { groupsOf(n, 100, 0) }})
	register("scope-deadline", &bench{name: "scope", unit: "ns", ops: 500000, warm: 10000, work: func(n int) { groupsOf(n, 1, time.Second) }})
	register("scope-cancel-10k", &bench{name: "scope", unit: "ns", ops: 10000, custom: cancelMany})
	register("cancelled", &bench{name: "scope", unit: "ns", ops: 20000000, work: askCancelled})
}

func groupsOf(ops, n int, limit time.Duration) {
	var ran int64
	for i := 0; i < ops/n; i++ {
		g := newGroup(limit)
		for k := 0; k < n; k++ {
			g.run(func(context.Context) error {
				atomic.AddInt64(&ran, 1)
				return nil
			})
		}
		check(g.wait() == nil, "scope: error")
	}
	check(ran == int64(ops/n*n), "scope: %d ran", ran)
}

// cancelMany: ops goroutines wait; how long until all have ended, each.
func cancelMany(b *bench, ops int) {
	var ran, failed int64
	g := newGroup(0)
	for i := 0; i < ops; i++ {
		g.run(func(ctx context.Context) error {
			atomic.AddInt64(&ran, 1)
			<-ctx.Done()
			atomic.AddInt64(&failed, 1)
			return ctx.Err()
		})
	}
	for atomic.LoadInt64(&ran) < int64(ops) {
		runtime.Gosched()
	}
	runtime.Gosched()
	t := begin()
	g.cancel()
	err := g.wait()
	wall, cpu := t.end()
	check(err == context.Canceled && failed == int64(ops), "scope: some went on")
	report(b, "scope-cancel-10k", wall/float64(ops), cpu/float64(ops), "ns")
}

func askCancelled(ops int) {
	g := newGroup(0)
	n := 0
	for i := 0; i < ops; i++ {
		if g.ctx.Err() != nil {
			n++
		}
	}
	check(g.wait() == nil && n == 0, "cancelled")
}

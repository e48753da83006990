package main

import (
	"encoding/json"
	"io"
	"slices"
	"sync"
)

const (
	// maxLogs bounds the log lines that wait for a slow host; verbose tsnet
	// writes hundreds a second.
	maxLogs = 1024
	// maxConnections bounds the connections that wait. Each holds two
	// descriptors; a host that is this far behind is better served by peers
	// that see a closed connection than by running out of descriptors.
	maxConnections = 512
)

// outbox holds what is still to be written to the host, in order. Putting
// never blocks: an accept loop that waited for the host would lose connections
// (tsnet drops one that nobody accepts within a second), and so would the
// watch on the IPN bus.
type outbox struct {
	mu          sync.Mutex
	wake        *sync.Cond
	queue       []*message
	latest      map[string]*message // waiting messages that a newer one replaces
	logs        int
	connections int
	dropped     uint64 // log lines since the last one that got through
	closed      bool
}

type message struct {
	value any
	key   string // replaced while it waits by a newer message of the same key
	// undelivered runs if the host is gone before the message was written.
	undelivered func()
	counter     *int
}

func newOutbox() *outbox {
	o := &outbox{latest: map[string]*message{}}
	o.wake = sync.NewCond(&o.mu)
	return o
}

// put queues a message that must arrive.
func (o *outbox) put(value any) { o.add(&message{value: value}) }

// putLatest queues a message of which only the newest matters. It comes after
// everything that was put before it: what was put after the one it replaces must
// not seem newer.
func (o *outbox) putLatest(key string, value any) {
	o.add(&message{value: value, key: key})
}

// putLog queues a log line, or counts it if too many wait already.
func (o *outbox) putLog(level, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.logs >= maxLogs {
		o.dropped++
		return
	}
	o.addLocked(&message{
		value:   logEvent{Event: "log", Level: level, Message: text, Dropped: o.dropped},
		counter: &o.logs,
	})
	o.dropped = 0
}

// putConnection queues a connection; undelivered frees it if the host is gone.
func (o *outbox) putConnection(value connectionEvent, undelivered func()) {
	o.add(&message{value: value, undelivered: undelivered, counter: &o.connections})
}

// full reports whether another connection should be refused.
func (o *outbox) full() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.connections >= maxConnections
}

func (o *outbox) add(m *message) {
	o.mu.Lock()
	closed := o.closed
	if !closed {
		o.addLocked(m)
	}
	o.mu.Unlock()
	if closed && m.undelivered != nil {
		m.undelivered()
	}
}

func (o *outbox) addLocked(m *message) {
	if m.key != "" {
		if waiting := o.latest[m.key]; waiting != nil {
			o.queue = slices.DeleteFunc(o.queue, func(other *message) bool { return other == waiting })
		}
		o.latest[m.key] = m
	}
	if m.counter != nil {
		*m.counter++
	}
	o.queue = append(o.queue, m)
	o.wake.Signal()
}

// next waits for a message; nil means closed and empty.
func (o *outbox) next() *message {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) == 0 {
		if o.closed {
			return nil
		}
		o.wake.Wait()
	}
	m := o.queue[0]
	o.queue[0] = nil
	o.queue = o.queue[1:]
	if m.counter != nil {
		*m.counter--
	}
	if m.key != "" {
		delete(o.latest, m.key)
	}
	return m
}

// close lets write finish with what is queued and refuses more.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.wake.Broadcast()
}

// write writes messages until the outbox is closed and empty. Once the host is
// gone it keeps taking them, to free what they hold.
func (o *outbox) write(w io.Writer) {
	gone := false
	for {
		m := o.next()
		if m == nil {
			return
		}
		if !gone {
			if _, err := w.Write(encode(m.value)); err == nil {
				continue
			}
			gone = true
			o.close()
		}
		if m.undelivered != nil {
			m.undelivered()
		}
	}
}

// encode makes a line of a message. What cannot be encoded still answers: a
// request whose reply is lost would wait for ever.
func encode(value any) []byte {
	line, err := json.Marshal(value)
	if err != nil {
		if r, ok := value.(reply); ok {
			value = reply{ID: r.ID, Error: faultf(kindInternal, "encoding the result: %v", err)}
		} else {
			value = errorEvent{Event: "error", Message: "encoding an event: " + err.Error()}
		}
		line, _ = json.Marshal(value)
	}
	return append(line, '\n')
}

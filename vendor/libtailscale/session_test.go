package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// host is the other side of the control descriptor.
type host struct {
	t      testing.TB
	conn   *net.UnixConn
	lines  chan map[string]any
	events []map[string]any // read while waiting for something else
	nextID uint64
}

// startHost starts a node and returns its host.
func startHost(t testing.TB, cfg map[string]any) *host {
	t.Helper()
	eventually(t, "the node before has ended", func() bool { return !running.Load() })
	h, code := tryStart(t, cfg)
	if code != startOK {
		t.Fatalf("start: %d", code)
	}
	t.Cleanup(func() {
		h.conn.Close()
		eventually(t, "the node ends", func() bool { return !running.Load() })
	})
	return h
}

func tryStart(t testing.TB, cfg any) (*host, int) {
	t.Helper()
	text, ok := cfg.([]byte)
	if !ok {
		text, _ = json.Marshal(cfg)
	}
	theirs, ours, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := adoptSocket(theirs)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, conn: conn, lines: make(chan map[string]any, 4096)}
	code := start(text, ours)
	go func() {
		defer close(h.lines)
		lines := bufio.NewScanner(conn)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var m map[string]any
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				panic("not JSON: " + lines.Text())
			}
			h.lines <- m
		}
	}()
	return h, code
}

func (h *host) send(line string) {
	h.t.Helper()
	if _, err := h.conn.Write([]byte(line + "\n")); err != nil {
		h.t.Fatal(err)
	}
}

// until returns the first line, old or new, that is wanted.
func (h *host) until(what string, wanted func(map[string]any) bool) map[string]any {
	h.t.Helper()
	for i, m := range h.events {
		if wanted(m) {
			h.events = append(h.events[:i:i], h.events[i+1:]...)
			return m
		}
	}
	timeout := time.After(30 * time.Second)
	for {
		select {
		case m, ok := <-h.lines:
			if !ok {
				h.t.Fatalf("the node hung up before %s; it said %v", what, h.events)
			}
			if wanted(m) {
				return m
			}
			h.events = append(h.events, m)
		case <-timeout:
			h.t.Fatalf("never: %s; the node said %v", what, h.events)
		}
	}
}

func (h *host) event(name string) map[string]any {
	h.t.Helper()
	return h.until("event "+name, func(m map[string]any) bool { return m["event"] == name })
}

// ask sends a request and returns its reply's result, or its fault.
func (h *host) ask(op string, params map[string]any) (map[string]any, map[string]any) {
	h.t.Helper()
	id := h.begin(op, params)
	return h.reply(id)
}

func (h *host) begin(op string, params map[string]any) uint64 {
	h.t.Helper()
	h.nextID++
	request := map[string]any{"id": h.nextID, "op": op}
	for k, v := range params {
		request[k] = v
	}
	line, _ := json.Marshal(request)
	h.send(string(line))
	return h.nextID
}

func (h *host) reply(id uint64) (result, fault map[string]any) {
	h.t.Helper()
	m := h.until(fmt.Sprintf("reply %d", id), func(m map[string]any) bool { return m["id"] == float64(id) })
	result, _ = m["result"].(map[string]any)
	fault, _ = m["error"].(map[string]any)
	if (result == nil) == (fault == nil) {
		h.t.Fatalf("a reply has a result or an error: %v", m)
	}
	return result, fault
}

func (h *host) must(op string, params map[string]any) map[string]any {
	h.t.Helper()
	result, fault := h.ask(op, params)
	if fault != nil {
		h.t.Fatalf("%s: %v", op, fault)
	}
	return result
}

func (h *host) fails(kind, op string, params map[string]any) map[string]any {
	h.t.Helper()
	result, fault := h.ask(op, params)
	if fault["kind"] != kind {
		h.t.Fatalf("%s %v: want a fault of kind %s, got %v %v", op, params, kind, result, fault)
	}
	if fault["message"] == "" {
		h.t.Errorf("%s: a fault without words", op)
	}
	return fault
}

func TestWhatIsNotARequest(t *testing.T) {
	h := startHost(t, map[string]any{"dir": t.TempDir()})
	for _, line := range []string{`{`, `[]`, `"up"`, `{"id":-1,"op":"status"}`} {
		h.send(line)
		if m := h.event("error"); !strings.Contains(m["message"].(string), "not a request") {
			t.Errorf("%s: %v", line, m)
		}
	}
	h.send("")
	h.send("   ")
	for _, c := range []struct{ line, kind string }{
		{`{"id":7,"op":"fly"}`, "bad_request"},
		{`{"id":7,"op":"status","colour":"red"}`, "bad_request"},
		{`{"id":7,"op":"listen","port":70000}`, "bad_request"},
		{`{"id":7,"op":"whois","address":3}`, "bad_request"},
		{`{"id":7,"op":"whois","address":"somebody"}`, "bad_request"},
		{`{"id":7,"op":"query_feature","feature":"teleport"}`, "bad_request"},
		{`{"id":7}`, "bad_request"},
		{`{"id":7,"op":3}`, "bad_request"},
	} {
		h.send(c.line)
		if _, fault := h.reply(7); fault["kind"] != c.kind {
			t.Errorf("%s: %v", c.line, fault)
		}
	}
}

func TestNothingButUpAndCloseBeforeUp(t *testing.T) {
	h := startHost(t, map[string]any{"dir": t.TempDir()})
	for op, params := range map[string]map[string]any{
		"status":             nil,
		"whois":              {"address": "100.64.0.1"},
		"certificate":        {"domain": "a.example"},
		"listen":             {"listener": 1, "kind": "tailnet", "port": 443},
		"query_feature":      {"feature": "funnel"},
		"disconnect_control": nil,
	} {
		h.fails("bad_request", op, params)
	}
	h.fails("not_found", "unlisten", map[string]any{"listener": 1})
}

func TestCloseCanBeAskedTwice(t *testing.T) {
	h := startHost(t, map[string]any{"dir": t.TempDir()})
	h.must("close", nil)
	h.must("close", nil)
	h.fails("cancelled", "up", nil)
	h.fails("cancelled", "status", nil)
}

func TestAHostThatHangsUpClosesTheNode(t *testing.T) {
	h := startHost(t, map[string]any{"dir": t.TempDir()})
	h.conn.CloseWrite()
	for range h.lines { // ends when the node has closed its side
	}
	eventually(t, "another node may start", func() bool { return !running.Load() })
}

func TestRequestsBeforeTheHostHangsUpAreAnswered(t *testing.T) {
	h := startHost(t, map[string]any{"dir": t.TempDir()})
	first, second := h.begin("status", nil), h.begin("close", nil)
	h.conn.CloseWrite()
	h.reply(first)
	h.reply(second)
}

func TestARequestHasABoundedLength(t *testing.T) {
	h := startHost(t, map[string]any{"dir": t.TempDir()})
	go h.conn.Write([]byte(`{"id":1,"op":"` + strings.Repeat("x", maxLine)))
	if m := h.event("error"); !strings.Contains(m["message"].(string), "longer") {
		t.Fatal(m)
	}
}

func TestABadConfigIsExplainedAndTheDescriptorClosed(t *testing.T) {
	eventually(t, "no node runs", func() bool { return !running.Load() })
	for text, words := range map[string]string{
		`{`:                         "EOF",
		`{}`:                        "dir",
		`{"dir":"d","authkey":"k"}`: "authkey",
		`{"dir":"d"}{}`:             "more than one",
		`{"dir":"d","auth_key":"a","client_secret":"b"}`: "not both",
		`{"dir":"d","client_secret":"tskey-client-x"}`:   "tags",
		`{"dir":"d","auth_key":"tskey-client-x"}`:        "tags",
		`{"dir":"d","control_url":"example.com"}`:        "control_url",
		`{"dir":"d","resolver":"localhost"}`:             "resolver",
	} {
		h, code := tryStart(t, []byte(text))
		if code != startBadConfig {
			t.Errorf("%s: %d", text, code)
		}
		if m := h.event("error"); !strings.Contains(m["message"].(string), words) {
			t.Errorf("%s: %v", text, m)
		}
		if _, open := <-h.lines; open {
			t.Errorf("%s: more than one line", text)
		}
		h.conn.Close()
	}
	if running.Load() {
		t.Fatal("a bad config took the place")
	}
}

func TestOneNodeAtATime(t *testing.T) {
	startHost(t, map[string]any{"dir": t.TempDir()})
	h, code := tryStart(t, map[string]any{"dir": t.TempDir()})
	if code != startAlreadyRunning {
		t.Fatal(code)
	}
	h.event("error")
	h.conn.Close()
}

func TestTheControlDescriptorIsTakenInAnyCase(t *testing.T) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	if code := start([]byte(`{"dir":"d"}`), p[1]); code != startBadDescriptor {
		t.Fatal(code)
	}
	if _, err := unix.Write(p[1], []byte("x")); !errors.Is(err, unix.EBADF) {
		t.Fatal("it is still open")
	}
}

func TestGosOwnLogBecomesEvents(t *testing.T) {
	h := startHost(t, map[string]any{"dir": t.TempDir()})
	log.Printf("hello from a library\n")
	m := h.until("the line", func(m map[string]any) bool { return m["event"] == "log" })
	if m["level"] != "info" || m["message"] != "hello from a library" {
		t.Fatal(m)
	}
}

func TestLeftOverCredentialsAreNotTsnets(t *testing.T) {
	t.Setenv("TS_AUTHKEY", "tskey-auth-old")
	t.Setenv("TS_CLIENT_SECRET", "tskey-client-old")
	startHost(t, map[string]any{"dir": t.TempDir()})
	for _, name := range tsnetCredentials {
		if _, ok := os.LookupEnv(name); ok {
			t.Errorf("%s is still set", name)
		}
	}
}

func TestTheCredentialThatTsnetGets(t *testing.T) {
	for _, c := range []struct {
		cfg  config
		want string
	}{
		{config{}, ""},
		{config{AuthKey: "tskey-auth-a"}, "tskey-auth-a"},
		{config{ClientSecret: "tskey-client-a"}, "tskey-client-a?ephemeral=false&preauthorized=true"},
		{config{ClientSecret: "tskey-client-a", Ephemeral: true}, "tskey-client-a?ephemeral=true&preauthorized=true"},
		{config{AuthKey: "tskey-client-a"}, "tskey-client-a?ephemeral=false&preauthorized=true"},
		{config{ClientSecret: "tskey-client-a?preauthorized=false"}, "tskey-client-a?preauthorized=false"},
	} {
		if got := c.cfg.credential(); got != c.want {
			t.Errorf("%+v: %q", c.cfg, got)
		}
	}
}

func TestWhatCountsAsEnrolled(t *testing.T) {
	state := func(prefs string) string {
		text, _ := json.Marshal(map[string][]byte{"_current-profile": []byte("profile-1"), "profile-1": []byte(prefs)})
		return string(text)
	}
	key := "privkey:" + strings.Repeat("a1", 32)
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"no file":         {"", false},
		"not JSON":        {"?", false},
		"no profile":      {"{}", false},
		"no key":          {state(`{"Config":{}}`), false},
		"an empty key":    {state(`{"Config":{"PrivateNodeKey":"privkey:` + strings.Repeat("0", 64) + `"}}`), false},
		"a key":           {state(`{"Config":{"PrivateNodeKey":"` + key + `"}}`), true},
		"logged out":      {state(`{"LoggedOut":true,"Config":{"PrivateNodeKey":"` + key + `"}}`), false},
		"a null config":   {state(`{"Config":null}`), false},
		"profile missing": {`{"_current-profile":"cHJvZmlsZS0x"}`, false},
	} {
		dir := t.TempDir()
		if c.text != "" {
			os.WriteFile(filepath.Join(dir, "tailscaled.state"), []byte(c.text), 0o600)
		}
		if got := enrolled(dir); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// slowHost takes one message and then nothing until it is told to.
type slowHost struct {
	resume chan struct{}
	lines  []string
	fail   error
}

func (s *slowHost) Write(p []byte) (int, error) {
	<-s.resume
	if s.fail != nil {
		return 0, s.fail
	}
	s.lines = append(s.lines, string(p))
	return len(p), nil
}

func TestASlowHostLosesLogLinesAndNothingElse(t *testing.T) {
	o := newOutbox()
	s := &slowHost{resume: make(chan struct{})}
	written := make(chan struct{})
	go func() { o.write(s); close(written) }()
	for i := range 5 * maxLogs {
		o.putLog("debug", fmt.Sprint("line ", i))
		if i%maxLogs == 0 {
			o.put(reply{ID: uint64(i), Result: nothing{}})
			o.putConnection(connectionEvent{Event: "connection", FD: i}, func() { t.Error("a connection was freed") })
			o.putLatest("health", healthEvent{"health", []warning{{Code: fmt.Sprint(i)}}})
		}
	}
	if o.full() {
		t.Error("five connections are not too many")
	}
	close(s.resume)
	eventually(t, "the queue is written", func() bool { o.mu.Lock(); defer o.mu.Unlock(); return len(o.queue) == 0 })
	o.putLog("info", "the last")
	o.close()
	<-written

	counts := map[string]int{}
	for _, line := range s.lines {
		for _, what := range []string{`"log"`, `"id"`, `"connection"`, `"health"`} {
			if strings.Contains(line, what) {
				counts[what]++
			}
		}
	}
	if counts[`"id"`] != 5 || counts[`"connection"`] != 5 {
		t.Errorf("lost something: %v", counts)
	}
	if counts[`"health"`] != 1 {
		t.Errorf("old health was not replaced: %v", counts)
	}
	if n := counts[`"log"`]; n < maxLogs || n > maxLogs+2 {
		t.Errorf("%d log lines", n)
	}
	dropped := 0
	for _, line := range s.lines {
		var l logEvent
		json.Unmarshal([]byte(line), &l)
		dropped += int(l.Dropped)
	}
	if want := 5*maxLogs + 1 - counts[`"log"`]; dropped != want {
		t.Errorf("%d lines are said to be dropped of %d", dropped, want)
	}
}

func TestANewerMessageComesAfterWhatWasPutBeforeIt(t *testing.T) {
	o := newOutbox()
	o.putLatest("self", "old self")
	o.put("state")
	o.putLatest("health", "health")
	o.putLatest("self", "new self")
	o.close()
	var got []any
	for m := o.next(); m != nil; m = o.next() {
		got = append(got, m.value)
	}
	if want := []any{"state", "health", "new self"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestRefusedConnectionsAreLoggedNowAndThen(t *testing.T) {
	var r refusals
	now := time.Now()
	logged := 0
	for i := range 1000 {
		if _, ok := r.tell(now.Add(time.Duration(i) * time.Millisecond)); ok {
			logged++
		}
	}
	if kept, ok := r.tell(now.Add(refusalsEvery)); logged != 1 || !ok || kept != 999 {
		t.Errorf("%d lines, then %d, %v", logged, kept, ok)
	}
}

func TestConnectionsOfAHostThatIsGoneAreFreed(t *testing.T) {
	o := newOutbox()
	s := &slowHost{resume: make(chan struct{}), fail: io.ErrClosedPipe}
	written := make(chan struct{})
	go func() { o.write(s); close(written) }()
	freed := 0
	for range maxConnections + 1 {
		o.putConnection(connectionEvent{}, func() { freed++ })
	}
	if !o.full() {
		t.Error("not full")
	}
	close(s.resume)
	<-written
	o.putConnection(connectionEvent{}, func() { freed++ })
	if freed != maxConnections+2 {
		t.Errorf("%d freed", freed)
	}
}

func TestWhatCannotBeEncodedIsStillAnswered(t *testing.T) {
	line := string(encode(reply{ID: 9, Result: make(chan int)}))
	if !strings.Contains(line, `"id":9`) || !strings.Contains(line, `"internal"`) {
		t.Fatal(line)
	}
}

func TestGosMemoryHasALimit(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	startHost(t, map[string]any{"dir": t.TempDir()})
	if limit := debug.SetMemoryLimit(-1); limit != memoryLimit {
		t.Errorf("the limit is %d, not %d", limit, memoryLimit)
	}
}

func TestACloseThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(config{}, newOutbox())
		n.phase, n.joined = phaseJoining, make(chan struct{})
		began := time.Now()
		if err := n.close(); err == nil || time.Since(began) != closeLimit {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(n.joined)
	})
}

package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"tailscale.com/client/local"
	"tailscale.com/health"
	"tailscale.com/ipn"
	"tailscale.com/tsnet"
	"tailscale.com/wgengine/filter"
)

// pollInterval is how soon the host learns what no notification tells.
const pollInterval = 500 * time.Millisecond

// busBits subscribes to the node's state and health, and to peers coming, going
// and changing, so that the host can drop what it remembers of WhoIs. Patches
// (a peer's endpoints, its being online) do not change such an answer; asking
// for them keeps them from arriving as whole nodes.
const busBits = ipn.NotifyInitialState | ipn.NotifyInitialHealthState | ipn.NotifyPeerChanges | ipn.NotifyPeerPatches

// watch turns the node's own news into events, and tells a join in progress how
// it stands.
type watch struct {
	n      *node
	server *tsnet.Server
	local  *local.Client
	// quiet keeps a login URL from the host until the node has run: the
	// credential is still to be tried.
	quiet bool

	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}

	// again is how far a node is that has to log in while it runs. Only follow
	// touches it.
	again login

	// telling is held from reading the node's record until it is queued, so that
	// the host never gets an older record, or an older state, after a newer one.
	telling sync.Mutex

	running    chan struct{} // closed when the node first runs
	refused    chan *fault   // control said no; holds the first
	needsLogin chan string   // the login URL; holds the first
}

type login int

const (
	loggedIn login = iota
	withCredential
	withPerson
)

func newWatch(n *node, server *tsnet.Server, lc *local.Client, quiet bool) *watch {
	w := &watch{
		n: n, server: server, local: lc, quiet: quiet,
		done:       make(chan struct{}),
		running:    make(chan struct{}),
		refused:    make(chan *fault, 1),
		needsLogin: make(chan string, 1),
	}
	w.ctx, w.cancel = context.WithCancel(n.ctx)
	return w
}

// stop ends the watch and waits for it.
func (w *watch) stop() {
	w.cancel()
	<-w.done
}

func (w *watch) run() {
	defer close(w.done)
	polled := make(chan struct{})
	go func() {
		defer close(polled)
		w.poll()
	}()
	for w.ctx.Err() == nil {
		w.follow()
		// The bus cuts off a watcher that falls behind. Start again; the
		// first notification brings the state, and changed the rest.
		select {
		case <-time.After(100 * time.Millisecond):
		case <-w.ctx.Done():
		}
	}
	<-polled
}

// follow reads the bus until it ends.
func (w *watch) follow() {
	bus, err := w.local.WatchIPNBus(w.ctx, busBits)
	if err != nil {
		return
	}
	defer bus.Close()
	for first := true; ; first = false {
		notify, err := bus.Next()
		if err != nil {
			return
		}
		if first && w.isRunning() {
			w.changed() // whatever was missed between two watches
		}
		w.handle(&notify)
	}
}

func (w *watch) handle(notify *ipn.Notify) {
	if notify.ErrMessage != nil {
		w.failed(*notify.ErrMessage)
	}
	if notify.State != nil {
		w.telling.Lock()
		w.n.out.put(stateEvent{"state", notify.State.String()})
		w.telling.Unlock()
		switch {
		case *notify.State == ipn.Running:
			if !w.isRunning() {
				close(w.running)
			}
			w.again = loggedIn
			// Also when it runs again, after an extended key or a restored
			// approval: often no other notification follows.
			w.changed()
		case *notify.State == ipn.NeedsLogin && w.isRunning() && w.again == loggedIn:
			w.logInAgain(w.n.cfg.AuthKey)
		}
	}
	if notify.BrowseToURL != nil && *notify.BrowseToURL != "" {
		if !w.quiet || w.isRunning() {
			w.n.out.put(loginURLEvent{"login_url", *notify.BrowseToURL})
		}
		select {
		case w.needsLogin <- *notify.BrowseToURL:
		default:
		}
	}
	if notify.Health != nil {
		w.n.out.putLatest("health", healthEvent{"health", warnings(notify.Health)})
	}
	if w.isRunning() && (notify.SelfChange != nil || len(notify.PeersChanged) > 0 ||
		len(notify.PeersRemoved) > 0 || len(notify.UserProfiles) > 0) {
		w.changed()
	}
}

// failed sorts what control, or the node itself, reports as an error. Control's
// refusal of a registration comes this way, in its own words.
func (w *watch) failed(message string) {
	if strings.HasPrefix(message, "IPN bus consumer fell behind") {
		return // follow starts again
	}
	w.n.out.put(errorEvent{"error", message})
	if strings.HasPrefix(message, "node registration rate limited") {
		return // tsnet tries again by itself
	}
	if w.again == withCredential {
		w.logInAgain("")
	}
	f := faultf(kindAuth, "%s", message)
	if strings.HasPrefix(message, "tailnet requires logging") {
		f.Kind = kindInternal
	}
	select {
	case w.refused <- f:
	default:
	}
}

func (w *watch) isRunning() bool {
	select {
	case <-w.running:
		return true
	default:
		return false
	}
}

// changed tells the host how the node is now, and that peers or their grants
// may be different too.
func (w *watch) changed() {
	w.telling.Lock()
	defer w.telling.Unlock()
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	st, err := readStatus(ctx, w.n, w.server, w.local)
	if err != nil {
		return // closing
	}
	w.n.out.putLatest("self", selfEvent{"self", st})
}

// logInAgain is for a node whose key has expired: tsnet asks for a login only
// when it starts. The auth key is tried first, also one that this server was
// not started with because its state was enough. Without one, and when control
// refuses it, the URL comes as a notification. Control is listened to meanwhile,
// so a key that an administrator extends is good again.
func (w *watch) logInAgain(authKey string) {
	w.again = withPerson
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	var err error
	if authKey != "" {
		w.n.out.putLog("info", "the node's key has expired; joining again with the auth key")
		w.again = withCredential
		err = w.local.Start(ctx, ipn.Options{AuthKey: authKey})
	} else {
		if w.n.cfg.AuthKey != "" {
			w.n.out.putLog("info", "the auth key does not let the node in again; somebody has to")
			err = w.local.Start(ctx, ipn.Options{}) // forgets the key
		}
		if err == nil {
			err = w.local.StartLoginInteractive(ctx)
		}
	}
	if err != nil && w.ctx.Err() == nil {
		w.n.out.putLog("error", "logging in again: "+err.Error())
	}
}

// poll looks for two changes that the bus is silent about. The map poll with
// control ending is a health warning only after eight minutes. And since 1.102
// control can replace the packet filter, which holds the grants, without a
// notification; its identity is one pointer to compare.
func (w *watch) poll() {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var (
		lastFilter *filter.Filter
		lastOnline bool
	)
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
		}
		if !w.isRunning() {
			continue
		}
		rules, online := w.server.Sys().Engine.Get().GetFilter(), isOnline(w.server)
		if rules != lastFilter || online != lastOnline {
			lastFilter, lastOnline = rules, online
			w.changed()
		}
	}
}

// isOnline reports whether control is reachable right now: the long poll that
// brings network maps is open. Control drops a node as a Funnel target the
// moment it ends.
func isOnline(server *tsnet.Server) bool {
	return server.Sys().HealthTracker.Get().GetInPollNetMap()
}

func warnings(state *health.State) []warning {
	list := make([]warning, 0, len(state.Warnings))
	for code, w := range state.Warnings {
		list = append(list, warning{Code: string(code), Severity: string(w.Severity), Title: w.Title, Text: w.Text})
	}
	sortWarnings(list)
	return list
}

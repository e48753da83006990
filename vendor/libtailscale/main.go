// Package main is a C archive that makes its host process a node of a tailnet.
//
// It stands over tailscale.com/tsnet and exports one function, [start] (see
// export.go for its C name and return codes). Everything after that is lines of
// JSON on the control descriptor that start was given:
//
//	host -> node   {"id":1,"op":"whois","address":"100.64.0.7:51234"}
//	node -> host   {"id":1,"result":{...}}
//	               {"id":1,"error":{"kind":"not_found","message":"..."}}
//	               {"event":"state","state":"Running"}
//
// An accepted connection reaches the host as an event with the number of a
// descriptor in this same process: one end of a socket pair, whose other end
// two goroutines here pump to and from the tailnet. The host owns that
// descriptor from the moment it reads the line.
//
// README.md has the table of operations, events and error kinds. The files, in
// the order a connection meets them:
//
//	export.go    the C function
//	session.go   one host on one control descriptor: start, read requests, end
//	config.go    what start is told
//	protocol.go  requests, replies, faults
//	outbox.go    what waits to be written to the host
//	log.go       every log line of every library becomes an event
//	operation.go the table of operations, each with its bound in time
//	node.go      the tsnet server: up and close
//	join.go      how a node joins: state first, then credential, then a person
//	enrolled.go  does the state directory hold a node already
//	watch.go     the node's own news: state, login URL, health, changes
//	status.go    the node as the host sees it
//	whois.go, certificate.go, feature.go   questions about peers and features
//	ratelimit.go a certificate authority that asks for patience
//	listen.go    listeners and the facts of each connection
//	pump.go      the handover of one connection
//	settle.go    the last bytes of connections, before the end
//	socket.go    socket pairs, per platform
package main

func main() {}

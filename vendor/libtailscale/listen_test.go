package main

import (
	"net"
	"net/netip"
	"testing"

	"tailscale.com/ipn"
)

type from struct {
	net.Conn
	address netip.AddrPort
}

func (f from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(f.address) }

func TestAddressesAreSuchThatTheHostCanReadThem(t *testing.T) {
	for given, want := range map[string]string{
		"203.0.113.7:4711":          "203.0.113.7:4711",
		"[::ffff:203.0.113.7]:4711": "203.0.113.7:4711",
		"[fe80::1%eth0]:4711":       "[fe80::1]:4711",
		"[2001:db8::1]:4711":        "[2001:db8::1]:4711",
	} {
		address := netip.MustParseAddrPort(given)
		_, f, err := identify(&ipn.FunnelConn{Conn: from{nil, address}, Src: address})
		if err != nil || f.Source != want || f.Remote != want {
			t.Errorf("%s: %+v, %v", given, f, err)
		}
	}
}

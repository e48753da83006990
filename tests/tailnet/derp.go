package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"

	"tailscale.com/derp/derpserver"
	"tailscale.com/net/stunserver"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/types/logger"
)

// startDERP runs a DERP and a STUN server and returns the map that names them.
func startDERP(ctx context.Context, logf logger.Logf) (*tailcfg.DERPMap, error) {
	derp := derpserver.New(key.NewNode(), logf)
	web := httptest.NewUnstartedServer(derpserver.Handler(derp))
	web.Config.ErrorLog = logger.StdLogger(logf)
	// DERP takes over the connection, which HTTP/2 does not allow.
	web.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	web.StartTLS()
	context.AfterFunc(ctx, func() { web.CloseClientConnections(); web.Listener.Close(); derp.Close() })

	stun := stunserver.New(ctx)
	if err := stun.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	go stun.Serve()

	node := &tailcfg.DERPNode{
		Name:     "loopback",
		RegionID: 1,
		HostName: "127.0.0.1",
		IPv4:     "127.0.0.1",
		IPv6:     "none",
		STUNPort: stun.LocalAddr().(*net.UDPAddr).Port,
		DERPPort: web.Listener.Addr().(*net.TCPAddr).Port,
		// The certificate is httptest's, which no node knows.
		InsecureForTests: true,
		STUNTestIP:       "127.0.0.1",
	}
	return &tailcfg.DERPMap{
		OmitDefaultRegions: true,
		Regions: map[int]*tailcfg.DERPRegion{
			1: {RegionID: 1, RegionCode: "lo", RegionName: "Loopback", Nodes: []*tailcfg.DERPNode{node}},
		},
	}, nil
}

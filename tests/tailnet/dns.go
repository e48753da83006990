package main

import (
	"context"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// txtServer is the DNS server of the tailnet. It knows the TXT records that nodes
// asked control to publish and says NXDOMAIN to every other question.
type txtServer struct {
	addr string // UDP and TCP

	mu        sync.Mutex
	records   map[string][]string // canonical name to values
	published []record
}

// record is one name that a node asked to have published.
type record struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func startDNS(ctx context.Context) (*txtServer, error) {
	// TCP first: its port is the scarcer one, and UDP then takes the same number.
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		tcp.Close()
		return nil, err
	}
	s := &txtServer{addr: tcp.Addr().String(), records: map[string][]string{}}
	go (&dns.Server{Listener: tcp, Handler: s}).ActivateAndServe()
	go (&dns.Server{PacketConn: udp, Handler: s}).ActivateAndServe()
	context.AfterFunc(ctx, func() { tcp.Close(); udp.Close() })
	return s, nil
}

// publish notes what a node asked for and answers questions with answer, which
// differs from the value when the validation is to fail.
func (s *txtServer) publish(r record, answer string) {
	name := dns.CanonicalName(r.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[name] = append(s.records[name], answer)
	s.published = append(s.published, r)
}

// all lists what was published, oldest first.
func (s *txtServer) all() []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]record{}, s.published...)
}

// ServeDNS answers one query.
func (s *txtServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative = true
	m.Rcode = dns.RcodeNameError
	if len(q.Question) == 1 {
		s.mu.Lock()
		values, known := s.records[dns.CanonicalName(q.Question[0].Name)]
		s.mu.Unlock()
		if known {
			m.Rcode = dns.RcodeSuccess
		}
		if q.Question[0].Qtype == dns.TypeTXT {
			for _, v := range values {
				m.Answer = append(m.Answer, &dns.TXT{
					Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET},
					Txt: []string{v},
				})
			}
		}
	}
	_ = w.WriteMsg(m)
}

// resolver asks this server, whatever address it is told to dial.
func (s *txtServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, strings.TrimRight(network, "46"), s.addr)
	}}
}

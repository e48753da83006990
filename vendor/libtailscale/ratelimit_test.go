package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tailscale.com/tempfork/acme"
)

func TestRateLimitOfTheAuthorityIsToldAtOnce(t *testing.T) {
	for _, body := range []struct{ kind, text, detail string }{
		{problemType, `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates"}`, "too many certificates"},
		{"text/html", "<h1>Slow down</h1>", "429 Too Many Requests"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", body.kind)
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
			io.WriteString(w, body.text)
		}))
		defer server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := (&acme.Client{DirectoryURL: server.URL}).Discover(ctx)
		after, limited := acme.RateLimit(err)
		if problem, ok := err.(*acme.Error); !ok || !limited || after != time.Hour || problem.Detail != body.detail || ctx.Err() != nil {
			t.Errorf("%s: %v, limited %v, after %v", body.kind, err, limited, after)
		}
		// Whoever else asks sees what is there.
		res, err := http.Get(server.URL)
		if err != nil || res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%v %v", res, err)
		}
	}
}

package main

import (
	"io"
	"net/http"
	"strings"
)

// acmeTransport shows a rate limit of the certificate authority at once.
//
// Tailscale's ACME client waits out a 429 for as long as its context lasts, and
// what it then tells is that the time was up. It takes the same problem with the
// status 403 for final and passes it on, with its Retry-After.
type acmeTransport struct{ http.RoundTripper }

// acmeAgent is how the ACME client calls itself, among other things.
const acmeAgent = "golang.org/x/crypto/acme"

// problemType is of every body that the ACME client understands.
const problemType = "application/problem+json"

// bareProblem stands in for the body of a 429 that comes from what is in front
// of the authority.
const bareProblem = `{"type":"urn:ietf:params:acme:error:rateLimited","detail":"429 Too Many Requests"}`

// The ACME client that tsnet makes uses the default client, and nothing in a
// node that matters here does so besides.
func init() { http.DefaultClient.Transport = acmeTransport{http.DefaultTransport} }

func (t acmeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusTooManyRequests || !strings.Contains(r.UserAgent(), acmeAgent) {
		return res, err
	}
	res.StatusCode = http.StatusForbidden
	if !strings.HasPrefix(res.Header.Get("Content-Type"), problemType) {
		res.Body.Close()
		res.Body = io.NopCloser(strings.NewReader(bareProblem))
	}
	return res, nil
}

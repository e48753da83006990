package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tailscale.com/client/local"
)

type certificateParams struct {
	envelope
	Domain string `json:"domain"`
	// MinValidity, in seconds, is what must be left of the certificate's life;
	// 0 means any.
	MinValidity uint32 `json:"min_validity"`
}

// certificateResult is both parts in PEM. The key was made on this machine and
// is only read from the state directory.
type certificateResult struct {
	Chain string `json:"chain"`
	Key   string `json:"key"`
}

// certificate returns the certificate for one of the node's own domains, issued
// now if there is none. Asking again is how it gets renewed: tsnet renews on
// such a call, in the background, and has no other occasion. One that ends too
// soon for MinValidity is renewed before the answer, which then tells a failure.
func (n *node) certificate(ctx context.Context, p certificateParams) (certificateResult, error) {
	_, lc, err := n.started()
	if err != nil {
		return certificateResult{}, err
	}
	st, err := runningStatus(ctx, lc)
	if err != nil {
		return certificateResult{}, err
	}
	if err := checkHTTPS(st); err != nil {
		return certificateResult{}, err
	}
	if !slices.Contains(st.CertDomains, p.Domain) {
		return certificateResult{}, faultf(kindBadRequest, "%q is not one of this node's certificate domains %q", p.Domain, st.CertDomains)
	}
	chain, key, err := lc.CertPairWithValidity(ctx, p.Domain, time.Duration(p.MinValidity)*time.Second)
	if err != nil {
		return certificateResult{}, certificateFault(ctx, err)
	}
	return certificateResult{Chain: string(chain), Key: string(key)}, nil
}

func certificateFault(ctx context.Context, err error) error {
	if after, ok := local.RateLimitRetryAfter(err); ok {
		f := faultf(kindRateLimited, "%v", err)
		f.RetryAfter = seconds(after)
		return f
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("not issued in time: %w", err)
	}
	return faultf(kindCertificate, "%v", err)
}

package main

import (
	"context"
	"errors"

	"tailscale.com/client/local"
	"tailscale.com/ipn"
	"tailscale.com/ipn/ipnstate"
	"tailscale.com/tailcfg"
)

type queryFeatureParams struct {
	envelope
	Feature string `json:"feature"` // "funnel" or "serve"
}

// queryFeatureResult is control's advice on how to switch a feature on.
type queryFeatureResult struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// queryFeature asks control. Ask only when the feature is missing: not every
// control server knows the question.
func (n *node) queryFeature(ctx context.Context, p queryFeatureParams) (queryFeatureResult, error) {
	if p.Feature != "funnel" && p.Feature != "serve" {
		return queryFeatureResult{}, faultf(kindBadRequest, "unknown feature %q", p.Feature)
	}
	_, lc, err := n.started()
	if err != nil {
		return queryFeatureResult{}, err
	}
	if _, err := runningStatus(ctx, lc); err != nil {
		return queryFeatureResult{}, err
	}
	r, err := lc.QueryFeature(ctx, p.Feature)
	if err != nil {
		return queryFeatureResult{}, err
	}
	return queryFeatureResult{Text: r.Text, URL: r.URL}, nil
}

// runningStatus is for what tsnet would wait for without end, or fail at
// without a reason, while the node does not run.
func runningStatus(ctx context.Context, lc *local.Client) (*ipnstate.Status, error) {
	st, err := lc.StatusWithoutPeers(ctx)
	switch {
	case err != nil:
		return nil, err
	case st.BackendState == ipn.Running.String():
		return st, nil
	case st.BackendState == ipn.NeedsLogin.String():
		return nil, &fault{Kind: kindLoginRequired, Message: "the node has to log in", URL: st.AuthURL}
	}
	return nil, faultf(kindInternal, "the node is not running but %s", st.BackendState)
}

// The checks below are tsnet's own, made before it is asked, so that each has
// its kind and tsnet's words.

func checkHTTPS(st *ipnstate.Status) error {
	if st.CurrentTailnet == nil || !st.CurrentTailnet.MagicDNSEnabled {
		return faultf(kindHTTPSUnavailable, "you must enable MagicDNS in the DNS page of the admin panel to proceed. See https://tailscale.com/s/https")
	}
	if len(st.CertDomains) == 0 {
		return faultf(kindHTTPSUnavailable, "you must enable HTTPS in the admin panel to proceed. See https://tailscale.com/s/https")
	}
	return nil
}

func checkFunnel(st *ipnstate.Status, port uint16) error {
	if st.Self == nil {
		return errors.New("the node has no record of itself")
	}
	if err := ipn.CheckFunnelAccess(port, st.Self); err != nil {
		k := kindPortUnavailable
		switch {
		case !st.Self.HasCap(tailcfg.CapabilityHTTPS):
			k = kindHTTPSUnavailable
		case !st.Self.HasCap(tailcfg.NodeAttrFunnel):
			k = kindFunnelUnavailable
		}
		return faultf(k, "%v", err)
	}
	if len(st.CertDomains) == 0 {
		return faultf(kindHTTPSUnavailable, "Funnel not available; HTTPS must be enabled. See https://tailscale.com/s/https")
	}
	return nil
}

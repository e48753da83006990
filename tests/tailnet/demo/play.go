package main

import (
	"fmt"
	"strings"
	"time"
)

// play calls from every side, and fails where the answer is not the one that is told.
func play(s *stage) error {
	note := fmt.Sprintf("Swifts over the wall this evening, counted from a phone at %s.", time.Now().Format("15:04:05"))
	public := caller{s, s.public, s.url(s.secret + "/mcp")}
	owner := caller{s, s.owner, s.url("mcp")}

	scene("From the public internet, through Funnel, with the path secret in the URL (as Claude.ai or ChatGPT would)")
	if err := public.tool("search", `{"query":"eclipse tree"}`, "an eclipse you need only a tree"); err != nil {
		return err
	}
	arguments := fmt.Sprintf(`{"dailyNotePage":"today","markdown":%q}`, note)
	if err := public.tool("create_block", arguments, "uids"); err != nil {
		return err
	}

	scene("From the owner's laptop inside the tailnet: no password, known by the connection")
	if err := owner.tool("search", `{"query":"swifts wall phone"}`, note); err != nil {
		return err
	}
	if err := owner.tool("create_block", `{"pageTitle":"Swifts","markdown":"Seen again, from the laptop."}`, "uids"); err != nil {
		return err
	}

	scene("From another user's laptop inside the same tailnet")
	other := caller{s, s.other, s.url("mcp")}
	if err := other.refused(403, "alice@example.com"); err != nil {
		return err
	}

	scene("From the public internet without a secret, and with a wrong one")
	if err := (caller{s, s.public, s.url("mcp")}).refused(401, "Bearer"); err != nil {
		return err
	}
	return caller{s, s.public, s.url(strings.Repeat("0", 32) + "/mcp")}.refused(404, "Not found")
}

func scene(title string) {
	fmt.Printf("\n%s\n", title)
}

// tool calls a tool, expects a part of its answer, and prints what the answer says.
func (c caller) tool(name, arguments, expected string) error {
	status, body, err := c.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, arguments))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	result := parse(body)
	if status != 200 || !strings.Contains(result.text(), expected) {
		return fmt.Errorf("%s: expected %q, got %d %s", name, expected, status, body)
	}
	fmt.Printf("  %-13s %s\n%17s %s\n", name, arguments, "->", result.summary())
	return nil
}

// refused calls and expects to be turned away, with a reason.
func (c caller) refused(expected int, reason string) error {
	status, body, err := c.post(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	switch {
	case err != nil:
		return err
	case status != expected || !strings.Contains(body, reason):
		return fmt.Errorf("expected a refusal with %d and %q, got %d %s", expected, reason, status, body)
	}
	fmt.Printf("  refused       %d %s\n", status, parse(body).Error.Message)
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// answer is what the demo reads of a JSON-RPC answer.
type answer struct {
	Result struct {
		Content []struct{ Text string }
	}
	Error struct{ Message string }
}

// found is what it reads of a tool's result.
type found struct {
	Total   int
	Results []struct {
		Markdown string
		Path     []string
	}
	UIDs []string
}

// tag matches the annotation that carries a block's uid.
var tag = regexp.MustCompile(` ?<roam [^>]*/>`)

func parse(body string) (a answer) {
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		a.Error.Message = body
	}
	return a
}

func (a answer) text() string {
	var text strings.Builder
	for _, content := range a.Result.Content {
		text.WriteString(content.Text)
	}
	return text.String()
}

// summary says in a line what came back.
func (a answer) summary() string {
	var f found
	if json.Unmarshal([]byte(a.text()), &f) != nil {
		return a.text()
	}
	if len(f.Results) > 0 {
		first := f.Results[0]
		return fmt.Sprintf("%d found; on [[%s]]: %s", f.Total, strings.Join(first.Path, " > "), tag.ReplaceAllString(first.Markdown, ""))
	}
	return "new block " + strings.Join(f.UIDs, ", ")
}

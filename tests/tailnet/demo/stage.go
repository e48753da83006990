package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startLimit is far more than a start takes, and less than anyone would wait.
const startLimit = 60 * time.Second

type programs struct{ tailnet, roamMCP, graph string }

// stage is the tailnet, the node on it, and the addresses from which callers reach it.
type stage struct {
	programs             programs
	dir, state           string
	tailnet, node        *exec.Cmd
	tailnetIn            io.Closer
	admin                string
	name, roots          string
	card, secret         string
	public, owner, other string
}

// announcement is the line that the offline tailnet prints when it is ready.
type announcement struct {
	Control  string            `json:"control"`
	AuthKey  string            `json:"auth_key"`
	Roots    string            `json:"roots"`
	Resolver string            `json:"resolver"`
	Public   string            `json:"public"`
	Admin    string            `json:"admin"`
	Domain   string            `json:"domain"`
	Env      map[string]string `json:"env"`
}

func setUp(programs programs) (_ *stage, err error) {
	s := &stage{programs: programs}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.tearDown())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "roam-mcp-demo-"); err != nil {
		return s, err
	}
	s.state = filepath.Join(s.dir, "state")
	tailnet, err := s.startTailnet()
	if err != nil {
		return s, fmt.Errorf("starting the tailnet: %w", err)
	}
	s.admin, s.public, s.roots, s.name = tailnet.Admin, tailnet.Public, tailnet.Roots, "roam."+tailnet.Domain
	if err := s.startNode(tailnet); err != nil {
		return s, fmt.Errorf("starting roam-mcp: %w", err)
	}
	if s.secret, err = s.pathSecret(); err != nil {
		return s, err
	}
	if s.owner, err = s.laptop("owner-laptop", "operator@example.com"); err != nil {
		return s, err
	}
	s.other, err = s.laptop("alice-laptop", "alice@example.com")
	return s, err
}

func (s *stage) startTailnet() (a announcement, err error) {
	s.tailnet = exec.Command(s.programs.tailnet, "-dir", filepath.Join(s.dir, "tailnet"))
	s.tailnet.Stderr = os.Stderr
	out, err := s.tailnet.StdoutPipe()
	if err != nil {
		return a, err
	}
	// It ends with its standard input, so it cannot outlive this program.
	if s.tailnetIn, err = s.tailnet.StdinPipe(); err != nil {
		return a, err
	}
	if err := s.tailnet.Start(); err != nil {
		return a, err
	}
	return a, json.NewDecoder(out).Decode(&a)
}

// startNode runs `roam-mcp up` until it has printed its card.
func (s *stage) startNode(tailnet announcement) error {
	log, err := os.Create(filepath.Join(s.dir, "roam-mcp.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.node = exec.Command(s.programs.roamMCP, "up", "--hostname", "roam", "--graph", s.programs.graph,
		"--state-dir", s.state, "--control-url", tailnet.Control)
	s.node.Env = append(os.Environ(), "HOME="+s.dir, "TS_AUTHKEY="+tailnet.AuthKey, "ROAM_MCP_TAILNET_RESOLVER="+tailnet.Resolver)
	for name, value := range tailnet.Env {
		s.node.Env = append(s.node.Env, name+"="+value)
	}
	s.node.Stderr = log
	out, err := s.node.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.node.Start(); err != nil {
		return err
	}
	card := make(chan string, 1)
	go readCard(out, card)
	select {
	case s.card = <-card:
	case <-time.After(startLimit):
	}
	if !strings.Contains(s.card, "Claude Code") {
		return fmt.Errorf("it did not come up:\n%s\n%s", s.card, s.log())
	}
	return nil
}

// readCard sends what was printed up to the end of the card, and goes on reading so that the node can go on writing.
func readCard(out io.Reader, card chan<- string) {
	var text strings.Builder
	var once sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(&text, lines.Text())
		if strings.Contains(lines.Text(), "Claude Code") {
			once.Do(func() { card <- text.String() })
		}
	}
	once.Do(func() { card <- text.String() })
}

func (s *stage) pathSecret() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, ".roam-tools.json"))
	if err != nil {
		return "", err
	}
	var file struct {
		HTTP struct {
			PathSecret string `json:"pathSecret"`
		} `json:"http"`
	}
	return file.HTTP.PathSecret, errors.Join(json.Unmarshal(text, &file), nil)
}

// laptop puts a user's device into the tailnet, and gives an address that leads from it to the node.
func (s *stage) laptop(host, login string) (string, error) {
	if err := s.ask("/peers", map[string]string{"host": host, "login": login}, nil); err != nil {
		return "", err
	}
	var forward struct{ Address string }
	err := s.ask("/forward", map[string]string{"peer": host, "target": s.name + ":443"}, &forward)
	return forward.Address, err
}

// ask steers the offline tailnet.
func (s *stage) ask(path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	response, err := http.Post(s.admin+path, "application/json", strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || answer == nil {
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", path, text)
		}
		return err
	}
	return json.Unmarshal(text, answer)
}

func (s *stage) url(path string) string { return "https://" + s.name + "/" + path }

func (s *stage) log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "roam-mcp.log"))
	return string(text)
}

// tearDown ends everything that was started, and says so if the node does not end well.
func (s *stage) tearDown() (err error) {
	if s.node != nil && s.node.Process != nil {
		s.node.Process.Signal(syscall.SIGTERM)
		if ended := s.node.Wait(); ended != nil {
			err = fmt.Errorf("roam-mcp ended badly: %w", ended)
		}
	}
	if s.tailnetIn != nil {
		s.tailnetIn.Close()
		s.tailnet.Wait()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

package schedule

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"howett.net/plist"
)

// agent is what launchd reads of a property list (launchd.plist(5)).
type agent struct {
	Label                 string
	ProgramArguments      []string
	WorkingDirectory      string
	EnvironmentVariables  map[string]string
	StartCalendarInterval struct{ Hour, Minute int }
	StandardOutPath       string
	StandardErrorPath     string
	ProcessType           string
	ExitTimeOut           int
}

// TestLaunchd reads the agent as launchd does, and runs what it would run.
func TestLaunchd(t *testing.T) {
	for name, j := range map[string]Job{"plain": plainJob(), "hostile": hostileJob()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j.Program = filepath.Join(dir, "nebula & <b>")
			// It prints its arguments, one a line, and fails as a night does.
			program := "#!/bin/sh\nfor a; do printf '<%s>\\n' \"$a\"; done\ntest \"$1\" = prune || exit 3\n"
			if err := os.WriteFile(j.Program, []byte(program), 0o755); err != nil {
				t.Fatal(err)
			}
			text, err := j.Launchd()
			if err != nil {
				t.Fatal(err)
			}
			if third := strings.SplitAfterN(text, "\n", 4)[2]; third != j.AgentMarker() {
				t.Errorf("the third line is %q, want the marker", third)
			}
			valid(t, text)
			var a agent
			if format, err := plist.Unmarshal([]byte(text), &a); err != nil || format != plist.XMLFormat {
				t.Fatalf("format %d, %v", format, err)
			}
			env := map[string]string{}
			for _, e := range j.Env {
				name, value, _ := strings.Cut(e, "=")
				env[name] = value
			}
			want := agent{
				Label: "nebula." + j.Name, ProgramArguments: append([]string{"/bin/sh", "-c"}, a.ProgramArguments[2]),
				WorkingDirectory: j.Dir, EnvironmentVariables: env, StandardOutPath: j.Log, StandardErrorPath: j.Log,
				ProcessType: "Interactive", ExitTimeOut: 600,
			}
			want.StartCalendarInterval.Hour, want.StartCalendarInterval.Minute = 2, 30
			if d := cmp.Diff(want, a); d != "" {
				t.Error(d)
			}
			out, err := exec.Command(a.ProgramArguments[0], a.ProgramArguments[1:]...).Output()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 3 {
				t.Errorf("the night's exit code is lost: %v", err)
			}
			said := "<" + strings.Join(append(append([]string{}, j.Run...), j.Prune...), ">\n<") + ">\n"
			if d := cmp.Diff(said, string(out)); d != "" {
				t.Error(d)
			}
		})
	}
	t.Run("stopped", stopped)
	j := plainJob()
	j.Calendar = "daily"
	if _, err := j.Launchd(); err == nil {
		t.Error("launchd is given a calendar of systemd's")
	}
}

// stopped stops a night as launchd does: its run ends in its own time.
func stopped(t *testing.T) {
	j := plainJob()
	dir := t.TempDir()
	j.Program = filepath.Join(dir, "nebula")
	program := `#!/bin/sh
test "$1" = prune && { echo pruned; exit 0; }
trap 'sleep 0.3; echo ended; exit 130' TERM
echo begun
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.2; done
`
	if err := os.WriteFile(j.Program, []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := j.Launchd()
	if err != nil {
		t.Fatal(err)
	}
	var a agent
	if _, err := plist.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(a.ProgramArguments[0], a.ProgramArguments[1:]...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("begun\n"))
	if _, err := io.ReadFull(out, first); err != nil {
		t.Fatal(err)
	}
	c.Process.Signal(syscall.SIGTERM)
	rest, _ := io.ReadAll(out)
	c.Wait()
	if got := string(first) + string(rest); got != "begun\nended\npruned\n" || c.ProcessState.ExitCode() != 130 {
		t.Errorf("%q, exit code %d", got, c.ProcessState.ExitCode())
	}
}

// valid holds a property list against Apple's DTD, as far as it is used: a
// dict has pairs of a key and a value, and texts stand in keys and values only.
func valid(t *testing.T, text string) {
	t.Helper()
	allowed := map[string]string{
		"plist": "dict", "dict": "key string integer array dict", "array": "string", "key": "", "string": "", "integer": "", "": "plist",
	}
	type element struct {
		name string
		n    int
	}
	stack := []element{{}}
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		top := &stack[len(stack)-1]
		switch e := token.(type) {
		case xml.StartElement:
			if !strings.Contains(" "+allowed[top.name]+" ", " "+e.Name.Local+" ") {
				t.Errorf("<%s> in <%s>", e.Name.Local, top.name)
			}
			if isKey := e.Name.Local == "key"; top.name == "dict" && isKey != (top.n%2 == 0) {
				t.Errorf("<%s> is number %d of a dict", e.Name.Local, top.n)
			}
			top.n++
			stack = append(stack, element{name: e.Name.Local})
		case xml.EndElement:
			if top.name == "dict" && top.n%2 != 0 {
				t.Error("a key without a value")
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if inText := top.name == "key" || top.name == "string" || top.name == "integer"; !inText && strings.TrimSpace(string(e)) != "" {
				t.Errorf("%q in <%s>", e, top.name)
			}
		}
	}
}

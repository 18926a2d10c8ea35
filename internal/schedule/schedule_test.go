package schedule

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/nebula-bench/nebula/internal/testenv"
)

var update = flag.Bool("update", false, "write the golden files anew")

func plainJob() Job {
	return Job{
		Name: "coldstart", File: "/home/ada/experiments/coldstart.hcl", Program: "/usr/local/bin/nebula",
		Dir: "/home/ada", Env: []string{"NEBULA_OUT=/home/ada/reports", "PATH=/usr/local/go/bin:/usr/bin:/bin"},
		Run:   []string{"run", "--baseline", "latest", "/home/ada/experiments/coldstart.hcl"},
		Prune: []string{"prune", "--keep", "90d"},
		At:    Clock{2, 30}, Log: "/home/ada/.local/state/nebula/coldstart.log",
	}
}

// hostile is what a path or an argument may hold.
var hostile = []string{
	`a b`, `%h%%`, `$HOME ${HOME} $$`, `"double" 'single'`, `back\slash \n \x41`, `;`, `a;b`, `#no comment`, "`id`", `$(id)`,
	`é 漢`, `-`, ``, ` `, `*?[`, `~`, `&|<>`, `!`, `{{ .X }} ${{ env.X }}`, `a: b`, `@`, `+x`, `=`, `x=`, `\`,
}

// hostileJob has all of it as arguments, and what a path may hold in paths.
func hostileJob() Job {
	j := plainJob()
	j.Name = "a-b_c.d"
	j.Dir = `/home/we ird %h $x é 'q' "Q" \n`
	j.File, j.Log = j.Dir+"/x.hcl", j.Dir+"/log %h"
	j.Env = append(j.Env, `DOCKER_HOST=unix:///we ird/%h $x "q" 'q' \n`)
	j.Run = append([]string{"run"}, hostile...)
	return j
}

func workflow(j Job) (string, error) {
	return j.Workflow("experiments/we ird.hcl", j.Run, []string{"--keep", "90d"})
}

func TestGolden(t *testing.T) {
	for name, j := range map[string]Job{"plain": plainJob(), "hostile": hostileJob()} {
		for format, text := range map[string]func() (string, error){
			"service": j.Service, "timer": j.Timer, "cron": j.Cron, "plist": j.Launchd, "yml": func() (string, error) { return workflow(j) },
		} {
			got, err := text()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			file := filepath.Join("testdata", name+"."+format)
			if *update {
				os.MkdirAll("testdata", 0o755)
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("%s has changed (go test -update accepts it):\n%s", file, d)
			}
		}
	}
}

// TestVerify has systemd read the units. It looks whether the program is
// there and can be run, so what stands in its path has been understood.
func TestVerify(t *testing.T) {
	testenv.Need(t, "systemd-analyze")
	for name, j := range map[string]Job{"plain": plainJob(), "hostile": hostileJob()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			bin := filepath.Join(dir, "we ird %h $x ${y} é;#")
			if err := os.Mkdir(bin, 0o755); err != nil {
				t.Fatal(err)
			}
			j.Program = filepath.Join(bin, "nebula")
			if out, err := verify(t, dir, j); err == nil {
				t.Errorf("systemd does not miss a program that is not there:\n%s", out)
			}
			if err := os.WriteFile(j.Program, []byte("#!/bin/sh\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, calendar := range []string{"", "Mon..Fri *-*-* 03:00:00"} {
				j.Calendar = calendar
				if out, err := verify(t, dir, j); err != nil || out != "" {
					t.Errorf("%v: %s", err, out)
				}
			}
			j.Calendar = "every night"
			if out, err := verify(t, dir, j); err == nil && out == "" {
				t.Error("systemd finds nothing wrong with a wrong calendar")
			}
		})
	}
}

func verify(t *testing.T, dir string, j Job) (string, error) {
	t.Helper()
	args := []string{"verify", "--user", "--man=no"}
	for kind, text := range map[string]func() (string, error){"service": j.Service, "timer": j.Timer} {
		unit, err := text()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, j.Unit()+"."+kind)
		if err := os.WriteFile(file, []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	c := exec.Command("systemd-analyze", args...)
	c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "HOME="+dir, "XDG_CONFIG_HOME="+dir)
	out, err := c.CombinedOutput()
	return string(out), err
}

// TestCron reads the line as cron does, and has sh run the command with a
// program that says what it was given.
func TestCron(t *testing.T) {
	for name, j := range map[string]Job{"plain": plainJob(), "hostile": hostileJob()} {
		for _, code := range []string{"0", "3"} {
			dir := t.TempDir()
			j.Dir = filepath.Join(dir, filepath.Base(j.Dir))
			j.Program = filepath.Join(j.Dir, "nebula")
			j.Log = filepath.Join(dir, "state", "log %h 'q'")
			j.Env = []string{"PATH=" + os.Getenv("PATH"), "CODE=" + code, `ODD=%h $x "q" 'q' \n`}
			if err := os.MkdirAll(j.Dir, 0o755); err != nil {
				t.Fatal(err)
			}
			script := "#!/bin/sh\n[ \"$1\" = run ] || CODE=0\nfor a; do printf '<%s>\\n' \"$a\"; done\nprintf '%s\\n' \"$ODD\"\npwd\nexit $CODE\n"
			if err := os.WriteFile(j.Program, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			line, err := j.Cron()
			if err != nil {
				t.Fatal(err)
			}
			m := regexp.MustCompile(`^(\d+) (\d+) \* \* \* (.*)\n$`).FindStringSubmatch(line)
			if m == nil || m[1] != "30" || m[2] != "2" {
				t.Fatalf("%s: not five fields and a command: %q", name, line)
			}
			if regexp.MustCompile(`(^|[^\\])%`).MatchString(m[3]) {
				t.Errorf("%s: cron would make a line break of a percent sign: %q", name, m[3])
			}
			command := strings.ReplaceAll(m[3], `\%`, "%") // as cron does
			if out, err := exec.Command("sh", "-n", "-c", command).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", name, err, out)
			}
			c := exec.Command("sh", "-c", command)
			c.Env = []string{"HOME=" + dir, "PATH=/usr/bin:/bin", "r=7", "p=7"}
			out, err := c.CombinedOutput()
			if got := c.ProcessState.ExitCode(); got != map[string]int{"0": 0, "3": 3}[code] || len(out) > 0 {
				t.Errorf("%s: the night's exit code is %d (%v), the run's %s; printed %q", name, got, err, code, out)
			}
			log, err := os.ReadFile(j.Log)
			if err != nil {
				t.Fatal(err)
			}
			where := `%h $x "q" 'q' \n` + "\n" + j.Dir + "\n"
			want := "<" + strings.Join(j.Run, ">\n<") + ">\n" + where + "<" + strings.Join(j.Prune, ">\n<") + ">\n" + where
			if d := cmp.Diff(want, string(log)); d != "" {
				t.Errorf("%s: the program was given something else:\n%s", name, d)
			}
		}
	}
	// A night whose log can't be written fails.
	j := plainJob()
	j.Log, j.Dir = "/dev/null/log", t.TempDir()
	line, err := j.Cron()
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("sh", "-c", strings.SplitN(line, " ", 6)[5]).Run(); err == nil {
		t.Error("a night without its log did not fail")
	}
	j.Run = append(j.Run, strings.Repeat("x", 1000))
	if _, err := j.Cron(); err == nil || !strings.Contains(err.Error(), "998 bytes") {
		t.Errorf("a command too long for cron: %v", err)
	}
}

// TestWorkflow reads the workflow as YAML, undoes what Actions does, and has
// sh say what the commands are given.
func TestWorkflow(t *testing.T) {
	for name, j := range map[string]Job{"plain": plainJob(), "hostile": hostileJob()} {
		text, err := workflow(j)
		if err != nil {
			t.Fatal(err)
		}
		var w struct {
			Name string
			On   struct {
				Schedule []struct{ Cron string }
			}
			Concurrency struct{ Group string }
			Jobs        map[string]struct {
				RunsOn string `yaml:"runs-on"`
				Steps  []struct{ Uses, Run, If string }
			}
		}
		if err := yaml.Unmarshal([]byte(text), &w); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		night := w.Jobs["night"]
		if w.Name != "nebula "+j.Name || len(w.On.Schedule) != 1 || w.On.Schedule[0].Cron != "30 2 * * *" ||
			w.Concurrency.Group == "" || night.RunsOn != "self-hosted" || len(night.Steps) != 4 {
			t.Fatalf("%s: %+v", name, w)
		}
		run := night.Steps[1].Run
		left := strings.ReplaceAll(run, "${{ '${{' }}", "")
		if strings.Contains(left, "${{") {
			t.Errorf("%s: Actions would replace an expression in %s", name, run)
		}
		run = strings.ReplaceAll(run, "${{ '${{' }}", "${{")
		c := exec.Command("sh", "-c", "nebula() { for a; do printf '<%s>\\n' \"$a\"; done; }\n"+run)
		c.Env = []string{"HOME=/home/a b", "PATH=/usr/bin:/bin"}
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		want := "<run>\n<--out>\n</home/a b/nebula-reports>\n<" + strings.Join(j.Run, ">\n<") + ">\n<experiments/we ird.hcl>\n"
		if d := cmp.Diff(want, string(out)); d != "" {
			t.Errorf("%s: nebula would be given something else:\n%s", name, d)
		}
		for _, s := range night.Steps[2:] {
			if s.If != "always()" {
				t.Errorf("%s: %q does not always run", name, s.Run)
			}
		}
	}
}

// TestUnitNames: what an experiment's name may hold, systemd takes in a
// unit's, and another experiment's units have other names.
func TestUnitNames(t *testing.T) {
	testenv.Need(t, "systemd-analyze")
	for _, name := range []string{"a", "a-b", "a.b", "a_b", "A9", "x.service", "x.timer", strings.Repeat("n", 64), "9..-_"} {
		j := plainJob()
		j.Name, j.Program = name, "/bin/true"
		if out, err := verify(t, t.TempDir(), j); err != nil || out != "" {
			t.Errorf("%s: %v: %s", j.Unit(), err, out)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*Job){
		"a line break in a path":     func(j *Job) { j.File = "/a\nb" },
		"a line break in a flag":     func(j *Job) { j.Run = append(j.Run, "a\nExecStart=/bin/false") },
		"a line break in a variable": func(j *Job) { j.Env = []string{"PATH=a\r"} },
		"a line break in a calendar": func(j *Job) { j.Calendar = "daily\n[Service]" },
		"what is no text":            func(j *Job) { j.Prune = []string{"\xff"} },
		"a relative program":         func(j *Job) { j.Program = "nebula" },
		"a relative folder":          func(j *Job) { j.Dir = "" },
		"an empty calendar":          func(j *Job) { j.Calendar = " " },
	} {
		j := plainJob()
		change(&j)
		for format, text := range map[string]func() (string, error){
			"service": j.Service, "timer": j.Timer, "cron": j.Cron, "workflow": func() (string, error) { return workflow(j) },
		} {
			if got, err := text(); err == nil {
				t.Errorf("%s: the %s was written:\n%s", name, format, got)
			}
		}
	}
	j := plainJob()
	j.Program = `/a"b/nebula`
	if _, err := j.Service(); err == nil {
		t.Error("systemd does not start a program from such a path")
	}
	for s, want := range map[string]string{"2:30": "02:30", "23:59": "23:59", "00:00": "00:00", "24:00": "", "2:60": "", "2": "", "": "", "02:30:00": "", "2pm": ""} {
		c, err := ParseClock(s)
		if err == nil && c.String() != want || err != nil && want != "" {
			t.Errorf("ParseClock(%q) = %v, %v", s, c, err)
		}
	}
}

package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// folder writes files into a folder of the test's.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestBuildKitIsSeen: what the engine's own builder does not know is found in
// the file.
func TestBuildKitIsSeen(t *testing.T) {
	for name, tt := range map[string]struct {
		dockerfile string
		says       string // "" for nothing
	}{
		"plain":               {"FROM scratch\nCOPY --chown=1:1 a /\nCOPY --from=x /a /\nCMD [\"/a\"]\n", ""},
		"flags of a program":  {"FROM a\nRUN tool \\\n  --mount=x\nENTRYPOINT [\"/a\", \"--link\"]\n", ""},
		"a shift":             {"FROM a\nRUN echo $((1 << 3)) 1<<3\n", ""},
		"a comment":           {"FROM a\n# RUN --mount=type=cache x\n# syntax=a\n", ""},
		"lower case":          {"from a\nrun true\n", ""},
		"continued":           {"FROM a\nRUN true && \\\n# a comment\n\n  false\nCMD x\n", ""},
		"another escape":      {"# escape=`\nFROM a\nRUN a `\n  b\nCMD x\n", ""},
		"Windows's line ends": {"FROM a\r\nRUN a \\\r\n  b\r\nCMD x\r\n", ""},
		"a byte order mark":   {"\ufeffFROM a\n", ""},
		"syntax":              {"# syntax=docker/dockerfile:1\nFROM a\n", "line 1: # syntax= needs BuildKit"},
		"syntax, later":       {"# escape=\\\n#Syntax = x\nFROM a\n", "line 2: # syntax="},
		"a mount":             {"FROM a\nRUN --mount=type=cache,target=/x true\n", "line 2: RUN --mount needs"},
		"a mount, continued":  {"FROM a\nRUN \\\n  --mount=type=cache,target=/x true\n", "line 2: RUN --mount needs"},
		"no network":          {"FROM a\nRUN --network=none true\n", "RUN --network"},
		"modes":               {"FROM a\nCOPY --chmod=755 a /\n", "COPY --chmod"},
		"links":               {"FROM a\nADD --link a /\n", "ADD --link"},
		"parents":             {"FROM a\nCOPY --parents a /\n", "COPY --parents"},
		"a checksum":          {"FROM a\nADD --checksum=sha256:0 http://a /\n", "ADD --checksum"},
		"start-interval":      {"FROM a\nHEALTHCHECK --start-interval=1s CMD x\n", "HEALTHCHECK --start-interval"},
		"here-document":       {"FROM a\nRUN <<EOF\ntrue\nEOF\n", "line 2: a here-document"},
		"quoted":              {"FROM a\nRUN cat <<-'EOF' > x\nEOF\n", "line 2: a here-document"},
		"copied":              {"FROM a\nCOPY <<file /x\nfile\n", "line 2: a here-document"},
		"platform":            {"FROM --platform=$BUILDPLATFORM a\n", "$BUILDPLATFORM needs"},
		"platform with one":   {"ARG BUILDPLATFORM=linux/amd64\nFROM --platform=${BUILDPLATFORM} a\n", ""},
		"architecture":        {"FROM a\nARG TARGETARCH\n", "ARG TARGETARCH without a value needs"},
		"an escaped escape":   {"FROM a\nRUN echo \\\\\nRUN --mount=x true\n", "line 3: RUN --mount needs"},
		"no instruction":      {"FROM a\n\nRUNN true\n", `line 3: there is no instruction "RUNN"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{"Dockerfile": tt.dockerfile})
			err := CheckFunction(experiment.Function{Name: "f", Source: "f", Path: dir})
			if tt.says == "" && err != nil {
				t.Error(err)
			}
			if tt.says != "" && (err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "Dockerfile")+", line ") || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("no %q in: %v", tt.says, err)
			}
			if strings.Contains(tt.says, "needs") && !strings.Contains(err.Error(), "docker build -t NAME "+dir) {
				t.Errorf("it does not say what to do: %v", err)
			}
		})
	}
}

// TestBuildArgsAreValues: an argument that BuildKit would set may be given.
func TestBuildArgsAreValues(t *testing.T) {
	dir := folder(t, map[string]string{"Dockerfile": "FROM a\nARG TARGETARCH\n"})
	if err := CheckFunction(experiment.Function{Name: "f", Source: "f", Path: dir, BuildArgs: map[string]string{"TARGETARCH": "arm64"}}); err != nil {
		t.Error(err)
	}
}

// TestImagesOfADockerfile: each must be there, for nothing is pulled.
func TestImagesOfADockerfile(t *testing.T) {
	d, err := readDockerfile(folder(t, map[string]string{"Dockerfile": `
ARG TAG=12
ARG NAME="debian:${TAG}"
ARG GIVEN=x
FROM $NAME AS Builder
ARG TAG=13
FROM --platform=linux/amd64 ${GIVEN}${NONE:-/y}:$TAG
COPY --from=builder /a /a
COPY --from=0 /a /a
COPY --from=tools:1 /a /a
FROM scratch
FROM builder
FROM con\
tinued:1\
  AS last
FROM last
`}))
	if err != nil {
		t.Fatal(err)
	}
	if got := d.images(map[string]string{"GIVEN": "alpine"}); !slices.Equal(got, []string{"debian:12", "alpine/y:12", "tools:1", "continued:1"}) {
		t.Errorf("it needs %q", got)
	}
}

// TestContext: what is sent is what docker build would send.
func TestContext(t *testing.T) {
	dir := folder(t, map[string]string{
		"Dockerfile": "FROM scratch\nCOPY . /\n", "secret": "s", "keep/secret": "s", "kept": "k", "program": "p",
		"logs/a.log": "a", "logs/keep.log": "b", "logs/deep/c.log": "c", "ünïcode/ä b": "x",
	})
	os.Chmod(filepath.Join(dir, "program"), 0o755)
	os.Chmod(filepath.Join(dir, "kept"), 0o640)
	os.Mkdir(filepath.Join(dir, "empty"), 0o700)
	os.Symlink("program", filepath.Join(dir, "link"))
	os.Symlink("../../outside", filepath.Join(dir, "keep/away"))
	os.Symlink("nothing", filepath.Join(dir, "dangling"))
	sent := func(t *testing.T) map[string]string {
		t.Helper()
		c, err := openContext(dir)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := c.write(&b, []byte("FROM x\n")); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for r := tar.NewReader(&b); ; {
			h, err := r.Next()
			if err == io.EOF {
				return got
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
				t.Errorf("%s belongs to %d:%d %s", h.Name, h.Uid, h.Gid, h.Uname)
			}
			body, _ := io.ReadAll(r)
			got[h.Name] = h.FileInfo().Mode().String() + " " + h.Linkname + string(body)
		}
	}
	want := func(t *testing.T, has, lacks []string) {
		t.Helper()
		got := sent(t)
		for _, name := range has {
			if _, ok := got[name]; !ok {
				t.Errorf("%s is not sent", name)
			}
		}
		for _, name := range lacks {
			if _, ok := got[name]; ok {
				t.Errorf("%s is sent", name)
			}
		}
	}
	t.Run("everything", func(t *testing.T) {
		got := sent(t)
		for name, what := range map[string]string{
			"program": "-rwxr-xr-x p", "kept": "-rw-r----- k", "empty/": "drwx------ ", "link": "Lrwxrwxrwx program", "keep/away": "Lrwxrwxrwx ../../outside",
			"dangling": "Lrwxrwxrwx nothing", "ünïcode/ä b": "-rw-r--r-- x", ".nebula.Dockerfile": "-rw-r--r-- FROM x\n", ".dockerignore": "-rw-r--r-- .dockerignore\n.nebula.Dockerfile\n",
		} {
			if got[name] != what {
				t.Errorf("%s is sent as %q, want %q", name, got[name], what)
			}
		}
	})
	t.Run("ignored", func(t *testing.T) {
		os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("# a comment\n**/secret\nlogs\n!logs/keep.log\nDockerfile\n"), 0o644)
		want(t, []string{"kept", "keep/away", "logs/keep.log", ".dockerignore", ".nebula.Dockerfile"}, []string{"secret", "keep/secret", "logs/a.log", "logs/deep/c.log", "Dockerfile"})
		if got := sent(t)[".dockerignore"]; !strings.HasSuffix(got, "\nDockerfile\n\n.nebula.Dockerfile\n") {
			t.Errorf("the builder's .dockerignore is %q", got)
		}
	})
	t.Run("all but some", func(t *testing.T) {
		os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("*\n!kept\n!**/*.log\n"), 0o644)
		want(t, []string{"kept", "logs/a.log", "logs/deep/c.log", ".nebula.Dockerfile"}, []string{"secret", "program", "keep/secret", "Dockerfile"})
	})
	t.Run("of the Dockerfile", func(t *testing.T) {
		os.WriteFile(filepath.Join(dir, "Dockerfile.dockerignore"), []byte("kept\n"), 0o644)
		want(t, []string{"secret", "program"}, []string{"kept"})
		os.Remove(filepath.Join(dir, "Dockerfile.dockerignore"))
	})
}

// TestBuilds: a build gives what docker build gives, and leaves nothing,
// however it ends.
func TestBuilds(t *testing.T) {
	testenv.Need(t, "docker")
	binary := probeProgram(t)
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, tt := range map[string]struct {
		files map[string]string
		fails string
		is    func(*testing.T, backends.Artifact)
	}{
		"stages and arguments": {map[string]string{
			"Dockerfile":    "ARG BASE=nebula-test/none\nFROM scratch AS unused\nCOPY secret /x\nFROM $BASE AS one\nCOPY . /all/\nFROM scratch\nARG DIR\nCOPY --from=one /all $DIR/\nVOLUME /data\nENTRYPOINT [\"/all/probe\"]\n",
			".dockerignore": "secret\n!secret\nhidden\n", "hidden": "h", "secret": "s",
		}, "", func(t *testing.T, a backends.Artifact) {
			if got := answerOf(t, a, "list", "/all"); got != ".dockerignore\nDockerfile\nlink\nprobe\nsecret\n" {
				t.Errorf("the image holds %q", got)
			}
		}},
		"a step that fails":        {map[string]string{"Dockerfile": "FROM scratch AS a\nCOPY probe /\nFROM scratch\nCOPY probe /1\nCOPY missing /2\n"}, "missing", nil},
		"a step's own error":       {map[string]string{"Dockerfile": "FROM scratch AS a\nCOPY probe /\nFROM scratch\nENV \n"}, "parse error line 4", nil},
		"a base that is not there": {map[string]string{"Dockerfile": "FROM nebula-test/no-such-image:1\nCOPY probe /\n"}, "docker pull nebula-test/no-such-image:1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := engineHolds(t, c)
			dir := folder(t, tt.files)
			if err := os.WriteFile(filepath.Join(dir, "probe"), binary, 0o755); err != nil {
				t.Fatal(err)
			}
			os.Symlink("probe", filepath.Join(dir, "link"))
			f := experiment.Function{Name: "F " + `</script>"$(id)`, Source: "f", Path: dir, BuildArgs: map[string]string{"BASE": "scratch", "DIR": "/all"}}
			b, err := (&Options{}).Open(t.Context(), backendtest.Session(t))
			if err != nil {
				t.Fatal(err)
			}
			a, err := b.Prepare(t.Context(), f)
			if tt.fails == "" && err != nil || tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), labelOwner)) {
				t.Errorf("build: %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "Step ") {
				t.Errorf("our own steps are counted: %v", err)
			}
			// What is not there to begin with can be had; all else is in the file.
			if u := (*backends.Unsuitable)(nil); err != nil && errors.As(err, &u) == strings.Contains(tt.fails, "docker pull") {
				t.Errorf("whose fault is it? %v", err)
			}
			if err == nil {
				tt.is(t, a)
				err = a.Close(t.Context())
			} else {
				err = nil
			}
			if err := errors.Join(err, b.Close(t.Context())); err != nil {
				t.Error(err)
			}
			if after := engineHolds(t, c); after != before {
				t.Errorf("the engine held\n%s\nand holds\n%s", before, after)
			}
		})
	}
}

// TestInterruptedBuilds: a builder ends the step that it is at after nobody
// waits for it any more, and what it makes then goes, too.
func TestInterruptedBuilds(t *testing.T) {
	testenv.Need(t, "docker")
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := engineHolds(t, c)
	t.Run("builds", func(t *testing.T) {
		for _, after := range []time.Duration{30, 60, 90, 150, 250} {
			t.Run(after.String(), func(t *testing.T) {
				t.Parallel()
				interruptBuild(t, after*time.Millisecond)
			})
		}
	})
	time.Sleep(time.Second) // for what comes late
	if after := engineHolds(t, c); after != before {
		t.Errorf("the engine held\n%s\nand holds\n%s", before, after)
	}
}

func interruptBuild(t *testing.T, after time.Duration) {
	f := experiment.Function{Name: "f", Path: folder(t, map[string]string{
		"Dockerfile": "FROM scratch AS a\nCOPY x /1\nCOPY x /2\nFROM scratch\nCOPY --from=a /1 /3\nCOPY x /4\n", "x": after.String(),
	})}
	b, err := (&Options{}).Open(t.Context(), backendtest.Session(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	if a, err := b.Prepare(ctx, f); err == nil {
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLastLines: a terminal obeys nothing of what a builder says.
func TestLastLines(t *testing.T) {
	var log strings.Builder
	for range 100 {
		log.WriteString("first\n")
	}
	log.WriteString("\x1b[31mred\x1b[0m\n\n\x1b]0;title\x07 a\rb\u202ec\nStep 2/3 : LABEL " + labelOwner + "=x\nStep 3/3 : last\n")
	got := lastLines([]byte(log.String()))
	if !strings.HasSuffix(got, "\n  first\n  red\n  ab\ufffdc\n  last") || strings.Count(got, "\n") != 20 {
		t.Errorf("%q", got)
	}
}

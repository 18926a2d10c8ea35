package reports

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/regular"
)

// What reports/web holds. dist holds the chart library if npm was run before
// the build, and a README otherwise.
var (
	//go:embed web/dist web/*.tmpl web/run/*.tmpl
	files embed.FS
	//go:embed web/nebula.css
	css string
	//go:embed web/js/*.js
	scripts embed.FS
	// The licences of the library and of what it holds, as npm has them.
	//go:embed web/echarts.LICENSES.txt
	licences []byte
	script   = joined()
)

// joined is the one script of all pages: web/js in one scope, in this order.
// It is the same everywhere, so that the page's policy can name its hash.
// What varies comes as JSON from the page.
func joined() string {
	var b strings.Builder
	fmt.Fprintf(&b, "(function () {\n\"use strict\";\nconst level = %q;\n", level)
	for _, name := range []string{"format", "state", "draw", "fill", "charts", "filters", "main"} {
		text, err := scripts.ReadFile("web/js/" + name + ".js")
		if err != nil {
			panic(err) // the build would have failed
		}
		b.Write(text)
	}
	b.WriteString("})();\n")
	return b.String()
}

// The chart library. The integrity value is that of the file in the npm
// package, which the hosted copy serves unchanged.
const (
	echartsVersion   = "6.1.0"
	echartsIntegrity = "sha384-C2iskrW/uPW46KzOjrvJIQo4YkV8lkD+QS0CrDN18IIPIpT/g2USu8bTP3nvmIAD"
	// echartsPackage is the integrity value, in the lock file, of the npm
	// package that the file is from. The two change together.
	echartsPackage = "sha512-q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA=="
	echartsHosted  = "https://cdn.jsdelivr.net/npm/echarts@" + echartsVersion + "/dist/echarts.min.js"
	echartsFile    = "echarts-" + echartsVersion + ".min.js"
	licencesFile   = "echarts-" + echartsVersion + ".LICENSES.txt"
)

// assets are the library's files by their names in the assets folder: what was
// embedded, or else fetched; none where neither is there. The names carry the
// version, so that pages of old runs keep what they were written for.
func assets() (map[string][]byte, error) {
	b, err := files.ReadFile("web/dist/echarts.min.js")
	switch p := fetched.Load(); {
	case errors.Is(err, fs.ErrNotExist) && p != nil:
		b = *p
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return map[string][]byte{echartsFile: b, licencesFile: licences}, nil
}

const assetsDir = "assets"

// WriteAssets puts the chart library into the output folder. Without it in
// the build there is nothing to do.
func WriteAssets(out string) error {
	as, err := assets()
	if err != nil || len(as) == 0 {
		return err
	}
	dir := filepath.Join(out, assetsDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, b := range as {
		file := filepath.Join(dir, name)
		if old, err := regular.Read(file, int64(len(b))); err == nil && bytes.Equal(old, b) {
			continue
		}
		if err := writeFile(file, b); err != nil {
			return err
		}
	}
	return nil
}

// linkAssets gives a run's folder the library too, so that the folder can be
// moved, zipped and mailed. On one file system all folders share one copy:
// the names are links to it.
func linkAssets(out, dir string) error {
	as, err := assets()
	if err != nil || len(as) == 0 {
		return err
	}
	own := filepath.Join(dir, assetsDir)
	if info, err := os.Lstat(own); err == nil && !info.IsDir() {
		return fmt.Errorf("%s: it is no folder, and the chart library is kept in one", own)
	}
	if err := os.MkdirAll(own, 0o755); err != nil {
		return err
	}
	for name, b := range as {
		from, to := filepath.Join(out, assetsDir, name), filepath.Join(dir, assetsDir, name)
		shared, err := os.Stat(from)
		if own, e := os.Stat(to); e == nil && (err == nil && os.SameFile(own, shared) || own.Size() == int64(len(b))) {
			continue
		}
		os.Remove(to)
		if err == nil && os.Link(from, to) == nil {
			continue
		}
		if err := writeFile(to, b); err != nil {
			return err
		}
	}
	return nil
}

// library says where a page has its chart library from.
type library int

const (
	besidePage library = iota // a file in the page's folder
	inPage                    // in the page itself
	onNetwork                 // the network: the build has none
)

// frame is what every page has around its content.
type frame struct {
	Title   string
	Root    string // relative path to the output folder, with a slash; empty where the page lies there, or alone
	Alone   bool   // there is nothing beside the page
	Hosted  bool   // the chart library comes from the network
	Library template.JS
	Terms   string // the library's licences, where it is in the page
	CSP     string
	Style   template.CSS
	Script  template.JS
}

// Echarts is where the page finds the chart library; empty where the page
// holds it.
func (f frame) Echarts() string {
	switch {
	case f.Hosted:
		return echartsHosted
	case f.Alone:
		return ""
	}
	return assetsDir + "/" + echartsFile
}

// Licences is where the page finds the chart library's licences; empty where
// it does not ship the library, or holds them.
func (f frame) Licences() string {
	if f.Hosted || f.Alone {
		return ""
	}
	return assetsDir + "/" + licencesFile
}

func (frame) Integrity() string { return echartsIntegrity }
func (frame) Version() string   { return echartsVersion }

func newFrame(title, root string, from library) frame {
	f := frame{
		Title: title, Root: root, Hosted: from == onNetwork, Alone: from == inPage,
		Style: template.CSS(css), Script: template.JS(script),
	}
	// Browsers hold no file below file:// against a hash, so the library,
	// which does not come from us, is allowed by its place; what the page
	// carries itself is allowed by its hash, and nothing else may run.
	source := "'self'"
	switch from {
	case onNetwork:
		source = echartsHosted
	case inPage:
		if as, err := assets(); err == nil {
			f.Library, f.Terms = template.JS(as[echartsFile]), string(as[licencesFile])
			source = hash(string(f.Library))
		}
	}
	f.CSP = "default-src 'none'; script-src " + source + " " + hash(script) +
		"; style-src " + hash(css) + "; img-src data:; base-uri 'none'; form-action 'none'"
	return f
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// writeFile writes a file of a page.
func writeFile(name string, b []byte) error {
	return results.WriteInside(name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

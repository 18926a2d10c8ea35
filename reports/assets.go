package reports

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nebula-bench/nebula/experiment/results"
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
	script  = joined()
)

// joined is the one script of all pages: web/js in one scope, in this order.
// It is the same everywhere, so that the page's policy can name its hash.
// What varies comes as JSON from the page.
func joined() string {
	var b strings.Builder
	b.WriteString("(function () {\n\"use strict\";\n")
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
	echartsHosted    = "https://cdn.jsdelivr.net/npm/echarts@" + echartsVersion + "/dist/echarts.min.js"
	echartsFile      = "echarts-" + echartsVersion + ".min.js"
	licencesFile     = "echarts-" + echartsVersion + ".LICENSES.txt"
)

// assets are the embedded files by their names in the assets folder. The
// names carry the version, so that pages of old runs keep what they were
// written for.
func assets() (map[string][]byte, error) {
	out := map[string][]byte{}
	for name, from := range map[string]string{echartsFile: "echarts.min.js", licencesFile: "LICENSES.txt"} {
		b, err := files.ReadFile("web/dist/" + from)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out[name] = b
	}
	return out, nil
}

// WriteAssets puts the chart library into the output folder, where all pages
// share it. Without it in the build there is nothing to do.
func WriteAssets(out string) error {
	as, err := assets()
	if err != nil || len(as) == 0 {
		return err
	}
	dir := filepath.Join(out, "assets")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, b := range as {
		file := filepath.Join(dir, name)
		if old, err := os.ReadFile(file); err == nil && string(old) == string(b) {
			continue
		}
		if err := writeFile(file, b); err != nil {
			return err
		}
	}
	return nil
}

// frame is what every page has around its content.
type frame struct {
	Title  string
	Root   string // relative path to the output folder, with a slash
	Hosted bool   // the chart library comes from the network
	CSP    string
	Style  template.CSS
	Script template.JS
}

// Echarts is where the page finds the chart library.
func (f frame) Echarts() string {
	if f.Hosted {
		return echartsHosted
	}
	return f.Root + "assets/" + echartsFile
}

// Licences is where the page finds the chart library's licences; empty where
// it does not ship the library.
func (f frame) Licences() string {
	if f.Hosted {
		return ""
	}
	return f.Root + "assets/" + licencesFile
}

func (frame) Integrity() string { return echartsIntegrity }
func (frame) Version() string   { return echartsVersion }

func newFrame(title, root string, hosted bool) frame {
	f := frame{Title: title, Root: root, Hosted: hosted, Style: template.CSS(css), Script: template.JS(script)}
	// Browsers hold no file below file:// against a hash, so the library,
	// which does not come from us, is allowed by its place; what the page
	// carries itself is allowed by its hash, and nothing else may run.
	library := "'self'"
	if hosted {
		library = echartsHosted
	}
	f.CSP = "default-src 'none'; script-src " + library + " " + hash(script) +
		"; style-src " + hash(css) + "; img-src data:; base-uri 'none'; form-action 'none'"
	return f
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func writeFile(name string, b []byte) error {
	return results.WriteFile(name, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

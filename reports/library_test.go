package reports

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestLibrary fetches a library from servers that behave, and that do not: it
// is what it must be, or there is none, soon, and nothing stays in the cache.
func TestLibrary(t *testing.T) {
	t.Parallel()
	good := bytes.Repeat([]byte("library;\n"), 100)
	sum := sha512.Sum384(good)
	stop := make(chan struct{})
	var asked atomic.Int32
	mux := http.NewServeMux()
	for path, serve := range map[string]func(http.ResponseWriter, *http.Request){
		"good":  func(w http.ResponseWriter, _ *http.Request) { w.Write(good) },
		"other": func(w http.ResponseWriter, _ *http.Request) { w.Write(append([]byte("evil;"), good...)) },
		"torn": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "900")
			w.Write(good[:100])
		},
		"empty":    func(http.ResponseWriter, *http.Request) {},
		"gone":     http.NotFound,
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write(good)
			}
		},
		"slow": func(w http.ResponseWriter, r *http.Request) {
			w.Write(good[:9])
			w.(http.Flusher).Flush()
			<-stop
		},
		"hang": func(http.ResponseWriter, *http.Request) { <-stop },
	} {
		mux.HandleFunc("/"+path, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			serve(w, r)
		})
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(stop)
	at := func(path string) hostedLibrary {
		return hostedLibrary{server.URL + "/" + path, "sha384-" + base64.StdEncoding.EncodeToString(sum[:]), 1 << 20, time.Second}
	}
	for path, want := range map[string]string{
		"other": "its digest is another", "torn": "unexpected EOF", "empty": "its digest is another", "gone": "404", "redirect": "302",
		"endless": "more than 1 MiB", "slow": "deadline exceeded", "hang": "deadline exceeded",
	} {
		cache := filepath.Join(t.TempDir(), "charts")
		began := time.Now()
		b, err := at(path).get(context.Background(), cache, false)
		if b != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d bytes, %v; want %q", path, len(b), err, want)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %s", path, took)
		}
		if left, _ := os.ReadDir(cache); len(left) > 0 {
			t.Errorf("%s: the cache holds %v", path, left)
		}
	}
	dead := httptest.NewServer(mux)
	dead.Close()
	h := at("good")
	h.url = dead.URL + "/good"
	if _, err := h.get(context.Background(), t.TempDir(), false); err == nil {
		t.Error("a server that is not there gave a library")
	}

	// Once from the network, then from the cache, as long as it is whole.
	cache := filepath.Join(t.TempDir(), "charts")
	file := filepath.Join(cache, echartsFile)
	if _, err := at("good").get(context.Background(), cache, true); err != errOffline {
		t.Errorf("offline: %v", err)
	}
	before := asked.Load()
	for range 3 {
		if b, err := at("good").get(context.Background(), cache, false); err != nil || !bytes.Equal(b, good) {
			t.Fatal(len(b), err)
		}
	}
	if n := asked.Load() - before; n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
	if info, err := os.Stat(cache); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may look into the cache: %v, %v", info, err)
	}
	if err := os.WriteFile(file, append(good, "evil;"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := at("good").get(context.Background(), cache, true); err != errOffline {
		t.Errorf("a spoilt file in the cache: %v", err)
	}
	// A link is replaced, and what it leads to left alone.
	precious := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(precious, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	os.Remove(file)
	if err := os.Symlink(precious, file); err != nil {
		t.Skip(err)
	}
	if b, err := at("good").get(context.Background(), cache, false); err != nil || !bytes.Equal(b, good) {
		t.Error(len(b), err)
	}
	if b, _ := os.ReadFile(precious); string(b) != "mine" {
		t.Errorf("what a link in the cache led to holds %.20q", b)
	}
	if b, err := at("gone").get(context.Background(), cache, true); err != nil || !bytes.Equal(b, good) {
		t.Errorf("and then it lies in the cache: %v", err)
	}
}

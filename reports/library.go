package reports

import (
	"context"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nebula-bench/nebula/internal/regular"
)

// This file gives a program that was built without the chart library, by
// go install, the one file of it that it was built for: from the cache, or
// once from the network.

// fetched is the library of a build that has none; nil: not there either.
var fetched atomic.Pointer[[]byte]

// hostedLibrary is where the library's file comes from, and what it must be.
type hostedLibrary struct {
	url, integrity string
	most           int64         // bytes
	patience       time.Duration // for all of it
}

var hosted = hostedLibrary{echartsHosted, echartsIntegrity, 8 << 20, 8 * time.Second}

// HasLibrary reports whether pages can hold the chart library.
func HasLibrary() bool {
	as, err := assets()
	return err == nil && len(as) > 0
}

// Fetch gives a build without the chart library the one that lies in a folder
// of the user's cache; where it is not there, from its hosted copy, unless
// offline. What does not have the digest that this program was built with is
// not used. Its error is no reason to write no page: pages name the hosted
// copy then.
func Fetch(ctx context.Context, cache string, offline bool) error {
	if HasLibrary() {
		return nil
	}
	b, err := hosted.get(ctx, cache, offline)
	if err == nil {
		fetched.Store(&b)
	}
	return err
}

var errOffline = errors.New("it is not in the cache, and nothing is fetched offline")

func (h hostedLibrary) get(ctx context.Context, cache string, offline bool) ([]byte, error) {
	file := filepath.Join(cache, echartsFile)
	if b, err := regular.Read(file, h.most); err == nil && h.is(b) {
		return b, nil
	}
	if offline {
		return nil, errOffline
	}
	b, err := h.download(ctx)
	if err != nil {
		return nil, err
	}
	// A cache that can't be written costs the next run a download.
	if os.MkdirAll(cache, 0o700) == nil {
		_ = writeFile(file, b)
	}
	return b, nil
}

// is reports whether a file is the library.
func (h hostedLibrary) is(b []byte) bool {
	sum := sha512.Sum384(b)
	got := "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(got), []byte(h.integrity)) == 1
}

func (h hostedLibrary) download(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, h.patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return nil, err
	}
	// Nobody else is asked than the one whose name stands here.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", h.url, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, h.most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", h.url, err)
	case int64(len(b)) > h.most:
		return nil, fmt.Errorf("%s has more than %d MiB", h.url, h.most>>20)
	case !h.is(b):
		return nil, fmt.Errorf("%s is not the file that this program was built for: its digest is another", h.url)
	}
	return b, nil
}

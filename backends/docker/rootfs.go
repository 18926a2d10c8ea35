package docker

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"path/filepath"

	"github.com/nebula-bench/nebula/internal/regular"
)

// openRootfs opens the archive of a root file system. Layers may be plain or
// gzip everywhere, so those two stay as they are.
func openRootfs(name string) (io.ReadCloser, error) {
	f, _, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	r, how, err := decompress(f)
	if err == nil && (how == "" || how == "gzip") {
		_, err = f.Seek(0, io.SeekStart)
		r = f
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, f}, nil
}

// checkRootfs looks at the beginning of an archive.
func checkRootfs(name string) error {
	f, _, err := regular.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, _, err := decompress(f)
	if err != nil {
		return err
	}
	t, base := tar.NewReader(r), printable(filepath.Base(name))
	for range 10 {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s can't be read as a tar archive, plain or compressed with gzip, bzip2 or zstd: %w", base, err)
		}
		switch path.Clean(h.Name) {
		case "manifest.json", "index.json", "oci-layout":
			return fmt.Errorf("%s is the archive of an image, and a base is one of files: load it (docker load) and name the image", base)
		}
	}
	return nil
}

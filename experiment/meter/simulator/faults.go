package simulator

import (
	"os"
	"path/filepath"
)

// Stop freezes a counter as it is.
func (s *Simulator) Stop(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(dir).stopped = true
}

// Go lets a frozen counter go on; it catches up.
func (s *Simulator) Go(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(dir).stopped = false
}

// Reset sets a counter back to zero, as a driver that is loaded again does.
func (s *Simulator) Reset(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.must(dir)
	z.Start, z.reset = 0, s.energy(z, s.now())
}

// Garble freezes a counter and lets it show a text.
func (s *Simulator) Garble(dir, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.must(dir)
	z.stopped, z.length = true, len(text)
	if err := z.file.Truncate(0); err != nil {
		return err
	}
	_, err := z.file.WriteAt([]byte(text), 0)
	return err
}

// Remove removes a zone.
func (s *Simulator) Remove(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(dir).stopped = true
	return os.RemoveAll(filepath.Join(s.powercap(), dir))
}

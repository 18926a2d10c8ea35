package docker

import (
	"testing"

	"github.com/docker/docker/api/types/system"
)

// TestWhoseClock: only where an engine's machine is known to be this one are
// the stamps of its containers on our clock.
func TestWhoseClock(t *testing.T) {
	here := machine{"linux", "6.1.0-18-amd64", "box"}
	same := system.Info{OSType: "linux", KernelVersion: "6.1.0-18-amd64", Name: "box", DefaultRuntime: "runc"}
	but := func(change func(*system.Info)) system.Info {
		info := same
		change(&info)
		return info
	}
	for name, tt := range map[string]struct {
		here    machine
		info    system.Info
		runtime string
		foreign bool
	}{
		"this machine's":              {here, same, "", false},
		"another runtime's":           {here, same, "crun", false},
		"on macOS":                    {machine{"darwin", "23.4.0", "mac"}, same, "", true},
		"on Windows, of one name":     {machine{"windows", "6.1.0-18-amd64", "box"}, same, "", true},
		"Docker Desktop's on Linux":   {here, but(func(i *system.Info) { i.KernelVersion, i.Name = "6.6.12-linuxkit", "docker-desktop" }), "", true},
		"another kernel of one name":  {here, but(func(i *system.Info) { i.KernelVersion = "6.1.0-17-amd64" }), "", true},
		"a machine with one kernel":   {here, but(func(i *system.Info) { i.Name = "other" }), "", true},
		"of Windows containers":       {here, but(func(i *system.Info) { i.OSType = "windows" }), "", true},
		"that says nothing of itself": {here, system.Info{}, "", true},
		"in a sandbox of its own":     {here, same, "runsc", true},
		"in a sandbox by default":     {here, but(func(i *system.Info) { i.DefaultRuntime = "io.containerd.kata.v2" }), "", true},
		"out of a default sandbox":    {here, but(func(i *system.Info) { i.DefaultRuntime = "kata" }), "runc", false},
	} {
		b := &backend{options: &Options{Runtime: tt.runtime}, info: tt.info, elsewhere: elsewhere(tt.here, tt.info)}
		if why := b.ForeignClock(); (why != "") != tt.foreign {
			t.Errorf("an engine %s: %q", name, why)
		}
	}
}

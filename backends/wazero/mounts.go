package wazero

import (
	"fmt"
	"maps"
	"os"
	"slices"

	engine "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental/sysfs"
)

// mount opens the folders that a guest may read. wazero's own mounts follow
// symbolic links wherever they lead; these lead nowhere outside the folder, and
// nothing in them can be written.
func mount(folders map[string]string) (engine.FSConfig, error) {
	if len(folders) == 0 {
		return nil, nil
	}
	cfg := engine.NewFSConfig()
	for _, at := range slices.Sorted(maps.Keys(folders)) {
		root, err := os.OpenRoot(folders[at])
		if err != nil {
			return nil, fmt.Errorf("mount %s: %w", at, err)
		}
		// They stay open until the child ends.
		files := &sysfs.ReadFS{FS: &sysfs.AdaptFS{FS: root.FS()}}
		cfg = cfg.(sysfs.FSConfig).WithSysFSMount(files, at)
	}
	return cfg, nil
}

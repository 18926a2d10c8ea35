package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// hwmon reads sensors of energy and of power: those of boards and of some
// processors.
//
// Source: the kernel's Documentation/hwmon/sysfs-interface.rst: energy*_input
// in µJ since the driver was loaded, power*_average and power*_input in µW.
type hwmon struct {
	info  Info
	files []*counter
}

// machineSensors are the sensors that surely are of the whole machine, or of
// its packages: driver, and the beginning of the label or of the sensor's name.
var machineSensors = []struct{ driver, sensor string }{
	{"amd_energy", "Esocket"},              // Documentation/hwmon/amd_energy.rst (5.8 to 5.12, and as a module)
	{"power_meter", "power1"},              // Documentation/hwmon/acpi_power_meter.rst: the machine's power meter
	{"macsmc_hwmon", "Total System Power"}, // drivers/hwmon/macsmc-hwmon.c
}

// unknownPeriod is how often a sensor has a new value that does not tell.
const unknownPeriod = time.Second

// openHwmon finds the sensors below sysfs. The total is made of those that
// are named; without names, of those that surely are the machine's.
func openHwmon(sysfs string, names []string) (Source, error) {
	dir := filepath.Join(sysfs, "class", "hwmon")
	door := "hwmon (" + dir + ")"
	chips, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, closed(door, err.Error(), "make it readable")
	}
	h := &hwmon{info: Info{Source: "hwmon"}}
	var used, others, refused []string
	for _, chip := range chips {
		for _, s := range sensors(filepath.Join(dir, chip.Name())) {
			d := s.Domain
			if slices.Contains(used, d.Name) {
				d.Name = chip.Name() + "/" + d.Name
			}
			used = append(used, d.Name)
			if len(names) > 0 {
				d.Total = slices.Contains(names, d.Name)
			}
			if !d.Total {
				others = append(others, d.Name)
				continue
			}
			c, err := openCounter(s.file)
			switch {
			case errors.Is(err, fs.ErrPermission):
				refused = append(refused, s.file)
			case err != nil:
				h.info.Notes = append(h.info.Notes, fmt.Sprintf("%s can't be read: %s", d.Name, err))
			default:
				h.info.Domains, h.files = append(h.info.Domains, d), append(h.files, c)
			}
		}
	}
	if len(h.info.Domains) > 0 {
		return h, nil
	}
	switch {
	case len(refused) > 0:
		return nil, closed(door, "its sensors may be read by root only", "run as root; or let a group of yours read them: chgrp GROUP "+refused[0]+" && chmod g+r "+refused[0])
	case len(h.info.Notes) > 0:
		return nil, closed(door, strings.Join(h.info.Notes, "; "), "")
	case len(others) > 0:
		return nil, closed(door, "which of its sensors is the machine's is not known", fmt.Sprintf(`source = "hwmon" and domains = [...], one or more of %s`, strings.Join(others, ", ")))
	}
	return nil, closed(door, "there is no sensor of energy or power", "")
}

type sensor struct {
	Domain
	file string
}

// sensors finds those of one chip.
func sensors(chip string) (found []sensor) {
	text := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(chip, name))
		return strings.TrimSpace(string(b))
	}
	driver := text("name")
	interval, _ := readUint(filepath.Join(chip, "update_interval"), 31) // ms
	files, _ := fs.Glob(os.DirFS(chip), "*_*")                          // the folder's own name is no pattern
	for _, file := range files {
		name, what, _ := strings.Cut(file, "_")
		file = filepath.Join(chip, file)
		d := Domain{Name: name, Unit: 1e-6, Most: mostOfMachine, Period: time.Duration(interval) * time.Millisecond}
		switch {
		case strings.HasPrefix(name, "energy") && what == "input":
		case strings.HasPrefix(name, "power") && (what == "average" || what == "input" && !exists(filepath.Join(chip, name+"_average"))):
			d.Integrated = true
			if ms, err := readUint(filepath.Join(chip, name+"_average_interval"), 31); err == nil && what == "average" {
				d.Period = time.Duration(ms) * time.Millisecond
			}
			if d.Period == 0 {
				d.Period = unknownPeriod
			}
		default:
			continue
		}
		if label := text(name + "_label"); label != "" {
			d.Name = label
		}
		for _, m := range machineSensors {
			d.Total = d.Total || m.driver == driver && (strings.HasPrefix(d.Name, m.sensor) || name == m.sensor)
		}
		d.Name = driver + "/" + d.Name
		found = append(found, sensor{d, file})
	}
	return found
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (h *hwmon) Info() Info                      { return h.info }
func (h *hwmon) Read(domain int) (uint64, error) { return h.files[domain].readAgain() }
func (h *hwmon) Close() error                    { return closeAll(h.files) }

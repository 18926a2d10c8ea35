// Package docker runs functions as containers, through the Engine API.
//
// It builds images from static binaries without a builder and without
// pulling, opens every stream before it starts a container, and removes each
// container as a phase of its own. It never touches an image, container or
// volume that does not carry Nebula's labels.
package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
	"github.com/docker/go-units"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment"
)

// Options are the settings of a docker backend. A container gets no network,
// no capabilities and no new privileges unless they say otherwise.
type Options struct {
	// Network is none, the default, or bridge, host, or a network's name.
	Network string `hcl:"network,optional" json:"network,omitempty"`
	// Memory is the container's limit, such as "256MiB"; a quarter of the
	// engine's memory where it is not set.
	Memory string `hcl:"memory,optional" json:"memory,omitempty"`
	// CPUs is how many processors' worth of time the container may take.
	CPUs float64 `hcl:"cpus,optional" json:"cpus,omitempty"`
	// CPUSet pins the container to processors, such as "1" or "0-2,5".
	CPUSet string `hcl:"cpuset,optional" json:"cpuset,omitempty"`
	// PIDs is how many processes and threads the container may have, 512
	// unless it says otherwise.
	PIDs int `hcl:"pids,optional" json:"pids,omitempty"`
	// User is the user, and group, of the process: "1000:1000".
	User string `hcl:"user,optional" json:"user,omitempty"`
	// ReadOnly mounts the image read-only.
	ReadOnly bool `hcl:"read_only,optional" json:"read_only,omitempty"`
	// Env is the container's environment; an input's own env comes on top.
	Env map[string]string `hcl:"env,optional" json:"env,omitempty"`
	// Runtime is the OCI runtime, as the engine names it: runc, runsc.
	Runtime string `hcl:"runtime,optional" json:"runtime,omitempty"`
	// Base is what lies below the function's binary: scratch, the default,
	// the tar archive of a root file system, or a local image's reference.
	Base string `hcl:"base,optional" json:"base,omitempty"`
	// Image is a ready image to run in place of whatever the function's
	// source would be built into.
	Image string `hcl:"image,optional" json:"image,omitempty"`

	dir string // where Base is relative to
}

var (
	_ backends.Options = (*Options)(nil)
	_ backends.Checker = (*backend)(nil)
)

// Check implements backends.Options.
func (o *Options) Check(dir string) []backends.Problem {
	o.dir = dir
	var ps []backends.Problem
	problem := func(attribute, summary, detail string, args ...any) {
		ps = append(ps, backends.Problem{Attribute: attribute, Summary: summary, Detail: fmt.Sprintf(detail, args...)})
	}
	if _, err := o.memoryBytes(); err != nil {
		problem("memory", "Invalid memory size", "%s.", err)
	}
	if o.CPUs != 0 && (o.CPUs < 0.01 || o.CPUs > 4096) {
		problem("cpus", "Invalid number of processors", "%v is no number of processors. Write one of at least 0.01, which is the least that Docker takes, such as 1.5.", o.CPUs)
	}
	if o.PIDs < 0 || o.PIDs > 4<<20 {
		problem("pids", "Invalid number of processes", "%d is no number of processes. Write one above 0, such as 64.", o.PIDs)
	}
	ps = append(ps, backends.CheckCPUs("cpuset", o.CPUSet, backends.Processors())...)
	for k, v := range o.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(v, 0) {
			problem("env", "Invalid environment", "%q can't be an environment variable: its name must not be empty nor hold '=', and neither name nor value may hold the character U+0000.", k)
		}
	}
	for _, a := range [][2]string{{"network", o.Network}, {"user", o.User}, {"runtime", o.Runtime}, {"base", o.Base}, {"image", o.Image}} {
		if strings.ContainsRune(a[1], 0) {
			problem(a[0], "Invalid name", "%q holds the character U+0000, which no name can.", a[1])
		}
	}
	if o.Base != "" && o.Image != "" {
		problem("image", "Both base and image", "A ready image has its own base. Remove one of the two.")
	}
	if o.baseIsArchive() {
		if info, err := os.Stat(o.basePath()); err != nil && o.maker() != "" {
			// It can be made, so it is this machine that lacks it: see Open.
		} else if err != nil {
			problem("base", "Root file system not found", "%s. Paths are relative to the experiment's file; make the archive with: tar -C ROOTFS -cf %s .", err, filepath.Base(o.Base))
		} else if info.IsDir() {
			problem("base", "Root file system is a folder", "%s is a folder. Pack it: tar -C %s -cf rootfs.tar .", o.Base, o.Base)
		} else if !info.Mode().IsRegular() {
			problem("base", "Root file system is not a file", "%s is a pipe or a device. Name an archive, which can be read twice.", o.Base)
		} else if err := checkRootfs(o.basePath()); err != nil {
			problem("base", "Unsuitable root file system", "%s. Make the archive with: tar -C ROOTFS -cf rootfs.tar .", err)
		}
	}
	return ps
}

func (o *Options) memoryBytes() (int64, error) {
	if o.Memory == "" {
		return 0, nil
	}
	n, err := units.RAMInBytes(o.Memory)
	if err != nil || n < 6<<20 {
		return 0, fmt.Errorf("%q is not a size of at least 6 MiB, which is the least that Docker takes: write a size such as \"256MiB\"", o.Memory)
	}
	return n, nil
}

func (o *Options) network() string {
	if o.Network == "" {
		return "none"
	}
	return o.Network
}

// baseIsArchive tells the path of a root file system from an image's
// reference, which cannot begin with a dot or a slash.
func (o *Options) baseIsArchive() bool {
	return strings.HasPrefix(o.Base, ".") || strings.HasPrefix(o.Base, "/") || build.IsArchive(o.Base)
}

func (o *Options) basePath() string {
	if filepath.IsAbs(o.Base) {
		return o.Base
	}
	return filepath.Join(o.dir, o.Base)
}

// maker is the script that makes a base: it lies beside the archive and is
// called like it. Empty: there is none.
func (o *Options) maker() string {
	path := o.basePath()
	script := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".tar"), ".tgz") + ".sh"
	if info, err := os.Stat(script); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return script
}

// checkBase returns what mends a missing base.
func (o *Options) checkBase() error {
	if !o.baseIsArchive() {
		return nil
	}
	if _, err := os.Stat(o.basePath()); errors.Is(err, fs.ErrNotExist) {
		return &backends.Unavailable{What: fmt.Sprintf("there is no root file system %s", o.Base), Remedy: "make it: sh " + o.maker()}
	}
	return nil
}

// Lacks implements backends.Options.
func (o *Options) Lacks(f experiment.Function, s experiment.Start) string {
	if s == experiment.Cached {
		return "a container has no compiled code to load from disk"
	}
	if o.Image != "" {
		return ""
	}
	switch kind, err := build.KindOf(f); {
	case err != nil:
		return err.Error()
	case kind == build.Dockerfile, kind == build.Image, kind == build.ImageArchive:
		return ""
	}
	return build.Lacks(f, build.Linux)
}

// Open implements backends.Options.
func (o *Options) Open(ctx context.Context, s backends.Session) (backends.Backend, error) {
	if err := o.checkBase(); err != nil {
		return nil, err
	}
	c, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	b := &backend{options: o, session: s, client: c, seen: map[string]bool{}, name: rand.Text()}
	if err := b.ask(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if o.Runtime != "" && b.info.Runtimes != nil {
		if _, ok := b.info.Runtimes[o.Runtime]; !ok {
			c.Close()
			return nil, &backends.Unavailable{
				What:   fmt.Sprintf("Docker has no runtime %q", o.Runtime),
				Remedy: "install it and name it in /etc/docker/daemon.json; present are: " + strings.Join(sortedKeys(b.info.Runtimes), ", "),
			}
		}
	}
	if err := b.lacks(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if b.elsewhere = elsewhere(thisMachine(), b.info); b.elsewhere == "" {
		b.cgroup = newCgroup(cgroupRoot, s.Owner, b.info.CgroupVersion, b.info.CgroupDriver)
	}
	return b, nil
}

// answers bounds how long an engine may take to say what it is.
const answers = 10 * time.Second

// ask asks the engine what it is.
func (b *backend) ask(ctx context.Context) (err error) {
	limited, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	if b.info, err = b.client.Info(limited); err == nil {
		b.version, err = b.client.ServerVersion(limited)
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return &backends.Unavailable{What: "Docker did not answer within " + answers.String(), Remedy: "see the engine's log", Err: err}
	}
	if err != nil {
		return fmt.Errorf("ask Docker about itself: %w", err)
	}
	return nil
}

// connect opens a client whose engine answers.
func connect(ctx context.Context) (*client.Client, error) {
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, &backends.Unavailable{What: "Docker can't be addressed", Remedy: "mend DOCKER_HOST", Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := c.Ping(ctx); err != nil {
		c.Close()
		return nil, &backends.Unavailable{
			What:   "Docker does not answer at " + c.DaemonHost(),
			Remedy: "start it (systemctl start docker), or point DOCKER_HOST at an engine",
		}
	}
	return c, nil
}

type backend struct {
	options *Options
	session backends.Session
	client  *client.Client
	info    system.Info
	version types.Version
	// Why the containers run on another machine; empty: they run on this one.
	elsewhere string
	cgroup    *cgroup         // above the containers; nil: their use is not measured
	seen      map[string]bool // every container of this run, to prove that each is new
	name      string          // in labels: tells it from the engine's other backends
	alive     []string        // by id: the live containers, and those that keep images
	late      []*lateCreation // whose containers may still appear
	refs      []string        // of the images that this backend made
	built     bool            // by a builder, which leaves more than the image
	// A build was interrupted: its builder may be at work still.
	leftABuild bool
}

func (b *backend) Describe() map[string]string {
	facts := map[string]string{
		"engine":         "Docker " + b.version.Version,
		"api":            b.client.ClientVersion(),
		"storage driver": b.info.Driver,
		"cgroup":         "v" + b.info.CgroupVersion + " (" + b.info.CgroupDriver + ")",
		"runtime":        b.info.DefaultRuntime,
		"security":       strings.Join(b.info.SecurityOptions, ", "),
		"containers":     strconv.Itoa(b.info.ContainersRunning) + " running when the run began",
	}
	if b.options.Runtime != "" {
		facts["runtime"] = b.options.Runtime
	}
	if why := b.ForeignClock(); why != "" {
		facts["clock"] = "not this machine's, for " + why + ": arrivals count, and no function's stamps"
	}
	for _, c := range b.version.Components {
		if c.Name != "Engine" {
			facts[c.Name] = c.Version
		}
	}
	return facts
}

// Check implements backends.Checker.
func (b *backend) Check(ctx context.Context) error {
	// An engine that ends still serves the connections that it has, so it is
	// asked on a new one.
	c, err := connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	// To tell its version it asks containerd for its own, without which it
	// can start nothing; a ping does not get that far.
	if _, err := c.ServerVersion(ctx); err != nil {
		return &backends.Unavailable{What: "Docker answers at " + c.DaemonHost() + ", but containerd behind it does not", Remedy: "see the engine's log", Err: err}
	}
	return nil
}

// create creates a container for a request.
func (b *backend) create(ctx context.Context, image string, r backends.Request, change func(*container.Config, *container.HostConfig)) (id string, err error) {
	config, host, err := b.options.containerConfig(image, r, b.session.Owner)
	if err != nil {
		return "", err
	}
	if host.Memory == 0 {
		// A function that takes memory without end must not take it from the
		// harness, or from the engine.
		host.Memory = b.info.MemTotal / 4
		host.MemorySwap = host.Memory
	}
	change(config, host)
	id, err = b.creation(ctx, config, host)
	if err != nil {
		return "", refused(ctx, "", "create the container", err)
	}
	return id, nil
}

// Close removes what is left of the run's containers and images.
func (b *backend) Close(ctx context.Context) error {
	errs := []error{b.Sweep(ctx)}
	_, err := b.removeOwnImages(ctx)
	errs = append(errs, err)
	if b.leftABuild {
		errs = append(errs, b.awaitBuilder(ctx))
	}
	for _, l := range b.late {
		l.cancel()
	}
	b.cgroup.end()
	return errors.Join(append(errs, b.client.Close())...)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

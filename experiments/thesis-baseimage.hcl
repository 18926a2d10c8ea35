# Does it matter to a start what a container's image stands on?
#
# Source:   Kjorveziroski 2023, end to end on containerd: 3.57 s on Debian,
#           1.70 s without a distribution. Kluften 2024 measured on Debian.
# Look at:  startup of the three images, which hold the same static binary. An
#           engine that mounts layers pays for their number, not for their
#           size; one that copies them (storage driver vfs) pays for each byte,
#           and nebula doctor says so. Pulling is not in any number here.
# Takes:    about 1 minute. Needs Go, Docker, and base/debian.sh and
#           base/busybox.sh run once.

experiment "thesis-baseimage" {
  description = "The same binary on nothing, on busybox and on Debian."
}

function "noop" {
  source = "../functions/noop"
}

backend "docker" "scratch" {
  start = ["cold", "prepared"]
}

backend "docker" "busybox" {
  start = ["cold", "prepared"]
  base  = "base/busybox.tar"
}

backend "docker" "debian" {
  start = ["cold", "prepared"]
  base  = "base/debian.tar"
}

run {
  repetitions = 20
  warmup      = 1
}

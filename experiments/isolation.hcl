# What does each wall around a container cost at its start?
#
# Source:   our own measurement: 370 ms without a network, 460 ms with a
#           bridge; published figures seldom say which they had.
# Look at:  startup and its phases against docker.bare. A network is made while
#           the container starts, and its end shows in teardown; limits are
#           numbers in a cgroup.
# Takes:    about 2 minutes. Needs Go; Docker.

experiment "isolation" {
  description = "Network modes and limits of a container, one by one."
}

function "noop" {
  source = "../functions/noop"
}

backend "docker" "bare" {
  start   = ["cold"]
  network = "none"
}

backend "docker" "bridge" {
  start   = ["cold"]
  network = "bridge"
}

backend "docker" "host" {
  start   = ["cold"]
  network = "host"
}

backend "docker" "limited" {
  start   = ["cold"]
  network = "none"
  memory  = "256MiB"
  cpus    = 1
  pids    = 64
}

backend "docker" "read-only" {
  start     = ["cold"]
  network   = "none"
  read_only = true
}

backend "docker" "nobody" {
  start   = ["cold"]
  network = "none"
  user    = "65534:65534"
}

run {
  repetitions = 30
  warmup      = 1
}

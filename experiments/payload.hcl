# What does it cost to get a large request into a function, and its answer out?
#
# Source:   our own: what is published measures functions with a request of
#           some bytes.
# Look at:  runtime, which holds receiving the request, and the phase respond.
#           A module reads from memory. A container's bytes go through the
#           engine's stream in both directions, which makes runtime grow with
#           the size though the function does nothing with what it gets.
#           64 MiB is the longest answer that Nebula takes.
# Takes:    about 4 minutes. Needs Go; without Docker its half is left out.

experiment "payload" {
  description = "A function that answers with its request, from one byte to 64 MiB."
}

function "echo" {
  source = "../functions/echo"
  inputs = {
    for size in ["1 B", "1 KiB", "64 KiB", "1 MiB", "8 MiB", "64 MiB"] : size => {
      stdin  = { text = "nebula ", size = size }
      expect = { text = "nebula ", size = size }
    }
  }
}

backend "wazero" "wasm" {
  start = ["cached", "warm"]
}

backend "docker" "scratch" {
  start  = ["cold", "warm"]
  memory = "1GiB"
}

run {
  repetitions = 10
  warmup      = 1
  timeout     = "1m"
}

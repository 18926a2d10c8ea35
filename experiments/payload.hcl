# What does it cost to get a large request into a function, and its answer out?
#
# Source:   our own: what is published measures functions with a request of
#           some bytes.
# Look at:  total against the size. A cold start receives its request in
#           runtime and a warm one in startup, and the answer goes out in the
#           phase respond. A module reads from memory; a container's bytes go
#           through the engine's stream, both ways. What the language makes of
#           64 MiB counts too: a cold Go module must first grow its memory. 64
#           MiB is the longest answer that Nebula takes.
# Takes:    about 2 minutes. Needs Go; without Docker its half is left out.

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

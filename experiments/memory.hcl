# How much memory does one more function take, by its start and language?
#
# Source:   Faasm (ATC'20): 1.3 MB for a container, 200 KB for a Faaslet.
#           Firecracker's specification: at most 5 MiB.
# Look at:  peak memory in the table of cells. A module's is its linear memory
#           alone: the engine around it is shared. A container's is what its
#           cgroup counted: the process, runc's first steps, the files it read.
#           The two are different things, and each is what one more costs.
# Takes:    about 1 minute. Needs Go, clang with wasi-libc, and rustc with a
#           wasm target; a language without its compiler is left out.

experiment "memory" {
  description = "Peak memory of a function that does nothing."
}

dynamic "function" {
  for_each = ["go", "c", "rust"]
  labels   = ["noop in ${function.value}"]

  content {
    source   = "../functions/noop"
    language = function.value
  }
}

backend "wazero" "wasm" {
  start = ["cached", "warm"]
}

backend "docker" "scratch" {
  start = ["cold", "warm"]
}

run {
  repetitions = 12
  warmup      = 1
}

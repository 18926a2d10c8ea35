# How long until a function runs, and how fast is it then, as a module on
# wazero and as a container on Docker?
#
# Source:   the question of most of what has been published; see thesis-vm.
# Look at:  the verdicts first; then at the phases, which say where the time
#           goes. A Go module is large, so a cold wazero compiles for longer
#           than Docker needs to start a container; compiled ahead of time
#           ("cached") or kept in memory ("prepared") it starts far sooner.
# Takes:    about 2 minutes. Needs Go; without Docker its half is left out.

experiment "coldstart" {
  description = "How long until a function runs: WebAssembly against containers."
}

variable "repetitions" {
  description = "Counted trials of each cell."
  default     = 15
}

# Does nothing: all of its time is the backend's.
function "noop" {
  source = "../functions/noop"
}

# Does work that grows with its input.
function "fibonacci-recursive" {
  source = "../functions/fibonacci-recursive"

  input "n=20" {
    stdin  = "20"
    expect = "6765"
  }

  input "n=32" {
    stdin  = "32"
    expect = "2178309"
  }
}

# Without a start, a backend runs every start it has.
backend "wazero" "wasm" {}

backend "docker" "scratch" {}

run {
  repetitions = var.repetitions
  warmup      = 1
  order       = "shuffled"
  seed        = 1
  timeout     = "30s"
}

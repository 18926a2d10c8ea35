# Which starts sooner on this machine, a WebAssembly module or a container?
#
# Source:   everybody who asks for the first time.
# Look at:  the first sentence of the report. Then run coldstart, which has
#           more starts, and more trials to be sure of them.
# Takes:    about 20 seconds, once the function is built. Needs Go; without
#           Docker its half is left out.

experiment "quick" {
  description = "A first look: a module that was compiled ahead of time against a container."
}

function "fibonacci-recursive" {
  source = "../functions/fibonacci-recursive"

  input "n=25" {
    stdin  = "25"
    expect = "75025"
  }
}

backend "wazero" "wasm" {
  start = ["cached", "prepared", "warm"]
}

backend "docker" "scratch" {
  start = ["cold", "prepared", "warm"]
}

run {
  repetitions = 12
  warmup      = 1
}

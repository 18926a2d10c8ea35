# Does twice the work take twice the energy, and what does a start cost beside it?
#
# Source:   nobody's figures; it shows how energy is measured. make demo-energy
#           runs it on simulated counters, on a machine that has none.
# Look at:  energy per invocation, net, against the size of the input: on a
#           live instance it grows with the work. A cold start takes the
#           energy of its creation each time, whatever the work.
# Takes:    about 2 minutes. Needs Go, and RAPL counters that can be read
#           (nebula doctor) or make demo-energy; without Docker its half is
#           left out.

experiment "energy" {
  description = "Energy of one invocation by the work that it does: a module and a container, cold and warm."
}

function "monte-carlo-pi" {
  source   = "../functions/monte-carlo-pi"
  language = "go"
  inputs   = { for n in [250000, 500000, 1000000] : "n=${n}" => n }
}

backend "wazero" "wasm" {
  start = ["cached", "warm"]
}

backend "docker" "scratch" {
  start   = ["cold", "warm"]
  network = "none"
}

run {
  repetitions = 10
  warmup      = 1
}

energy {
  window  = "300ms"
  windows = 5
}

# How often do two equal things seem to differ on this machine?
#
# Source:   A/A tests, the usual check of an apparatus.
# Look at:  what the report says of the controls: each backend ran twice under
#           two names, and a difference between the two is chance, or this
#           machine. Trust no smaller one in any other report from here.
# Takes:    about 3 minutes. Needs Go; without Docker its half is left out.

experiment "null" {
  description = "Each backend against itself."
}

function "fibonacci-recursive" {
  source = "../functions/fibonacci-recursive"
  inputs = {
    for a in jsondecode(file("../functions/fibonacci-recursive/answers.json")) :
    a.name => { stdin = a.stdin, expect = a.expect }
    if contains(["n=10", "n=25"], a.name)
  }
}

backend "wazero" "wasm" {
  start   = ["cached", "prepared", "warm"]
  control = true
}

backend "docker" "scratch" {
  start   = ["cold", "warm"]
  control = true
}

run {
  repetitions = 30
  warmup      = 1
}

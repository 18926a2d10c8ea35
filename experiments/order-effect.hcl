# Does it matter in which order trials run?
#
# Source:   Kluften 2024 ran its trials in fixed order, all of one kind and
#           then all of the next, as most prototypes do.
# Look at:  what the report says of the controls, and the samples in run
#           order. In sequential order whatever drifts while the run goes on
#           (temperature, page cache, a neighbour) lands on one of two equal
#           backends. Run it again with --var order=shuffled: the same cells,
#           and the drift hits all of them alike.
# Takes:    about 3 minutes. Needs Go; without Docker its half is left out.

experiment "order-effect" {
  description = "Two equal backends, one after the other or mixed."
}

variable "order" {
  description = "sequential, shuffled or interleaved."
  default     = "sequential"
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
  order       = var.order
}

# How much of a module's quick start is that it was compiled before?
#
# Source:   Kluften 2024 compiled ahead of time and started 365 times sooner
#           than Docker; its own earlier data, compiled at each start, show 1.2
#           to 2.1 times.
# Look at:  cold (compiled at each start) against cached (compiled ahead of
#           time) against the container. The code is the same once it runs, so
#           runtimes should not differ.
# Takes:    about 2 minutes. Needs rustc with a wasm target, or --var
#           language=go, whose modules are larger; Docker.

experiment "thesis-aot-jit" {
  description = "Compiled at each start, compiled ahead of time, and a container."
}

variable "language" {
  description = "rust, as in the thesis, or go."
  default     = "rust"
}

locals {
  # One input of each of the thesis's functions, from the middle of its range.
  asked = { exponential = "n=706", factorial = "n=65", fibonacci-recursive = "n=20", prime-number = "n=750" }
}

dynamic "function" {
  for_each = local.asked
  labels   = [function.key]

  content {
    source   = "../functions/${function.key}"
    language = var.language
    inputs = {
      for a in jsondecode(file("../functions/${function.key}/answers.json")) :
      a.name => { stdin = a.stdin, expect = a.expect } if a.name == function.value
    }
  }
}

backend "wazero" "wasm" {
  start = ["cold", "cached"]
}

backend "docker" "scratch" {
  start = ["cold"]
}

run {
  repetitions = 20
  warmup      = 1
}

# Does a container take 198 times the energy of a module for one invocation?
#
# Source:   Kluften 2024, on a Raspberry Pi 4B: 1,176 µWh for Docker and 5.95
#           µWh for WebAssembly compiled ahead of time, means over its four
#           functions and their inputs.
# Look at:  energy per invocation, gross and net, from windows of whole cold
#           starts. Processors count their own energy, not the machine's, so
#           compare ratios, not joules. Where this machine has no counters the
#           report says what is missing; nothing is estimated in their place.
# Takes:    about 20 minutes. Needs rustc with a wasm target, Docker,
#           base/debian.sh run once, and RAPL counters that can be read (nebula
#           doctor) or a meter of your own (energy: command).

experiment "thesis-energy" {
  description = "Energy of one invocation: Rust on WebAssembly against Docker on Debian."
}

variable "language" {
  description = "rust, as in the thesis, or go."
  default     = "rust"
}

locals {
  # The least, a middle and the largest input of what the published means are
  # made of. A window holds many invocations, so all of them would take days.
  asked = {
    exponential         = ["n=0", "n=706", "n=1412"]
    factorial           = ["n=0", "n=65", "n=130"]
    fibonacci-recursive = ["n=0", "n=15", "n=30"]
    prime-number        = ["n=0", "n=750", "n=1500"]
  }
}

dynamic "function" {
  for_each = local.asked
  labels   = [function.key]

  content {
    source   = "../functions/${function.key}"
    language = var.language
    inputs = {
      for a in jsondecode(file("../functions/${function.key}/answers.json")) :
      a.name => { stdin = a.stdin, expect = a.expect } if contains(function.value, a.name)
    }
  }
}

backend "wazero" "wasm" {
  start = ["cached"]
}

backend "docker" "debian" {
  start = ["cold"]
  base  = "base/debian.tar"
}

# The thesis's own table.
reference "kluften2024" {
  file = "reference/kluften2024.json"
}

run {
  repetitions = 10
  warmup      = 1
}

energy {
  window  = "2s"
  windows = 5
}

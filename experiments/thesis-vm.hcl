# Does a module start 365 times sooner than a container and run 271 times
# faster?
#
# Source:   Kluften 2024, on a VM with one processor: its four functions in
#           Rust, its inputs, six repetitions in fixed order, a pause of 10 ms
#           and no warm-up; WebAssembly compiled ahead of time against Docker
#           on Debian.
# Look at:  our figures beside the published ones. Then at the phases: what
#           the thesis called runtime ends when the container is gone, so most
#           of Docker's is teardown. Fixed order hides drift, and six
#           repetitions are few: this file repeats what was done, not what
#           should be. Its own list of inputs gives 1,020, where the published
#           means stand on 1,026.
# Takes:    about 25 minutes, and about 45 with --var inputs=all. Needs rustc
#           with a wasm target, Docker, and base/debian.sh run once.

experiment "thesis-vm" {
  description = "The thesis's measurement, as it was done: Rust on WebAssembly against Docker on Debian."
}

variable "inputs" {
  description = "published: those that its table is made of. all: those that it asked for."
  default     = "published"
}

variable "language" {
  description = "rust, as in the thesis, or go."
  default     = "rust"
}

locals {
  # The largest input of each function. The published comparison leaves the
  # slowest of two functions out.
  most = {
    published = { exponential = 1412, factorial = 130, fibonacci-recursive = 30, prime-number = 1500 }
    all       = { exponential = 1412, factorial = 130, fibonacci-recursive = 40, prime-number = 6000 }
  }
  step = { exponential = 2, factorial = 1, fibonacci-recursive = 1, prime-number = 10 }
}

dynamic "function" {
  for_each = local.most[var.inputs]
  labels   = [function.key]

  content {
    source   = "../functions/${function.key}"
    language = var.language
    inputs = {
      for a in jsondecode(file("../functions/${function.key}/answers.json")) :
      a.name => { stdin = a.stdin, expect = a.expect }
      if can(regex("^n=", a.name)) && try(a.stdin <= function.value && a.stdin % local.step[function.key] == 0, false)
    }
  }
}

# The thesis measured WebAssembly first, so it stands first.
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

# Windows of each of these inputs would take hours: thesis-energy has a few.
energy {
  source = "none"
}

run {
  repetitions = 6
  warmup      = 0
  order       = "sequential"
  pause       = "10ms"
}

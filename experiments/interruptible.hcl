# What does it cost to be able to stop a guest?
#
# Source:   our own measurement: fib(30) in C took 6.7 ms, and 67 ms with
#           wazero's WithCloseOnContextDone, which a host needs that runs
#           strangers' functions.
# Look at:  runtime of the two backends. The check stands at every call and
#           loop, so the more of them, the more it costs. All other experiments
#           run guests in a child process that can be killed, and do without.
# Takes:    about 1 minute. Needs clang with wasi-libc, or --var language=go.

experiment "interruptible" {
  description = "Guests that can be stopped from inside against guests that can't."
}

variable "language" {
  description = "c, rust or go."
  default     = "c"
}

function "fibonacci-recursive" {
  source   = "../functions/fibonacci-recursive"
  language = var.language
  inputs = {
    for a in jsondecode(file("../functions/fibonacci-recursive/answers.json")) :
    a.name => { stdin = a.stdin, expect = a.expect }
    if contains(["n=20", "n=30"], a.name)
  }
}

function "prime-number" {
  source   = "../functions/prime-number"
  language = var.language == "c" ? "go" : var.language # it has no C
  inputs = {
    for a in jsondecode(file("../functions/prime-number/answers.json")) :
    a.name => { stdin = a.stdin, expect = a.expect } if a.name == "n=6000"
  }
}

backend "wazero" "plain" {
  start = ["cached", "warm"]
}

backend "wazero" "interruptible" {
  start         = ["cached", "warm"]
  interruptible = true
}

run {
  repetitions = 20
  warmup      = 1
}

# How much work must a function have for a container to overtake a module?
#
# Source:   Kluften 2024: Docker starts later, and at fib(40) native code was
#           1.4 times faster than WebAssembly. HybridServe: a module starts 8.4
#           times sooner and runs 36 % slower. So there is a size of input from
#           which the container wins.
# Look at:  total against the input's size: the sentence that names where
#           docker cold overtakes wazero cached, with its interval. Between
#           warm starts there is nothing to catch up on, so the faster code
#           wins from the first input that is more than noise.
# Takes:    about 3 minutes. Needs rustc with a wasm target and Docker; with
#           --var language=go a quarter of an hour, and c is as quick as rust.

experiment "crossover" {
  description = "Total time against the size of the input: who wins when?"
}

variable "language" {
  description = "rust, c or go: another compiler, another crossover."
  default     = "rust"
}

function "fibonacci-recursive" {
  source   = "../functions/fibonacci-recursive"
  language = var.language
  inputs = {
    for a in jsondecode(file("../functions/fibonacci-recursive/answers.json")) :
    a.name => { stdin = a.stdin, expect = a.expect }
    if contains([for n in [20, 24, 28, 32, 34, 36, 37, 38, 39, 40] : "n=${n}"], a.name)
  }

  input "n=41" {
    stdin  = "41"
    expect = "165580141"
  }

  input "n=42" {
    stdin  = "42"
    expect = "267914296"
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
  timeout     = "1m"
}

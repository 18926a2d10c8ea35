# Does this function start sooner as a module or as a container, and is it
# quicker then?

experiment "hello" {
  description = "A function of my own, as a WebAssembly module and as a container."
}

function "hello" {
  source = "../functions/hello" # built by go, for both backends

  # Each input is what one invocation gets, and what it must answer.
  input "a name" {
    stdin  = "Ada"
    expect = "Hello, Ada!"
  }

  input "a crowd" {
    stdin  = join("\n", [for n in range(1000) : "number ${n}"])
    expect = { regex = "Hello, number 999!$" }
  }
}

# Without a start, a backend runs every start that it has.
backend "wazero" "wasm" {}

# Left out, with the reason in the report, where Docker does not answer.
backend "docker" "scratch" {
  start = ["cold", "warm"]
}

run {
  repetitions = 10 # an interval needs six
  warmup      = 1
}

# Does the language of a function decide whether it belongs in a module or in
# a container?
#
# Source:   Kluften 2024 measured Rust alone; others measured C or Go.
# Look at:  cold and cached starts of wazero: compiling is nearly all of a
#           cold start, and a Go module is a hundred times the size of a C
#           module. The container does not care: it maps a file. Then at the
#           runtime of n=30, where it is the compilers that differ.
# Takes:    about 2 minutes. Needs Go, clang with wasi-libc, and rustc with a
#           wasm target; a language without its compiler is left out.

experiment "languages" {
  description = "One function in Go, C and Rust, as a module and as a container."
}

locals {
  answers = { "20" = "6765", "30" = "832040" }
}

dynamic "function" {
  for_each = ["go", "c", "rust"]
  labels   = ["fibonacci-recursive in ${function.value}"]

  content {
    source   = "../functions/fibonacci-recursive"
    language = function.value
    inputs = {
      for n, answer in local.answers : "n=${n}" => { stdin = n, expect = answer }
    }
  }
}

backend "wazero" "wasm" {}

backend "docker" "scratch" {
  start = ["cold", "warm"]
}

run {
  repetitions = 10
  warmup      = 1
}

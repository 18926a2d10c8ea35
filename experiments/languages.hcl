# The same function from two languages: what does the size of a module decide?
#
# Look at:  cold and cached starts of wazero. The Go module is about a hundred
#           times the size of the C module, and compiling is nearly all of a
#           cold start. The container does not care: it maps a file.
# Takes:    about two minutes. Needs Go, and clang with wasi-libc.

experiment "languages" {
  description = "Go against C: module size decides the cold start."
}

locals {
  answers = { "20" = "6765", "30" = "832040" }
}

dynamic "function" {
  for_each = ["go", "c"]
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
  start = ["cold"]
}

run {
  repetitions = 10
  warmup      = 1
}

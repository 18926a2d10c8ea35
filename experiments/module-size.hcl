# What does a megabyte of module cost at the start?
#
# Source:   our own measurements: a Go module of 2.6 MB compiles for 1.5 s, one
#           of 711 bytes in C for 0.8 ms.
# Look at:  the sizes under environment beside startup. A cold start compiles
#           the whole module, a cached one reads it, and a prepared one only
#           makes its memory: each loses a factor. None of these functions
#           does work worth the name.
# Takes:    about 2 minutes. Needs Go, clang with wasi-libc, and rustc with a
#           wasm target; a language without its compiler is left out.

experiment "module-size" {
  description = "From four kilobytes to megabytes: compile, load, instantiate."
}

locals {
  functions = {
    "noop in c"    = { source = "noop", language = "c" }
    "sha256 in c"  = { source = "sha256", language = "c" }
    "noop in rust" = { source = "noop", language = "rust" }
    "noop in go"   = { source = "noop", language = "go" }
    "json in go"   = { source = "json", language = "go" }
  }
}

dynamic "function" {
  for_each = local.functions
  labels   = [function.key]

  content {
    source   = "../functions/${function.value.source}"
    language = function.value.language
    inputs   = { zero = 0 }
  }
}

backend "wazero" "wasm" {
  start = ["cold", "cached", "prepared"]
}

run {
  repetitions = 15
  warmup      = 1
}
